//! Branches: names that move over commits.

use std::ops::ControlFlow;

use super::{Error, Repo, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, Digest};

/// The commit that the branch points to, if it exists.
pub fn head(facts: &Session, repo: &Repo, branch: &BranchName) -> Result<Option<CommitId>, Error> {
    Ok(facts.get(&keys::branch(repo.id, branch))?.as_deref().and_then(commit_id))
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

/// The value of a reference: the commit's 32 bytes.
pub(super) fn commit_id(value: &[u8]) -> Option<CommitId> {
    Some(CommitId::new(Digest::from_bytes(value.try_into().ok()?)))
}

/// Adds a move of the branch to `batch`: from `before`, which must still hold, to `after`. `None` is "no such branch".
pub fn move_head(
    batch: &mut Batch,
    repo: &Repo,
    branch: &BranchName,
    before: Option<CommitId>,
    after: Option<CommitId>,
) {
    move_ref(batch, keys::branch(repo.id, branch), before, after);
}

pub(super) fn move_ref(batch: &mut Batch, key: Vec<u8>, before: Option<CommitId>, after: Option<CommitId>) {
    let value = |id: CommitId| id.digest().as_bytes().to_vec();
    batch.expect(key.clone(), before.map(value));
    batch.writes.push((key, after.map(value)));
}
