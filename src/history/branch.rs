//! Branches: names that move over commits.

use std::ops::ControlFlow;

use super::subject::merge_key;
use super::{Error, Repo, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, Digest};

/// The commit that the branch points to, if it exists.
pub fn head(facts: &Session, repo: &Repo, branch: &BranchName) -> Result<Option<CommitId>, Error> {
    Ok(facts.get(&keys::branch(repo.id, branch))?.as_deref().and_then(commit_id))
}

/// The commit that the branch points to.
pub fn load_head(facts: &Session, repo: &Repo, branch: &BranchName) -> Result<CommitId, Error> {
    if let Some(id) = head(facts, repo, branch)? {
        return Ok(id);
    }
    let names = branches(facts, repo)?.into_iter().map(|(name, _)| name.to_string());
    Err(unknown(repo, "branch", branch.as_str(), names))
}

pub(super) fn unknown(
    repo: &Repo,
    what: &'static str,
    name: &str,
    names: impl Iterator<Item = String>,
) -> Error {
    let nearest = super::resolve::nearest(name, names);
    Error::UnknownRef { repo: repo.name.clone(), what, name: name.to_owned(), nearest }
}

/// An error if a branch or a tag has this name: a repo has one name for one thing.
pub fn check_free(facts: &Session, repo: &Repo, name: &str) -> Result<(), Error> {
    let [branch, tag] =
        [keys::branches(repo.id), keys::tags(repo.id)].map(|all| [&all, name.as_bytes()].concat());
    for (what, key) in [("branch", branch), ("tag", tag)] {
        if facts.get(&key)?.is_some() {
            return Err(Error::RefExists { repo: repo.name.clone(), what, name: name.to_owned() });
        }
    }
    Ok(())
}

/// All branches with their heads, by name.
pub fn branches(facts: &Session, repo: &Repo) -> Result<Vec<(BranchName, CommitId)>, Error> {
    named(facts, &keys::branches(repo.id))
}

/// Reads all names below a key, each with the commit it points to.
pub(super) fn named<N>(facts: &Session, prefix: &[u8]) -> Result<Vec<(N, CommitId)>, Error>
where
    N: std::str::FromStr,
    Error: From<N::Err>,
{
    let mut raw = Vec::new();
    facts.scan(prefix, &mut |key, value| {
        let name = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into_owned();
        raw.extend(commit_id(value).map(|id| (name, id)));
        ControlFlow::Continue(())
    })?;
    raw.into_iter().map(|(name, id)| Ok((name.parse::<N>()?, id))).collect()
}

/// The commit that a branch, a tag or a derived commit points to, from the fact's value: its 32 bytes.
pub fn commit_id(value: &[u8]) -> Option<CommitId> {
    Some(CommitId::new(Digest::from_bytes(value.try_into().ok()?)))
}

/// What became of the merge into a branch that was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// None was open.
    Nothing,
    /// It goes with the branch.
    Along,
}

/// Has `batch` take the merge into a branch that is open, if one is, to the branch `to`, or drop it with the branch.
pub fn carry_merge(
    facts: &Session,
    batch: &mut Batch,
    repo: &Repo,
    from: &BranchName,
    to: Option<&BranchName>,
) -> Result<Carried, Error> {
    let key = merge_key(repo, from);
    let Some(record) = facts.get(&key)? else { return Ok(Carried::Nothing) };
    batch.expect(key.clone(), Some(record.clone())).remove(key);
    if let Some(to) = to {
        let key = merge_key(repo, to);
        // What a branch of that name left behind gives way.
        batch.expect(key.clone(), facts.get(&key)?).put(key, record);
    }
    Ok(Carried::Along)
}

/// Adds a move of the branch to `batch`: from `before`, which must still hold, to `after`. `None` is "no such branch". A new
/// branch finds no tag of its name, or the batch is not applied.
pub fn move_head(
    batch: &mut Batch,
    repo: &Repo,
    branch: &BranchName,
    before: Option<CommitId>,
    after: Option<CommitId>,
) {
    if before.is_none() {
        batch.expect([&keys::tags(repo.id), branch.as_str().as_bytes()].concat(), None);
    }
    move_ref(batch, keys::branch(repo.id, branch), before, after);
}

pub(super) fn move_ref(batch: &mut Batch, key: Vec<u8>, before: Option<CommitId>, after: Option<CommitId>) {
    let value = |id: CommitId| id.digest().as_bytes().to_vec();
    batch.expect(key.clone(), before.map(value));
    batch.writes.push((key, after.map(value)));
}
