//! Commit records in the packs.

use super::Error;
use crate::ledger::Origin;
use crate::object::access::read_hashed;
use crate::object::{Commit, CommitId, NodeId, ObjectKind, ObjectRead, ObjectWrite, Provenance};

/// A commit before it has an id.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The commits it follows.
    pub parents: Vec<CommitId>,
    /// The root of its tree.
    pub tree: NodeId,
    /// What is said of it.
    pub message: String,
    /// For a stage's output: what made it.
    pub provenance: Option<Provenance>,
}

/// The commit `id`.
pub fn load(objects: &dyn ObjectRead, id: CommitId) -> Result<Commit, Error> {
    let payload = read_hashed(objects, id.digest())?;
    Commit::from_bytes(&payload.bytes).map_err(|source| Error::Record { id, source })
}

/// Writes the record of `draft`, made by `origin`.
pub fn write(objects: &dyn ObjectWrite, draft: Draft, origin: &Origin) -> Result<(CommitId, Commit), Error> {
    let mut generation = 1;
    for parent in &draft.parents {
        generation = generation.max(load(objects, *parent)?.generation + 1);
    }
    let Draft { parents, tree, message, provenance } = draft;
    let (author, time, offset) = (origin.author.clone(), origin.time, origin.offset);
    let commit = Commit { parents, tree, author, time, offset, message, generation, provenance };
    let bytes = commit.to_bytes().map_err(|source| Error::Record { id: CommitId::of(b""), source })?;
    let id = CommitId::of(&bytes);
    objects.write_object(ObjectKind::Commit, id.digest(), &bytes)?;
    Ok((id, commit))
}
