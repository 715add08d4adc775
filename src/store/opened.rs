//! An opened store: the pair of seams, and where they lie on disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::format::{FORMAT_FILE, check_format, format_file};
use crate::backend::LocalBackend;
use crate::fault::prevents_writing;
use crate::journal;
use crate::ledger::{self, Ledger, Session};
use crate::let_go;
use crate::marker::{self, Marker, Trust};
use crate::meta::SledMeta;
use crate::owner::{Presence, Tmp};
use crate::pack::{Disk, Packs, Rehearsal, Writer};
use crate::setting;

/// The name of the store's directory in the directory that it was made for.
pub const DIR_NAME: &str = crate::object::STORE_NAME;

/// How long a session waits for other processes unless told otherwise.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The file that is locked while a process is at the facts.
pub(super) const LOCK: &str = "lock";

/// The directories of a store.
const DIRS: [&str; 5] = ["meta", "journal", "packs", "index", "tmp"];

/// What only a store has in a directory of the name [`DIR_NAME`].
const SIGNS: [&str; 4] = [FORMAT_FILE, "journal", "packs", "meta"];

/// A store that is open; clones share it. Nothing is locked by having one.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    tmp: Tmp,
    presence: Presence,
    packs: Packs,
    ledger: Ledger,
}

impl Store {
    /// Makes a store for the directory `dir`, in `dir/.vds`, and opens it. Others may be making it at the same time.
    pub fn init(dir: &Path, wait: Duration) -> Result<Self, Error> {
        let root = dir.join(DIR_NAME);
        if is_store(&root) {
            check_format(&root)?;
            return Err(Error::Exists { path: root });
        }
        if marker::is_workspace(dir) {
            return Err(Error::Workspace { dir: dir.to_owned() });
        }
        match make(dir, &root) {
            Ok(true) => {
                let store = Self::open(&root, wait)?;
                // It has a journal before anybody relies on it: facts that a power cut tears can be made again from that.
                drop(store.session()?);
                Ok(store)
            }
            Ok(false) => Err(Error::Exists { path: root }),
            Err(source) => Err(Error::Io { verb: "make", path: root, source }),
        }
    }

    /// Opens the store in `path`, which is the store's own directory or the one it was made for.
    pub fn open(path: &Path, wait: Duration) -> Result<Self, Error> {
        let root = Self::at(path)?;
        // Before anything is made in it.
        check_format(&root)?;
        match complete(&root) {
            // A store that may be read only does without those that are missing.
            Err(source) if !prevents_writing(&source) => {
                return Err(Error::Io { verb: "open", path: root, source });
            }
            _ => {}
        }
        let tmp = Tmp::new(&root.join("tmp"));
        tmp.sweep();
        let presence = Presence::new(&tmp);
        let backend = Arc::new(LocalBackend::new(&root.join("packs")));
        let packs = Packs::new(backend, &root.join("index"), &tmp);
        let meta = Arc::new(SledMeta::new(&root.join("meta"), &root.join(LOCK), wait));
        let ledger = Ledger::new(meta, &root.join("journal")).with_packs(&root.join("packs"));
        let store = Self { root, tmp, presence, packs, ledger };
        store.resume()?;
        Ok(store)
    }

    /// The own directory of the store in `path`, in whatever format it is.
    pub fn at(path: &Path) -> Result<PathBuf, Error> {
        let root = [path.join(DIR_NAME), path.to_owned()].into_iter().find(|root| is_store(root));
        let root = root.ok_or_else(|| Error::NotAStore { path: path.to_owned() })?;
        // The programs that stages run have working directories of their own.
        Ok(std::path::absolute(&root).unwrap_or(root))
    }

    /// Opens the store of `start` or of the nearest directory above it. A workspace leads to the store that it names.
    pub fn discover(start: &Path, wait: Duration) -> Result<Self, Error> {
        Self::open(&Self::above(start)?, wait)
    }

    /// The own directory of that store, in whatever format it is.
    pub fn above(start: &Path) -> Result<PathBuf, Error> {
        // Whatever has the name of a store ends the search, lest a change lands in the store above it.
        let found = start.ancestors().find(|dir| is_there(&dir.join(DIR_NAME)) || is_store(dir));
        let found = found.ok_or_else(|| Error::NotFound { start: start.to_owned() })?;
        if !is_store(&found.join(DIR_NAME))
            && let Some(marker) = Marker::find(found, Trust::Own)?
        {
            return Self::named_by(&marker, found);
        }
        Self::at(found)
    }

    /// Opens the store that the marker of `workspace` names.
    pub fn open_named(marker: &Marker, workspace: &Path, wait: Duration) -> Result<Self, Error> {
        Self::open(&Self::named_by(marker, workspace)?, wait)
    }

    fn named_by(marker: &Marker, workspace: &Path) -> Result<PathBuf, Error> {
        Self::at(&marker.store).map_err(|error| match error {
            Error::NotAStore { path } => Error::Gone { workspace: workspace.to_owned(), store: path },
            error => error,
        })
    }

    /// The store's own directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where temporary files lie, and who lives.
    pub fn tmp(&self) -> &Tmp {
        &self.tmp
    }

    /// Lets go of all that was found so far, before a pause that may be long: what is collected meanwhile can be deleted. Nothing may be
    /// read or written until [`Store::resume`].
    pub fn rest(&self) -> Result<(), Error> {
        self.noted(self.presence.release())
    }

    /// Begins anew after [`Store::rest`].
    pub fn resume(&self) -> Result<(), Error> {
        self.noted(self.presence.set())?;
        // A migration that has not seen this presence has said before that it goes on.
        check_format(&self.root)?;
        self.packs.forget_seen();
        Ok(())
    }

    /// Who cannot write a presence can only read: no session lets him change anything. He is told if what he reads is collected.
    fn noted(&self, done: io::Result<()>) -> Result<(), Error> {
        match done {
            Err(source) if !prevents_writing(&source) => {
                Err(Error::Io { verb: "use", path: self.root.clone(), source })
            }
            _ => Ok(()),
        }
    }

    /// The objects, to read.
    pub fn objects(&self) -> &Packs {
        &self.packs
    }

    /// A writer of new objects.
    pub fn writer(&self) -> Writer {
        Writer::new(&self.packs, &self.tmp)
    }

    /// A taker of new objects that keeps none: for a look at what a change would be.
    pub fn rehearsal(&self) -> Rehearsal {
        Rehearsal::new(&self.packs)
    }

    /// The ledger of refs and operations.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A short session with the facts. Do no work while it is held: other processes wait for it.
    pub fn session(&self) -> Result<Session, ledger::Error> {
        let mut facts = self.ledger.session()?;
        // The disk may have room again by now; what was found without a presence may be gone all the same.
        if let Some(refusal) = self.presence.refusal() {
            facts.refuse("cannot note that somebody works here", &refusal);
        }
        self.packs.tell_let_go(let_go::root(&facts)?);
        match setting::reserve(&facts) {
            Ok(reserve) => self.packs.keep_free(reserve),
            Err(error) => {
                tracing::warn!(%error, "what is kept free of the disk is as it would be if nothing were set");
            }
        }
        Ok(facts)
    }

    /// The store's disk, and how much of it is kept free, as the last session told; `None` if its file system does not say.
    pub fn disk(&self) -> Option<Disk> {
        Disk::of(&self.root, self.packs.reserve())
    }
}

/// Makes what a store cannot be without. The file that says what it is comes whole and before its other parts, which
/// are made again whenever they are missing: so what was never finished is not taken for a damaged store. False if another
/// process was faster.
fn make(dir: &Path, root: &Path) -> io::Result<bool> {
    let tmp = Tmp::new(&root.join("tmp"));
    fs::create_dir_all(tmp.dir())?;
    let draft = tmp.path()?;
    let mut file = File::create(&draft)?;
    file.write_all(format_file().as_bytes())?;
    file.sync_all()?;
    match fs::hard_link(&draft, root.join(FORMAT_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        // Some file systems have no links.
        Err(_) => fs::rename(draft, root.join(FORMAT_FILE))?,
        Ok(()) => {}
    }
    // What has other parts, and not this one, would be taken for damaged.
    File::open(root)?.sync_all()?;
    for sub in DIRS {
        fs::create_dir_all(root.join(sub))?;
    }
    File::open(root)?.sync_all()?;
    File::open(dir)?.sync_all()?;
    Ok(true)
}

/// Makes the directories that are missing, for good.
fn complete(root: &Path) -> io::Result<()> {
    let mut missing = DIRS.iter().map(|sub| root.join(sub)).filter(|dir| !dir.is_dir()).peekable();
    if missing.peek().is_none() {
        return Ok(());
    }
    missing.try_for_each(fs::create_dir_all)?;
    File::open(root)?.sync_all()
}

/// Whether this is a store's own directory, be the store whole or damaged.
fn is_store(root: &Path) -> bool {
    if root.ends_with(DIR_NAME) {
        return SIGNS.iter().any(|sign| is_there(&root.join(sign)));
    }
    // Under another name it takes more to be one: others have directories of packs, too.
    fs::read_to_string(root.join(FORMAT_FILE)).is_ok_and(|text| text.starts_with("vds "))
        || (root.join("packs").is_dir() && journal::exists(&root.join("journal")))
}

/// Whether there is something at `path`, or it may not be known; opening it then says why.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).map_or_else(|error| error.kind() == io::ErrorKind::PermissionDenied, |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Kind};

    #[test]
    fn a_store_is_found_from_below_and_refused_when_it_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        assert!(matches!(Store::discover(&deep, DEFAULT_WAIT), Err(Error::NotFound { .. })));
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        assert_eq!(Store::discover(&deep, DEFAULT_WAIT).unwrap().root(), store.root());
        assert_eq!(Store::open(store.root(), DEFAULT_WAIT).unwrap().root(), store.root());
        assert!(matches!(Store::init(dir.path(), DEFAULT_WAIT), Err(Error::Exists { .. })));
        assert!(matches!(Store::open(&deep, DEFAULT_WAIT), Err(Error::NotAStore { .. })));
        fs::write(store.root().join("format"), "vds 2\n").unwrap();
        assert!(matches!(Store::open(dir.path(), DEFAULT_WAIT), Err(Error::TooNew { found: 2, .. })));
        assert!(matches!(Store::init(dir.path(), DEFAULT_WAIT), Err(Error::TooNew { found: 2, .. })));
        fs::write(store.root().join("format"), "vds 1\nchunk-min 5\n").unwrap();
        assert!(matches!(Store::open(dir.path(), DEFAULT_WAIT), Err(Error::UnknownSetting { .. })));
    }

    #[test]
    fn what_has_the_parts_of_a_store_and_no_format_is_a_damaged_one() {
        let outer = tempfile::tempdir().unwrap();
        Store::init(outer.path(), DEFAULT_WAIT).unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let format = Store::init(&inner, DEFAULT_WAIT).unwrap().root().join("format");
        let check = |what: &str| {
            for refused in [Store::discover(&inner, DEFAULT_WAIT), Store::init(&inner, DEFAULT_WAIT)] {
                let error = refused.unwrap_err();
                let said = error.to_string();
                assert_eq!(error.kind(), Kind::Damaged, "{said}");
                assert!(said.ends_with(&format!("{} {what}", format.display())), "{said}");
            }
        };
        fs::remove_file(&format).unwrap();
        check("is missing");
        for (bytes, what) in [
            (&b""[..], "is empty"),
            (b"\xff\n", "is not text"),
            (b"vds one\n", "does not begin with `vds` and a number"),
        ] {
            fs::write(&format, bytes).unwrap();
            check(what);
        }
        // As the hint says.
        fs::write(&format, "vds 1\n").unwrap();
        assert_eq!(Store::discover(&inner, DEFAULT_WAIT).unwrap().root(), inner.join(DIR_NAME));
        // What was begun and never finished has nothing in it that could be lost; the store above is not meant all the same.
        for part in SIGNS {
            let _ = fs::remove_dir_all(inner.join(DIR_NAME).join(part));
        }
        fs::remove_file(&format).unwrap();
        assert!(matches!(Store::discover(&inner, DEFAULT_WAIT), Err(Error::NotAStore { .. })));
        Store::init(&inner, DEFAULT_WAIT).unwrap();
    }

    #[test]
    fn of_many_who_make_one_store_at_once_one_has_made_it() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let ready = std::sync::Barrier::new(5);
            let init = || {
                ready.wait();
                Store::init(dir.path(), DEFAULT_WAIT)
            };
            let made = std::thread::scope(|scope| {
                let makers: Vec<_> = (0..5).map(|_| scope.spawn(init)).collect();
                let made = makers.into_iter().map(|maker| maker.join().unwrap());
                made.filter(|made| !matches!(made, Err(Error::Exists { .. }))).map(Result::unwrap).count()
            });
            assert_eq!(made, 1);
            Store::open(dir.path(), DEFAULT_WAIT).unwrap();
        }
    }
}
