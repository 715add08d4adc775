//! A branch comes to point at a commit that is there, or goes.

use super::error::Error;
use crate::history::{self, Author, Repo};
use crate::ledger::{Origin, Outcome, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId};
use crate::pipeline::trigger::{self, Caused, Runs};
use crate::store::Store;

/// A branch or tag that was changed.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The operation that changed it.
    pub operation: u64,
    /// Where it pointed before.
    pub before: Option<CommitId>,
    /// Where it points now.
    pub after: Option<CommitId>,
    /// What it caused.
    pub caused: Caused,
}

/// Points a branch at a commit, or removes it with `None`, and queues what that triggers. `before` is where it must be.
pub fn move_branch(
    store: &Store,
    author: &Author,
    repo: &Repo,
    branch: &BranchName,
    before: Option<CommitId>,
    after: Option<CommitId>,
) -> Result<Changed, Error> {
    let origin = author.now();
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    history::hold(&mut batch, repo)?;
    history::move_head(&mut batch, repo, branch, before, after);
    let moved = after.filter(|after| before != Some(*after));
    if let Some(to) = moved {
        history::check_whole(&facts, store.objects(), to)?;
        history::check_current(&facts, store.objects(), repo, to)?;
        // It may have been forgotten since it was looked up.
        history::record_commit(&mut batch, repo, &to);
        history::check_quota(&facts, store.objects(), repo, branch, before, to)?;
    }
    let caused = moved.map_or(Ok(Caused::default()), |to| {
        trigger_by(store, &facts, &mut batch, repo, branch, to, &origin)
    })?;
    match facts.commit(&origin, &batch)? {
        Outcome::Done { number } => Ok(Changed { operation: number, before, after, caused }),
        Outcome::Stale { .. } => {
            history::check_held(&facts, repo)?;
            Err(history::Error::Moved { repo: repo.name.clone(), branch: branch.clone() }.into())
        }
    }
}

/// The jobs that would be queued if the branch came to point at `commit`.
pub fn would_trigger(
    store: &Store,
    author: &Author,
    repo: &Repo,
    branch: &BranchName,
    commit: CommitId,
) -> Result<Caused, Error> {
    trigger_by(store, &store.session()?, &mut Batch::default(), repo, branch, commit, &author.now())
}

fn trigger_by(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    repo: &Repo,
    branch: &BranchName,
    commit: CommitId,
    origin: &Origin,
) -> Result<Caused, Error> {
    let moved = trigger::Moved { repo: repo.clone(), branch: branch.clone(), commit };
    Ok(trigger::cause(store, facts, batch, &[moved], Runs::One, origin)?)
}
