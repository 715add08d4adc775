//! A copy of a store in use, that opens and is whole.
//!
//! The journal is taken first, up to its last whole record, and put in its place last. Whatever it names was in packs before, and these
//! are copied in between, each checked against its name. So a backup is at each moment what it was before or what it is to be, and one
//! that is interrupted is given again. Packs never change: of those that an earlier backup has none is copied again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::{self, Backend, LocalBackend};
use crate::fault::{Kind, fault, is_full};
use crate::journal::{self, Journal};
use crate::ledger;
use crate::object::Digest;
use crate::owner::Tmp;
use crate::pack::{CopyError, Fits};
use crate::progress::{Amount, Progress};
use crate::store::{DIR_NAME, Store};

/// How often it is begun again when packs are collected meanwhile.
const TRIES: usize = 10;

/// A backup that could not be made. The one that was there before is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Packs could not be listed or kept.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// The directory has something else in it.
    #[error("{} is not empty, and holds no backup", .dir.display())]
    Occupied { dir: PathBuf },
    /// The directory has the backup of another store, or a store that went its own way.
    #[error("{} is not an earlier state of this store", .dir.display())]
    Foreign { dir: PathBuf },
    /// A pack is not what its name says.
    #[error("the pack {pack} is damaged, and was not copied")]
    Damaged { pack: Digest },
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Packs vanished again and again.
    #[error("packs were collected again and again while they were copied")]
    Restless,
}

fault! {
    Error passes on Journal, Ledger, Backend;
    kind {
        Self::Occupied { .. } => Kind::Usage,
        Self::Foreign { .. } => Kind::Refused,
        Self::Damaged { .. } => Kind::Damaged,
        Self::Io { .. } => Kind::Io,
        Self::Restless => Kind::Busy,
    }
    hint {
        Self::Occupied { .. } => Some("name a new directory, an empty one, or an earlier backup".to_owned()),
        Self::Foreign { .. } => Some("name a new directory, or the backup of this store".to_owned()),
        Self::Damaged { .. } => Some("`vds verify` tells what that hurts; an earlier backup may have it intact".to_owned()),
        Self::Io { source, .. } if is_full(source) => Some("free some space there and give the command again".to_owned()),
        Self::Io { .. } => Some("choose another place".to_owned()),
        Self::Restless => Some("give the command again".to_owned()),
    }
}

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backed {
    /// The directory of the store that it is.
    pub root: PathBuf,
    /// The last operation in it.
    pub operation: u64,
    /// How many packs it has.
    pub packs: u64,
    /// How many of them are new to it.
    pub copied: u64,
    /// The bytes of the new ones.
    pub bytes: u64,
}

/// Makes the directory `dir` hold a store that is what `store` is now. An earlier backup in it is gone on with.
pub fn backup(store: &Store, dir: &Path, progress: &dyn Progress) -> Result<Backed, Error> {
    let root = dir.join(DIR_NAME);
    // A store in which nothing has happened yet gets its journal.
    drop(store.session()?);
    check(store, dir, &root)?;
    let places = ["journal", "packs", "tmp"].map(|name| root.join(name));
    for place in &places {
        fs::create_dir_all(place).map_err(|source| Error::Io { path: place.clone(), source })?;
    }
    let tmp = Tmp::new(&root.join("tmp"));
    tmp.sweep();
    let copying =
        Copying { store, root: &root, tmp, to: Arc::new(LocalBackend::new(&root.join("packs"))), progress };
    for _ in 0..TRIES {
        if let Some(done) = copying.attempt()? {
            return Ok(done);
        }
    }
    Err(Error::Restless)
}

/// An error unless the directory is free, or has an earlier state of the store.
fn check(store: &Store, dir: &Path, root: &Path) -> Result<(), Error> {
    if !root.exists() {
        let is_free = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
        return if is_free { Ok(()) } else { Err(Error::Occupied { dir: dir.to_owned() }) };
    }
    if !journal::exists(&root.join("journal")) {
        return Ok(());
    }
    let theirs = Journal::read(&root.join("journal"))?.tip();
    for record in Journal::read(&store.root().join("journal"))?.newest_first() {
        let record = record?;
        if record.number == theirs.number && record.check == theirs.check {
            return Ok(());
        }
        if record.number <= theirs.number {
            break;
        }
    }
    Err(Error::Foreign { dir: dir.to_owned() })
}

struct Copying<'a> {
    store: &'a Store,
    root: &'a Path,
    tmp: Tmp,
    to: Arc<LocalBackend>,
    progress: &'a dyn Progress,
}

impl Copying<'_> {
    fn fail(&self) -> impl Fn(io::Error) -> Error {
        let path = self.root.to_owned();
        move |source| Error::Io { path: path.clone(), source }
    }

    /// Copies what there is now; `None` if a pack vanished meanwhile.
    fn attempt(&self) -> Result<Option<Backed>, Error> {
        let draft = self.tmp.path().map_err(self.fail())?;
        let mut file = File::create(&draft).map_err(self.fail())?;
        let journal = Journal::read(&self.store.root().join("journal"))?;
        journal.copy_to(&mut file)?;
        file.sync_all().map_err(self.fail())?;
        let packs = LocalBackend::new(&self.store.root().join("packs")).list()?;
        let new: Vec<_> = {
            let there = self.to.list()?;
            packs.iter().filter(|pack| there.binary_search(pack).is_err()).collect()
        };
        let bytes = new.iter().map(|pack| pack.len).sum();
        self.progress.begin("copying packs", Amount::Bytes(Some(bytes)));
        for pack in &new {
            if !self.pack(&pack.name)? {
                return Ok(None);
            }
            self.progress.advance(pack.len);
        }
        self.progress.end();
        self.finish(&draft)?;
        let (root, operation) = (self.root.to_owned(), journal.tip().number);
        Ok(Some(Backed { root, operation, packs: packs.len() as u64, copied: new.len() as u64, bytes }))
    }

    /// Copies a pack; false if it has gone.
    fn pack(&self, name: &Digest) -> Result<bool, Error> {
        let path = self.tmp.path().map_err(self.fail())?;
        let mut file = File::create(&path).map_err(self.fail())?;
        match self.store.objects().copy(name, &mut file) {
            Ok(Fits::Yes) => self.to.put(name, &path)?,
            Ok(Fits::No) => return Err(Error::Damaged { pack: *name }),
            Err(CopyError::Read(backend::Error::Missing { .. })) => return Ok(false),
            Err(CopyError::Read(error)) => return Err(error.into()),
            Err(CopyError::Write(source)) => return Err(self.fail()(source)),
        }
        Ok(true)
    }

    /// Puts the journal, and what says that this is a store, in their places.
    fn finish(&self, draft: &Path) -> Result<(), Error> {
        let done = || {
            fs::rename(draft, self.root.join("journal").join("operations"))?;
            File::open(self.root.join("journal"))?.sync_all()?;
            let format = self.tmp.path()?;
            fs::copy(self.store.root().join("format"), &format)?;
            File::open(&format)?.sync_all()?;
            fs::rename(format, self.root.join("format"))?;
            File::open(self.root)?.sync_all()
        };
        done().map_err(self.fail())
    }
}
