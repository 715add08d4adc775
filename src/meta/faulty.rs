//! Small facts whose n-th change fails, to see what the rooms above make of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Applied, Batch, Error, MetaSession, MetaStore, Visitor};

/// A store of facts that passes everything on, but fails one `apply`.
#[derive(Debug)]
pub struct FaultyMeta<M> {
    inner: M,
    until_fault: Arc<AtomicU64>,
}

#[derive(Debug)]
struct FaultySession {
    inner: Box<dyn MetaSession>,
    until_fault: Arc<AtomicU64>,
}

impl<M: MetaStore> FaultyMeta<M> {
    /// Wraps `inner`; the `nth` change from now fails, counted from 1, and is not made.
    pub fn new(inner: M, nth: u64) -> Self {
        Self { inner, until_fault: Arc::new(AtomicU64::new(nth)) }
    }
}

impl<M: MetaStore> MetaStore for FaultyMeta<M> {
    fn session(&self) -> Result<Box<dyn MetaSession>, Error> {
        Ok(Box::new(FaultySession {
            inner: self.inner.session()?,
            until_fault: Arc::clone(&self.until_fault),
        }))
    }

    fn set_aside(&self) -> Result<Option<PathBuf>, Error> {
        self.inner.set_aside()
    }
}

impl MetaSession for FaultySession {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(key)
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visitor<'_>) -> Result<(), Error> {
        self.inner.scan(prefix, visit)
    }

    fn apply(&mut self, batch: &Batch) -> Result<Applied, Error> {
        if self.until_fault.fetch_sub(1, Ordering::Relaxed) == 1 {
            let source = io::Error::new(io::ErrorKind::StorageFull, "no space left, as arranged");
            return Err(Error::Io { verb: "write facts", place: "a faulty place".to_owned(), source });
        }
        self.inner.apply(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MemoryMeta, conformance};
    use super::*;

    #[test]
    fn it_keeps_the_contract_until_it_fails() {
        conformance::check(&FaultyMeta::new(MemoryMeta::default(), 0));
    }

    #[test]
    fn the_named_change_fails_and_is_not_made() {
        let meta = FaultyMeta::new(MemoryMeta::default(), 2);
        let mut session = meta.session().unwrap();
        let mut put = |key: &[u8]| {
            let mut batch = Batch::default();
            batch.put(key.to_vec(), b"value".to_vec());
            session.apply(&batch).is_ok()
        };
        assert_eq!((put(b"1"), put(b"2"), put(b"3")), (true, false, true));
        assert_eq!(session.get(b"2").unwrap(), None);
    }
}
