//! Tags: names that stay on one commit.

use super::{Error, Repo, branch, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{CommitId, TagName};

/// All tags with their commits, by name.
pub fn list(facts: &Session, repo: &Repo) -> Result<Vec<(TagName, CommitId)>, Error> {
    branch::named(facts, &keys::tags(repo.id))
}

/// The commit that the tag stands on.
pub fn load(facts: &Session, repo: &Repo, name: &TagName) -> Result<CommitId, Error> {
    let tags = list(facts, repo)?;
    if let Some((_, id)) = tags.iter().find(|(known, _)| known == name) {
        return Ok(*id);
    }
    let names = tags.into_iter().map(|(name, _)| name.to_string());
    Err(branch::unknown(repo, "tag", name.as_str(), names))
}

/// Adds a new tag to `batch`, which is not applied if a branch has its name.
pub fn create(batch: &mut Batch, repo: &Repo, name: &TagName, id: CommitId) {
    batch.expect([&keys::branches(repo.id), name.as_str().as_bytes()].concat(), None);
    branch::move_ref(batch, keys::tag(repo.id, name), None, Some(id));
}

/// Adds the removal of a tag, which stands on `id`, to `batch`.
pub fn delete(batch: &mut Batch, repo: &Repo, name: &TagName, id: CommitId) {
    branch::move_ref(batch, keys::tag(repo.id, name), Some(id), None);
}
