//! Another store, from which intact copies are taken. It is believed in nothing: what comes from it is hashed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use crate::backend::{Backend, LocalBackend};
use crate::content::Manifest;
use crate::object::{AccessError, CommitId, Digest, Entry, ObjectKind, ObjectRead, ObjectWrite, Payload};
use crate::pack::{CopyError, Fits, Writer};
use crate::reach::{self, Met, Visit};
use crate::store::Store;
use crate::tree::{self, Opened, Raw, Value};

/// The packs in a store's directory.
pub(super) fn packs_of(store: &Store) -> Arc<dyn Backend> {
    Arc::new(LocalBackend::new(&store.root().join("packs")))
}

/// Whether the other store has the pack, whole. Nothing is taken.
pub(super) fn has_pack(other: &Store, pack: &Digest) -> bool {
    matches!(other.objects().copy(pack, &mut io::sink()), Ok(Fits::Yes))
}

/// Takes the pack from the other store, if it has it whole, and puts it in its place.
pub(super) fn take_pack(store: &Store, other: &Store, pack: &Digest) -> Result<bool, Error> {
    let path = store.tmp().path();
    let path =
        path.map_err(|source| Error::Io { verb: "write", path: store.tmp().dir().to_owned(), source })?;
    let fail = |source| Error::Io { verb: "write", path: path.clone(), source };
    let mut file = File::create(&path).map_err(fail)?;
    match other.objects().copy(pack, &mut file) {
        Ok(Fits::Yes) => {
            packs_of(store).put(pack, &path)?;
            Ok(true)
        }
        Err(CopyError::Write(source)) => Err(fail(source)),
        Ok(Fits::No) | Err(CopyError::Read(_)) => {
            fs::remove_file(&path).map_err(fail)?;
            Ok(false)
        }
    }
}

/// Copies single objects.
pub(super) struct Taking<'a> {
    pub(super) other: &'a Store,
    pub(super) writer: &'a Writer,
    /// Whether an object is here, intact.
    pub(super) is_here: &'a (dyn Fn(&Digest) -> bool + Sync),
    pub(super) taken: BTreeSet<Digest>,
}

impl Taking<'_> {
    /// Takes the object, and what it leads to that is not here either, as far as that can be told.
    pub(super) fn take(&mut self, digest: Digest) -> Result<(), Error> {
        let mut waiting = vec![digest];
        while let Some(digest) = waiting.pop() {
            if (self.is_here)(&digest) || self.taken.contains(&digest) {
                continue;
            }
            let Ok(payload) = self.other.objects().read_object(&digest) else { continue };
            waiting.extend(self.below(&digest, &payload));
            self.writer.write_object(payload.kind, &digest, &payload.bytes)?;
            self.taken.insert(digest);
        }
        Ok(())
    }

    /// What an object leads to that may be lost as well.
    fn below(&self, digest: &Digest, payload: &Payload) -> Vec<Digest> {
        match payload.kind {
            ObjectKind::Chunk => Vec::new(),
            ObjectKind::Manifest => {
                let list = Manifest::from_bytes(&payload.bytes);
                list.map_or_else(Vec::new, |list| list.pieces.into_iter().map(|piece| piece.chunk).collect())
            }
            ObjectKind::Node => below_node(&payload.bytes),
            ObjectKind::Commit => {
                let needed =
                    Needed { is_here: self.is_here, found: Mutex::new(BTreeSet::new()), other: self.other };
                // What the other store does not have either is told when all is looked at again.
                let _ =
                    reach::visit(self.other.objects(), reach::Root::Commit(CommitId::new(*digest)), &needed);
                needed.found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
            }
        }
    }
}

/// What a node leads to, whatever it is a map of: children, and contents of files.
fn below_node(bytes: &[u8]) -> Vec<Digest> {
    match tree::peek::<Raw>(bytes) {
        Some(Opened::Inner(children)) => children.iter().map(|child| *child.id().digest()).collect(),
        Some(Opened::Leaf(entries)) => {
            let files = entries.iter().filter_map(|(_, value)| Entry::decode(&value.0));
            files.map(|entry| *entry.blob.digest()).collect()
        }
        None => Vec::new(),
    }
}

/// What a commit leads to that is not here.
struct Needed<'a> {
    is_here: &'a (dyn Fn(&Digest) -> bool + Sync),
    found: Mutex<BTreeSet<Digest>>,
    other: &'a Store,
}

impl Needed<'_> {
    fn met(&self, digest: &Digest) -> Result<Met, AccessError> {
        if (self.is_here)(digest) {
            return Ok(Met::Before);
        }
        let is_new = self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest);
        match self.other.objects().locate(digest)? {
            Some(found) if is_new => Ok(Met::First(found.at.kind)),
            _ => Ok(Met::Before),
        }
    }
}

impl Visit for Needed<'_> {
    fn meet(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.met(digest)
    }

    fn meet_content(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.met(digest)
    }

    fn passes(&self, _commit: &CommitId) -> bool {
        false
    }

    fn passes_results(&self) -> bool {
        false
    }
}
