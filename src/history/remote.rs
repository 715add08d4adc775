//! Branches of other stores, as they were when they were last seen.

use std::fmt;
use std::str::FromStr;

use super::{Error, Repo, branch, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, NameError, RemoteName};

/// `REMOTE/BRANCH`: a branch of the repo of the same name in another store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteBranch {
    /// The other store.
    pub remote: RemoteName,
    /// The branch there.
    pub branch: BranchName,
}

impl FromStr for RemoteBranch {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let (remote, branch) = name.split_once('/').unwrap_or((name, ""));
        Ok(Self { remote: remote.parse()?, branch: branch.parse()? })
    }
}

impl fmt::Display for RemoteBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.remote, self.branch)
    }
}

fn key(repo: &Repo, name: &RemoteBranch) -> Vec<u8> {
    [keys::remote_branches(repo.id), name.to_string().into_bytes()].concat()
}

/// Where the branch stood when it was last seen.
pub fn find(facts: &Session, repo: &Repo, name: &RemoteBranch) -> Result<Option<CommitId>, Error> {
    Ok(facts.get(&key(repo, name))?.as_deref().and_then(branch::commit_id))
}

/// All branches of other stores that were seen, by name.
pub fn list(facts: &Session, repo: &Repo) -> Result<Vec<(RemoteBranch, CommitId)>, Error> {
    branch::named(facts, &keys::remote_branches(repo.id))
}

/// Says in `batch` where the branch was seen, or that it is gone.
pub fn see(batch: &mut Batch, repo: &Repo, name: &RemoteBranch, id: Option<CommitId>) {
    batch.writes.push((key(repo, name), id.map(|id| id.digest().as_bytes().to_vec())));
}
