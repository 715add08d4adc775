//! The right to run a job: a locked file.
//!
//! The kernel drops the lock when the process that holds it ends, however it ends, and in whatever container it ran. So a
//! job is taken up again the moment its process is gone, never while it is only slow, and no clock has a say.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::PathBuf;

use super::error::Error;
use crate::store::Store;

/// A job that is this process's to run, until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    _locked: File,
}

impl Lease {
    /// The lease on the job `id`; `None` while somebody has it. Call it within a session, for a job that lives.
    pub(super) fn take(store: &Store, id: u64) -> Result<Option<Self>, Error> {
        let path = store.tmp().dir().join(format!("lease-{id}"));
        let fail = |source| Error::Io { verb: "lock", path: path.display().to_string(), source };
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, _locked: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(fail(source)),
        }
    }

    /// Gives the lease up for good: the job has ended, on record, so nobody will ask for it again.
    pub(super) fn end(self) {
        // A file that stays harms nobody.
        let _ = fs::remove_file(&self.path);
    }
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
        assert!(Lease::take(&store, 8).unwrap().is_some());
        drop(lease);
        Lease::take(&store, 7).unwrap().unwrap().end();
        assert!(!store.tmp().dir().join("lease-7").exists());
    }
}
