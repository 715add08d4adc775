//! A peer whose n-th operation fails, to see what is left of a transfer that is cut short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::contract::{Delivery, Names, Parcel, Peer, RefMove, Updated};
use super::error::Error;
use crate::history::{Author, LetGo};
use crate::object::{AccessError, CommitId, Digest, NodeId, ObjectKind, Payload};

/// A peer that passes everything on, counts it, and fails one operation.
#[derive(Debug)]
pub(super) struct FaultyPeer<P> {
    inner: P,
    counts: Arc<Counts>,
}

/// What went through a [`FaultyPeer`].
#[derive(Debug)]
struct Counts {
    until_fault: AtomicU64,
    read: AtomicU64,
    put: AtomicU64,
}

#[derive(Debug)]
struct FaultyDelivery<'a> {
    inner: Box<dyn Delivery + 'a>,
    counts: Arc<Counts>,
}

impl Counts {
    fn step(&self, what: &str) -> Result<(), Error> {
        if self.until_fault.fetch_sub(1, Ordering::Relaxed) != 1 {
            return Ok(());
        }
        let source = std::io::Error::other("the line is down, as arranged");
        Err(Error::Io { verb: "reach", place: format!("a faulty place, for {what}"), source })
    }
}

impl<P: Peer> FaultyPeer<P> {
    /// Wraps `inner`; the `nth` operation from now fails, counted from 1, and is not done.
    pub(super) fn new(inner: P, nth: u64) -> Self {
        let [read, put] = [AtomicU64::new(0), AtomicU64::new(0)];
        Self { inner, counts: Arc::new(Counts { until_fault: AtomicU64::new(nth), read, put }) }
    }

    /// How many objects were read from it, and how many were put.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.counts.read.load(Ordering::Relaxed), self.counts.put.load(Ordering::Relaxed))
    }
}

impl<P: Peer> Peer for FaultyPeer<P> {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn names(&self) -> Result<Vec<Names>, Error> {
        self.counts.step("names")?;
        self.inner.names()
    }

    fn read(&self, ids: &[Digest]) -> Result<Vec<Payload>, AccessError> {
        let failed = |error: Error| AccessError::Storage {
            verb: "read",
            digest: ids.first().copied().unwrap_or(Digest::of(b"")),
            source: error.into(),
        };
        self.counts.step("objects").map_err(failed)?;
        self.counts.read.fetch_add(ids.len() as u64, Ordering::Relaxed);
        self.inner.read(ids)
    }

    fn let_go(&self) -> Option<NodeId> {
        self.inner.let_go()
    }

    fn receive(&self, author: &Author) -> Result<Box<dyn Delivery + '_>, Error> {
        self.counts.step("a delivery")?;
        Ok(Box::new(FaultyDelivery { inner: self.inner.receive(author)?, counts: Arc::clone(&self.counts) }))
    }

    fn update(&self, author: &Author, moves: &[RefMove]) -> Result<Updated, Error> {
        self.counts.step("names")?;
        self.inner.update(author, moves)
    }
}

impl Delivery for FaultyDelivery<'_> {
    fn have(&self, ids: &[Digest]) -> Result<Vec<Option<ObjectKind>>, Error> {
        self.counts.step("what there is")?;
        self.inner.have(ids)
    }

    fn has_files(&self, commit: CommitId) -> Result<bool, Error> {
        self.inner.has_files(commit)
    }

    fn let_go(&mut self, gone: &[(CommitId, LetGo)]) -> Result<(), Error> {
        self.counts.step("what was let go")?;
        self.inner.let_go(gone)
    }

    fn let_go_results(&mut self, gone: &LetGo) -> Result<(), Error> {
        self.counts.step("what was let go")?;
        self.inner.let_go_results(gone)
    }

    fn put(&mut self, parcels: &[Parcel]) -> Result<(), Error> {
        self.counts.step("objects")?;
        self.counts.put.fetch_add(parcels.len() as u64, Ordering::Relaxed);
        self.inner.put(parcels)
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        self.counts.step("the end")?;
        self.inner.finish()
    }
}
