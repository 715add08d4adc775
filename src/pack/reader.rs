//! Reading objects from packs, each checked against its name.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::Nodes;
use super::codec;
use super::condemned::Condemned;
use super::footer::{Footer, Located, TRAILER, Trailer};
use super::graph::Graph;
use super::index::Index;
use super::listing::Listing;
use crate::backend::{self, Backend, Listed};
use crate::fault::Cause;
use crate::object::{AccessError, CommitId, Digest, Lineage, NodeId, ObjectKind, ObjectRead, Payload};
use crate::owner::Tmp;
use crate::setting::Reserve;

/// How many of the packs that are gone are named.
const NAMED: usize = 10;

/// All packs of a store; clones share them.
#[derive(Debug, Clone)]
pub struct Packs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    backend: Arc<dyn Backend>,
    index: Index,
    known: Mutex<Known>,
    nodes: Nodes,
    graph: Graph,
    reserve: Mutex<Reserve>,
    let_go: Mutex<Option<NodeId>>,
    reads: AtomicU64,
    read_bytes: AtomicU64,
}

/// What was seen of the packs and the index since they were opened.
#[derive(Debug, Default)]
struct Known {
    /// Whether the index was seen to have tables.
    asked: bool,
    /// Which packs were looked for, and whether they are there.
    there: HashMap<Digest, bool>,
}

/// How much was read so far, for tests that count instead of measuring time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many objects.
    pub objects: u64,
    /// How many bytes, as stored.
    pub bytes: u64,
}

/// Where an object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack.
    pub pack: Digest,
    /// The place in it.
    pub at: Located,
}

impl Packs {
    /// The packs in `backend`, with their tables in the directory `index` and room for temporary files in `tmp`.
    pub fn new(backend: Arc<dyn Backend>, index: &Path, tmp: &Tmp) -> Self {
        let graph = Graph::new(index.join("commits.graph"), tmp);
        let index = Index::new(index, tmp);
        let (reads, read_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let (known, nodes, reserve, let_go) =
            (Mutex::default(), Nodes::new(), Mutex::default(), Mutex::default());
        let shared = Shared { backend, index, known, nodes, graph, reserve, let_go, reads, read_bytes };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.shared.backend
    }

    pub(super) fn index(&self) -> &Index {
        &self.shared.index
    }

    pub(super) fn nodes(&self) -> &Nodes {
        &self.shared.nodes
    }

    /// How much of their disk is kept free.
    pub fn reserve(&self) -> Reserve {
        *self.shared.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets no pack be begun when only `reserve` is left of the disk.
    pub fn keep_free(&self, reserve: Reserve) {
        *self.shared.reserve.lock().unwrap_or_else(PoisonError::into_inner) = reserve;
    }

    /// Hands on the root of the table of commits whose files were let go, to whoever reads commits from here.
    pub fn tell_let_go(&self, table: Option<NodeId>) {
        *self.shared.let_go.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// How much was read so far; what lay in memory still does not count.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { objects: read(&self.shared.reads), bytes: read(&self.shared.read_bytes) }
    }

    /// Forgets where things were, for who uses nothing that was found before: it is looked again when it is asked for.
    pub fn forget_seen(&self) {
        *self.known() = Known::default();
        self.shared.index.forget_seen();
    }

    /// Sees to it that the index knows all packs, and no others.
    pub fn complete(&self) -> Result<(), AccessError> {
        self.compare(&Digest::of(b""))
    }

    /// Where `digest` lies, if any table lists it.
    pub fn locate(&self, digest: &Digest) -> Result<Option<Location>, AccessError> {
        let found = self.shared.index.find(digest).map_err(|source| index_error(digest, source))?;
        Ok(found.map(|(pack, at)| Location { pack, at }))
    }

    /// Where `digest` lies; when no table lists it, packs that are in no table are looked into first, and condemned ones last.
    pub fn place(&self, digest: &Digest) -> Result<Location, AccessError> {
        if let Some(location) = self.locate(digest)? {
            return Ok(location);
        }
        self.refresh(digest)?;
        let found = match self.locate(digest)? {
            None => self.locate_condemned(digest)?,
            found => found,
        };
        found.ok_or(AccessError::Missing { digest: *digest })
    }

    /// Where `digest` lies in a pack that is on its way out.
    fn locate_condemned(&self, digest: &Digest) -> Result<Option<Location>, AccessError> {
        let found = self.condemned()?.iter().find_map(|condemned| condemned.table.find(digest));
        Ok(found.map(|(pack, at)| Location { pack, at }))
    }

    /// Lists the tables anew and indexes the packs that none of them covers, in search of `digest`.
    fn refresh(&self, digest: &Digest) -> Result<(), AccessError> {
        let index = |source| index_error(digest, source);
        self.shared.index.reload().map_err(index)?;
        if self.locate(digest)?.is_some() {
            return Ok(());
        }
        self.cover(digest)
    }

    /// Indexes the packs that no table covers, for the sake of `digest`.
    pub(super) fn cover(&self, digest: &Digest) -> Result<(), AccessError> {
        let covered = self.covered(digest)?;
        let mut listing = Listing::new(self, digest);
        for pack in self.list(digest)?.iter().filter(|pack| !covered.contains(&pack.name)) {
            listing.add_whole(pack)?;
        }
        listing.finish().map(drop)
    }

    /// The packs whose objects are written down, in the index or as condemned. The index is asked first: what goes from there is in the
    /// other already.
    fn covered(&self, digest: &Digest) -> Result<HashSet<Digest>, AccessError> {
        let mut covered = self.shared.index.covered().map_err(|source| index_error(digest, source))?;
        covered.extend(self.condemned()?.iter().flat_map(Condemned::packs));
        Ok(covered)
    }

    fn list(&self, digest: &Digest) -> Result<Vec<Listed>, AccessError> {
        self.shared.backend.list().map_err(|error| storage_error("find", digest, error))
    }

    /// Where `digest` is kept, for who would keep it otherwise: in a pack that is there, not only in a table that says so.
    pub fn find(&self, digest: &Digest) -> Result<Option<Location>, AccessError> {
        self.expect_tables(digest)?;
        // A table that lists a pack that is gone is mended; then another pack may be found to have it.
        for _ in 0..2 {
            match self.locate(digest)? {
                None => return Ok(None),
                Some(found) if self.is_there(&found.pack, digest)? => return Ok(Some(found)),
                Some(_) => {}
            }
        }
        Ok(None)
    }

    /// Sees to it that a lost index is made again, before `digest` is asked for or kept.
    pub(super) fn expect_tables(&self, digest: &Digest) -> Result<(), AccessError> {
        let mut known = self.known();
        if !known.asked {
            if self.shared.index.tables().map_err(|source| index_error(digest, source))?.is_empty() {
                self.compare(digest)?;
            }
            known.asked = true;
        }
        Ok(())
    }

    /// Whether the pack is there; it is looked for once.
    fn is_there(&self, pack: &Digest, digest: &Digest) -> Result<bool, AccessError> {
        let mut known = self.known();
        if let Some(there) = known.there.get(pack) {
            return Ok(*there);
        }
        let found = self.shared.backend.find(pack).map_err(|error| storage_error("find", digest, error))?;
        if found.is_none() {
            self.compare(digest)?;
        }
        known.there.insert(*pack, found.is_some());
        Ok(found.is_some())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the index with the packs that there are, and mends it.
    fn compare(&self, digest: &Digest) -> Result<(), AccessError> {
        let index = |source| index_error(digest, source);
        // Asked first, because a pack is put before a table covers it.
        let covered = self.shared.index.covered().map_err(index)?;
        let there: HashSet<Digest> = self.list(digest)?.iter().map(|pack| pack.name).collect();
        let gone: HashSet<Digest> = covered.difference(&there).copied().collect();
        if !gone.is_empty() {
            let names: Vec<String> = gone.iter().take(NAMED).map(Digest::to_string).collect();
            let (count, packs) = (gone.len(), names.join(" "));
            tracing::warn!(
                count,
                packs,
                "packs are gone; what only they held is missing until they are restored"
            );
            self.shared.index.forget(&gone).map_err(index)?;
        }
        if !there.is_subset(&self.covered(digest)?) {
            self.shared.index.reload().map_err(index)?;
            self.cover(digest)?;
        }
        Ok(())
    }

    /// What the pack holds, as its footer says.
    pub fn footer(&self, pack: &Digest, len: u64) -> Result<Footer, String> {
        let read = |range| self.shared.backend.read(pack, range).map_err(|error| error.to_string());
        let bad = || "its footer is damaged".to_owned();
        let end = len.checked_sub(TRAILER as u64).ok_or_else(bad)?;
        let trailer = Trailer::read(&read(end..len)?, len).ok_or_else(bad)?;
        Footer::read(&read(trailer.start..end)?, &trailer).ok_or_else(bad)
    }

    fn read_at(&self, digest: &Digest, location: &Location) -> Result<Payload, AccessError> {
        check(digest, location, self.stored(digest, location)?)
    }

    /// The bytes in this place, as they are stored.
    pub(super) fn stored(&self, digest: &Digest, location: &Location) -> Result<Vec<u8>, AccessError> {
        let Located { offset, stored, .. } = location.at;
        let range = offset..offset.saturating_add(u64::from(stored));
        let bytes = self.shared.backend.read(&location.pack, range).map_err(|error| match error {
            backend::Error::Io { .. } => storage_error("read", digest, error),
            other => damaged(digest, location, &other.to_string()),
        })?;
        self.shared.reads.fetch_add(1, Ordering::Relaxed);
        self.shared.read_bytes.fetch_add(u64::from(stored), Ordering::Relaxed);
        Ok(bytes)
    }
}

fn damaged(digest: &Digest, location: &Location, reason: &str) -> AccessError {
    let place = format!("pack {} at byte {}", location.pack, location.at.offset);
    AccessError::Damaged { digest: *digest, place, reason: reason.to_owned() }
}

/// The object whose stored bytes these are.
pub(super) fn check(digest: &Digest, location: &Location, stored: Vec<u8>) -> Result<Payload, AccessError> {
    let Located { kind, codec, len, .. } = location.at;
    let bytes = codec::decompress(codec, stored, len as usize)
        .ok_or_else(|| damaged(digest, location, "it does not decompress"))?;
    if is_right(kind, digest, &bytes) {
        Ok(Payload { kind, bytes: bytes.into() })
    } else {
        Err(damaged(digest, location, "its bytes do not match its name"))
    }
}

/// Whether the bytes are what `digest` names; a manifest, which is not named by its own bytes, leads with its checksum.
pub(super) fn is_right(kind: ObjectKind, digest: &Digest, bytes: &[u8]) -> bool {
    match kind {
        ObjectKind::Manifest => {
            bytes.split_first_chunk::<32>().is_some_and(|(sum, rest)| Digest::of(rest).as_bytes() == sum)
        }
        _ => Digest::of(bytes) == *digest,
    }
}

pub(super) fn storage_error(verb: &'static str, digest: &Digest, error: backend::Error) -> AccessError {
    AccessError::Storage { verb, digest: *digest, source: Cause::from(error) }
}

pub(super) fn index_error(digest: &Digest, source: std::io::Error) -> AccessError {
    storage_error(
        "look up",
        digest,
        backend::Error::Io { verb: "read the index", place: "index/".to_owned(), source },
    )
}

impl Packs {
    fn read_as_indexed(&self, digest: &Digest) -> Result<Payload, AccessError> {
        self.read_at(digest, &self.place(digest)?)
    }

    /// Reads an object; where the index turns out to be wrong, it is made again and asked once more.
    fn read_with_mending(&self, digest: &Digest) -> Result<Payload, AccessError> {
        match self.read_as_indexed(digest) {
            Err(error @ (AccessError::Missing { .. } | AccessError::Damaged { .. })) => {
                let dropped = self.shared.index.drop_damaged();
                if dropped.map_err(|source| index_error(digest, source))? {
                    self.read_as_indexed(digest)
                } else {
                    Err(error)
                }
            }
            other => other,
        }
    }
}

impl ObjectRead for Packs {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        if let Some(payload) = self.shared.nodes.get(digest) {
            return Ok(payload);
        }
        let payload = self.read_with_mending(digest)?;
        self.shared.nodes.keep(payload.kind, digest, Arc::clone(&payload.bytes));
        Ok(payload)
    }

    fn lineage(&self, id: CommitId) -> Option<Lineage> {
        self.shared.graph.find(id)
    }

    fn let_go(&self) -> Option<NodeId> {
        *self.shared.let_go.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, commits: &[(CommitId, Lineage)]) {
        self.shared.graph.learn(commits);
    }
}
