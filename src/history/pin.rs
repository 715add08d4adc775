//! Pins: commits that stay whatever rules say.

use super::{Error, Repo, branch, index, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::CommitId;

/// The commits of the repo that are pinned, by their ids.
pub fn list(facts: &Session, repo: &Repo) -> Result<Vec<CommitId>, Error> {
    index::ids(facts, &keys::pins(repo.id))
}

/// Whether the commit is pinned in the repo.
pub fn is_pinned(facts: &Session, repo: &Repo, id: &CommitId) -> Result<bool, Error> {
    Ok(facts.get(&keys::pin(repo.id, id))?.is_some())
}

/// Adds a pin to `batch`, which is not applied if the commit is pinned already.
pub fn create(batch: &mut Batch, repo: &Repo, id: CommitId) {
    branch::move_ref(batch, keys::pin(repo.id, &id), None, Some(id));
}

/// Adds the removal of a pin to `batch`, which is not applied if the commit is not pinned.
pub fn remove(batch: &mut Batch, repo: &Repo, id: CommitId) {
    branch::move_ref(batch, keys::pin(repo.id, &id), Some(id), None);
}
