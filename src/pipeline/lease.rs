//! The right to run a job: a locked file.
//!
//! The kernel drops the lock when the process that holds it ends, however it ends, and in whatever container it ran. So a
//! job is taken up again the moment its process is gone, never while it is only slow, and no clock has a say.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;

use super::error::Error;
use super::job;
use crate::store::Store;

/// What the names of these files begin with.
const PREFIX: &str = "lease-";

/// A job that is this process's to run, until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    locked: File,
}

impl Lease {
    /// Where the lease on the job `id` lies.
    pub(super) fn path(store: &Store, id: u64) -> PathBuf {
        store.tmp().dir().join(format!("{PREFIX}{id}"))
    }

    /// The lease on the job `id`; `None` while somebody has it. Call it within a session, for a job that lives.
    pub(super) fn take(store: &Store, id: u64) -> Result<Option<Self>, Error> {
        let path = Self::path(store, id);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| Error::io("lock", &path, source))?;
        match file.try_lock() {
            Ok(()) => {
                // What a dead process announced in it holds no more.
                file.set_len(0).map_err(|source| Error::io("lock", &path, source))?;
                Ok(Some(Self { path, locked: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path, source)),
        }
    }

    /// Whether somebody has the lease on the job `id`. Who wants to take it at the same moment may be turned away, and tries again; within a
    /// session nobody can.
    pub(super) fn is_held(store: &Store, id: u64) -> Result<bool, Error> {
        let path = Self::path(store, id);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(|source| Error::io("lock", &path, source))?,
        };
        match file.try_lock_shared() {
            Ok(()) => {
                release(&file);
                Ok(false)
            }
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path, source)),
        }
    }

    /// The jobs that there are leases on, of the living and of the dead.
    pub(super) fn all(store: &Store) -> Result<Vec<u64>, Error> {
        let dir = store.tmp().dir();
        let entries = fs::read_dir(dir).map_err(|source| Error::io("lock", dir, source))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok()).collect())
    }

    /// Takes away what dead processes left of leases on jobs that have ended since.
    pub(super) fn sweep(store: &Store) -> Result<(), Error> {
        let ids = Self::all(store)?;
        if ids.is_empty() {
            return Ok(());
        }
        // Within a session, where nobody can want to take one.
        let facts = store.session()?;
        for id in ids {
            if !job::is_living(&facts, id)? && !Self::is_held(store, id)? {
                Self::forget(store, id);
            }
        }
        Ok(())
    }

    /// Takes away what a dead process may have left of its lease on the job `id`, which has ended on record.
    pub(super) fn forget(store: &Store, id: u64) {
        // A file that stays harms nobody.
        let _ = fs::remove_file(Self::path(store, id));
    }

    /// Gives the lease up for good: the job has ended, on record, so nobody will ask for it again.
    pub(super) fn end(self) {
        // A file that stays harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        release(&self.locked);
    }
}

/// Gives up a lock that a program may have for a moment too which another thread is starting just now.
fn release(file: &File) {
    // One that cannot be given up goes with the last who has the file open.
    let _ = file.unlock();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DEFAULT_WAIT;

    #[test]
    fn one_at_a_time_has_the_lease() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let lease = Lease::take(&store, 7).unwrap().unwrap();
        assert!(Lease::take(&store, 7).unwrap().is_none());
        assert!(Lease::is_held(&store, 7).unwrap() && !Lease::is_held(&store, 8).unwrap());
        assert!(Lease::take(&store, 8).unwrap().is_some());
        drop(lease);
        assert!(!Lease::is_held(&store, 7).unwrap());
        Lease::take(&store, 7).unwrap().unwrap().end();
        assert!(!store.tmp().dir().join("lease-7").exists());
    }
}
