//! Writing that leaves nothing behind: for a look at what a change would be.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::reader::Packs;
use crate::object::{
    AccessError, CommitId, Digest, Lineage, NodeId, ObjectKind, ObjectRead, ObjectWrite, Payload,
};

/// Takes objects as a writer does and touches no disk. Tree nodes can be read back, since an edit may need them; of file
/// contents only the names are kept, so that any amount fits.
#[derive(Debug)]
pub struct Rehearsal {
    packs: Packs,
    taken: Mutex<HashMap<Digest, Option<Payload>>>,
}

impl Rehearsal {
    /// A rehearsal on top of `packs`.
    pub fn new(packs: &Packs) -> Self {
        Self { packs: packs.clone(), taken: Mutex::default() }
    }
}

impl ObjectRead for Rehearsal {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned().flatten();
        taken.map_or_else(|| self.packs.read_object(digest), Ok)
    }

    fn lineage(&self, id: CommitId) -> Option<Lineage> {
        self.packs.lineage(id)
    }

    fn let_go(&self) -> Option<NodeId> {
        self.packs.let_go()
    }

    fn learn(&self, commits: &[(CommitId, Lineage)]) {
        self.packs.learn(commits);
    }
}

impl ObjectWrite for Rehearsal {
    fn write_object(&self, kind: ObjectKind, digest: &Digest, bytes: &[u8]) -> Result<(), AccessError> {
        let readable = matches!(kind, ObjectKind::Node | ObjectKind::Commit);
        let payload = readable.then(|| Payload { kind, bytes: bytes.into() });
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest, payload);
        Ok(())
    }

    fn has_object(&self, digest: &Digest) -> Result<bool, AccessError> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest);
        Ok(taken || self.packs.find(digest)?.is_some())
    }
}
