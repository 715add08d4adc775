//! A copy of a store in use as a directory, which grows with the store.
//!
//! The journal is taken first, up to its last whole record, and put in its place last. Whatever it names was in packs before, and these
//! are copied in between, each checked against its name. So a backup is at each moment what it was before or what it is to be, and one
//! that is interrupted is given again. Packs never change: of those that an earlier backup has none is copied again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use crate::backend::{self, Backend, LocalBackend};
use crate::journal::{self, Journal};
use crate::object::Digest;
use crate::owner::Tmp;
use crate::pack::{CopyError, Fits};
use crate::progress::{Amount, Progress};
use crate::store::{DIR_NAME, Store};

/// How often packs are listed anew when some are collected meanwhile.
pub(super) const TRIES: usize = 10;

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

/// An error if this place is in the store's own directory.
pub(super) fn outside(store: &Store, place: &Path) -> Result<(), Error> {
    let mut dirs = place.ancestors().map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
    // What is not there yet will be in the nearest directory that is.
    let there = dirs.find_map(|dir| fs::canonicalize(dir).ok());
    let is_own = |own: PathBuf| there.is_some_and(|there| there.starts_with(own));
    if fs::canonicalize(store.root()).is_ok_and(is_own) {
        return Err(Error::Itself { place: place.to_owned() });
    }
    Ok(())
}

/// Makes the directory `dir` hold a store that is what `store` is now. An earlier backup in it is gone on with.
pub fn backup(store: &Store, dir: &Path, progress: &dyn Progress) -> Result<Backed, Error> {
    let root = dir.join(DIR_NAME);
    outside(store, &root)?;
    // A store in which nothing has happened yet gets its journal.
    store.session()?.check_sound()?;
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

/// The journal, each record of which was looked at: an earlier backup may have it whole where the store has not.
pub(super) fn whole_journal(store: &Store) -> Result<Journal, Error> {
    let journal = Journal::read(&store.root().join("journal"))?;
    journal.newest_first().try_for_each(|record| record.map(drop))?;
    Ok(journal)
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

/// Copies a pack, checked against its name, to `to`, which messages call `place`; false if it has gone.
pub(super) fn copy_pack(
    store: &Store,
    name: &Digest,
    to: &mut dyn Write,
    place: &Path,
) -> Result<bool, Error> {
    match store.objects().copy(name, to) {
        Ok(Fits::Yes) => Ok(true),
        Ok(Fits::No) => Err(Error::Damaged { pack: *name }),
        Err(CopyError::Read(backend::Error::Missing { .. })) => Ok(false),
        Err(CopyError::Read(error)) => Err(error.into()),
        Err(CopyError::Write(source)) => Err(Error::Io { path: place.to_owned(), source }),
    }
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
        let journal = whole_journal(self.store)?;
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
        if !copy_pack(self.store, name, &mut file, self.root)? {
            return Ok(false);
        }
        self.to.put(name, &path)?;
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
