//! Tags: names that stay on one commit.

use super::{Error, Repo, branch, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{CommitId, TagName};

/// All tags with their commits, by name.
pub fn list(facts: &Session, repo: &Repo) -> Result<Vec<(TagName, CommitId)>, Error> {
    branch::named(facts, &keys::tags(repo.id))
}

/// Adds a new tag to `batch`.
pub fn create(
    facts: &Session,
    batch: &mut Batch,
    repo: &Repo,
    name: &TagName,
    id: CommitId,
) -> Result<(), Error> {
    let key = keys::tag(repo.id, name);
    if facts.get(&key)?.is_some() {
        return Err(Error::RefExists { repo: repo.name.clone(), what: "tag", name: name.to_string() });
    }
    branch::move_ref(batch, key, None, Some(id));
    Ok(())
}

/// Adds the removal of a tag, which stands on `id`, to `batch`.
pub fn delete(batch: &mut Batch, repo: &Repo, name: &TagName, id: CommitId) {
    branch::move_ref(batch, keys::tag(repo.id, name), Some(id), None);
}
