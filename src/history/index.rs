//! Which commits a repo has, and which output was made from which input.

use std::ops::ControlFlow;

use super::{Error, Repo, branch, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::CommitId;

/// Adds `id` to the repo's commits in `batch`, so that it can be named by its first digits.
pub fn record_commit(batch: &mut Batch, repo: &Repo, id: &CommitId) {
    batch.put(keys::commit(repo.id, id), Vec::new());
}

/// Whether the repo has the commit.
pub(super) fn has_commit(facts: &Session, repo: &Repo, id: &CommitId) -> Result<bool, Error> {
    Ok(facts.get(&keys::commit(repo.id, id))?.is_some())
}

/// The commits that the repo has.
pub fn commits_of(facts: &Session, repo: &Repo) -> Result<Vec<CommitId>, Error> {
    ids(facts, &keys::commits(repo.id))
}

/// The commits whose ids are the ends of the keys that begin so.
pub(super) fn ids(facts: &Session, prefix: &[u8]) -> Result<Vec<CommitId>, Error> {
    let mut found = Vec::new();
    facts.scan(prefix, &mut |key, _| {
        found.extend(key.get(prefix.len()..).and_then(branch::commit_id));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Records in `batch` that the stage whose output is `repo` made `output` from the commit `input`.
pub fn record_derived(batch: &mut Batch, repo: &Repo, input: &CommitId, output: &CommitId) {
    batch.put(keys::derived(repo.id, input), output.digest().as_bytes().to_vec());
}

/// What the stage whose output is `repo` last made from the commit `input`.
pub fn derived(facts: &Session, repo: &Repo, input: &CommitId) -> Result<Option<CommitId>, Error> {
    Ok(facts.get(&keys::derived(repo.id, input))?.as_deref().and_then(branch::commit_id))
}

/// The commits of the repo whose ids start with these hexadecimal digits, at most `limit`.
pub fn find_by_prefix(
    facts: &Session,
    repo: &Repo,
    digits: &str,
    limit: usize,
) -> Result<Vec<CommitId>, Error> {
    let digits = digits.to_ascii_lowercase();
    let whole_bytes: Vec<u8> = (0..digits.len() / 2)
        .filter_map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok())
        .collect();
    let start = keys::commits(repo.id);
    let mut found = Vec::new();
    facts.scan(&[start.as_slice(), &whole_bytes].concat(), &mut |key, _| {
        let id = key.get(start.len()..).and_then(branch::commit_id);
        found.extend(id.filter(|id| id.to_string().starts_with(&digits)));
        if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}
