//! Immutable files in memory.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Backend, Error, Listed};
use crate::object::Digest;

const PLACE: &str = "memory";

/// Files in memory, for tests of the rooms above.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    files: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl MemoryBackend {
    fn files(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the bytes of a file, as damage would.
    pub fn damage(&self, name: &Digest, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(bytes) = self.files().get_mut(name) {
            change(bytes);
        }
    }
}

impl Backend for MemoryBackend {
    fn put(&self, name: &Digest, source: &Path) -> Result<(), Error> {
        let fail = |source| Error::Io { verb: "keep a file", place: PLACE.to_owned(), source };
        let bytes = fs::read(source).map_err(fail)?;
        self.files().insert(*name, bytes);
        fs::remove_file(source).map_err(fail)?;
        Ok(())
    }

    fn settle(&self, _: &Digest) -> Result<(), Error> {
        Ok(())
    }

    fn read(&self, name: &Digest, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let files = self.files();
        let bytes = files.get(name).ok_or_else(|| Error::Missing { name: *name, place: PLACE.to_owned() })?;
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let part = bytes.get(at(range.start)..at(range.end)).map(<[u8]>::to_vec);
        part.ok_or_else(|| Error::Short { name: *name, place: PLACE.to_owned(), range })
    }

    fn find(&self, name: &Digest) -> Result<Option<u64>, Error> {
        Ok(self.files().get(name).map(|bytes| bytes.len() as u64))
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        Ok(self.files().iter().map(|(name, bytes)| Listed { name: *name, len: bytes.len() as u64 }).collect())
    }

    fn delete(&self, name: &Digest) -> Result<(), Error> {
        self.files().remove(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_keeps_the_contract() {
        super::super::conformance::check(&super::MemoryBackend::default());
    }
}
