//! How much a branch may hold.
//!
//! A quota counts what the files of one version have together, which the root of its tree tells: so it is checked without
//! looking at anything else, whatever the repo has in other branches and in its past.

use super::{Error, Repo, commit};
use crate::ledger::Session;
use crate::object::{BranchName, CommitId, Entry, ObjectRead};
use crate::setting;
use crate::tree;

/// Fails if the branch of `repo` would come to hold more than the repo's quota by going from `before` to `after`. One that held
/// too much already may become smaller.
pub fn check_quota(
    facts: &Session,
    source: &dyn ObjectRead,
    repo: &Repo,
    branch: &BranchName,
    before: Option<CommitId>,
    after: CommitId,
) -> Result<(), Error> {
    let Some(quota) = setting::quota(facts, repo.id)? else { return Ok(()) };
    let held = |id| -> Result<u64, Error> {
        Ok(tree::totals::<Entry>(source, commit::load(source, id)?.tree)?.weight)
    };
    let holds = held(after)?;
    if holds <= quota.0 || before.map_or(Ok(0), held)? >= holds {
        return Ok(());
    }
    Err(Error::OverQuota { repo: repo.name.clone(), branch: branch.clone(), holds, quota })
}
