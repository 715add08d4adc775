//! Putting another journal in the place of one that cannot be used.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::disk::Disk;
use super::error::Error;
use super::record::{HEAD, Record, START, Tip};

/// The records of the journal in `dir` from the first on, up to the first that is not good; none if there is no journal.
pub fn oldest_first(dir: &Path) -> Result<impl Iterator<Item = Record>, Error> {
    let path = dir.join("operations");
    let disk = match File::open(&path) {
        Ok(file) => Some(Disk { path, file }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(Error::Io { verb: "open", path, source }),
    };
    let (mut at, mut tip) = (START, Tip::default());
    Ok(std::iter::from_fn(move || {
        let disk = disk.as_ref()?;
        let end = disk.len().ok()?;
        let record = disk.starting_at(at, end).ok()??;
        let is_good = record.follows(tip) && disk.head().is_ok_and(|head| head == HEAD);
        (at, tip) = (record.end(), record.tip());
        is_good.then_some(record)
    }))
}

/// Puts the journal in the directory `draft` in the place of that in `dir`, in one step. The old one is kept beside it.
pub fn replace(dir: &Path, draft: &Path) -> Result<(), Error> {
    let (old, new) = (dir.join("operations"), draft.join("operations"));
    let fail = |source| Error::Io { verb: "replace", path: old.clone(), source };
    if old.exists() {
        let free = (1..1000).map(|n| dir.join(format!("operations.broken-{n}"))).find(|path| !path.exists());
        let aside = free.unwrap_or_else(|| dir.join("operations.broken"));
        // Some file systems have no links.
        fs::hard_link(&old, &aside).or_else(|_| fs::copy(&old, &aside).map(drop)).map_err(fail)?;
    }
    fs::rename(&new, &old).map_err(fail)?;
    fs::remove_dir_all(draft).and_then(|()| File::open(dir)?.sync_all()).map_err(fail)
}
