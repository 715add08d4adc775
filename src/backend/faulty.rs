//! A backend whose n-th operation fails, to see what the rooms above make of it.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Backend, Error, Listed};
use crate::object::Digest;

/// A backend that passes everything on, but fails one operation.
#[derive(Debug)]
pub struct FaultyBackend<B> {
    inner: B,
    until_fault: AtomicU64,
}

impl<B: Backend> FaultyBackend<B> {
    /// Wraps `inner`; the `nth` operation of any kind from now fails, counted from 1, and is not done.
    pub fn new(inner: B, nth: u64) -> Self {
        Self { inner, until_fault: AtomicU64::new(nth) }
    }

    /// Whether the fault has happened.
    pub fn has_failed(&self) -> bool {
        // The counter passes zero when it happens, and wraps round afterwards.
        self.until_fault.load(Ordering::Relaxed).wrapping_sub(1) > u64::MAX / 2
    }

    fn count(&self, verb: &'static str) -> Result<(), Error> {
        if self.until_fault.fetch_sub(1, Ordering::Relaxed) != 1 {
            return Ok(());
        }
        let source = io::Error::new(io::ErrorKind::StorageFull, "no space left, as arranged");
        Err(Error::Io { verb, place: "a faulty place".to_owned(), source })
    }
}

impl<B: Backend> Backend for FaultyBackend<B> {
    fn put(&self, name: &Digest, source: &Path) -> Result<(), Error> {
        self.count("keep a file")?;
        self.inner.put(name, source)
    }

    fn settle(&self, name: &Digest) -> Result<(), Error> {
        self.count("keep a file")?;
        self.inner.settle(name)
    }

    fn read(&self, name: &Digest, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.count("read a file")?;
        self.inner.read(name, range)
    }

    fn find(&self, name: &Digest) -> Result<Option<u64>, Error> {
        self.count("look for a file")?;
        self.inner.find(name)
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        self.count("list the files")?;
        self.inner.list()
    }

    fn delete(&self, name: &Digest) -> Result<(), Error> {
        self.count("delete a file")?;
        self.inner.delete(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MemoryBackend, conformance};
    use super::*;

    #[test]
    fn it_keeps_the_contract_until_it_fails() {
        conformance::check(&FaultyBackend::new(MemoryBackend::default(), 0));
    }

    #[test]
    fn the_named_operation_fails_once() {
        let backend = FaultyBackend::new(MemoryBackend::default(), 2);
        assert!(backend.list().is_ok() && !backend.has_failed());
        assert!(backend.list().is_err() && backend.has_failed());
        assert!(backend.list().is_ok() && backend.has_failed());
    }
}
