//! Branches.

use super::commit::{Mode, commit};
use super::error::Error;
use crate::change::{self, Changed};
use crate::history::{self, Author, Repo, Target};
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId};
use crate::pipeline::follow;
use crate::pipeline::trigger::{self, Caused, Runs};
use crate::store::Store;

/// A branch that was deleted.
#[derive(Debug, Clone, Copy)]
pub struct DeletedBranch {
    /// The operation that deleted it.
    pub operation: u64,
    /// Where it pointed.
    pub was: CommitId,
    /// Whether a merge into it was open, which went with it.
    pub merge: history::Carried,
}

/// The repo and where its branch points, both to be changed by a person.
fn load(store: &Store, target: &Target) -> Result<(Repo, CommitId), Error> {
    let facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    repo.writable()?;
    let head = history::load_head(&facts, &repo, &target.branch)?;
    Ok((repo, head))
}

/// Begins a branch at `commit`.
pub fn create_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    commit: CommitId,
) -> Result<Changed, Error> {
    let repo = {
        let facts = store.session()?;
        let repo = history::load_repo(&facts, &target.repo)?;
        repo.writable()?;
        history::check_free(&facts, &repo, target.branch.as_str())?;
        repo
    };
    Ok(change::move_branch(store, author, &repo, &target.branch, None, Some(commit))?)
}

/// Points a branch at `commit`.
pub fn move_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    commit: CommitId,
) -> Result<Changed, Error> {
    let (repo, head) = load(store, target)?;
    Ok(change::move_branch(store, author, &repo, &target.branch, Some(head), Some(commit))?)
}

/// A branch that was set back, or would be.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The operation that did it; `None` when nothing was changed.
    pub operation: Option<u64>,
    /// Where the branch pointed before.
    pub before: CommitId,
    /// What it caused, or would.
    pub caused: Caused,
}

/// Points a branch at `commit`, if it does not do so already.
pub fn reset_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    commit: CommitId,
    mode: Mode,
) -> Result<Reset, Error> {
    let (repo, before) = load(store, target)?;
    if before == commit {
        return Ok(Reset { operation: None, before, caused: Caused::default() });
    }
    let (operation, caused) = match mode {
        Mode::Make => {
            let moved =
                change::move_branch(store, author, &repo, &target.branch, Some(before), Some(commit))?;
            (Some(moved.operation), moved.caused)
        }
        Mode::DryRun => (None, change::would_trigger(store, author, &repo, &target.branch, commit)?),
    };
    Ok(Reset { operation, before, caused })
}

/// Gives a branch another name, with the merge into it that is open. To pipelines it is a new branch with commits that they know.
pub fn rename_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    name: &BranchName,
) -> Result<Changed, Error> {
    let origin = author.now();
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    repo.writable()?;
    let head = history::load_head(&facts, &repo, &target.branch)?;
    history::check_free(&facts, &repo, name.as_str())?;
    let mut batch = Batch::default();
    history::move_head(&mut batch, &repo, &target.branch, Some(head), None);
    history::move_head(&mut batch, &repo, name, None, Some(head));
    history::carry_merge(&facts, &mut batch, &repo, &target.branch, Some(name))?;
    follow::rename(&facts, &mut batch, &repo, &target.branch, name)?;
    let moved = trigger::Moved { repo: repo.clone(), branch: name.clone(), commit: head };
    let caused = trigger::cause(store, &facts, &mut batch, &[moved], Runs::One, &origin)?;
    match facts.commit(&origin, &batch)? {
        Outcome::Done { number } => {
            Ok(Changed { operation: number, before: Some(head), after: Some(head), caused })
        }
        Outcome::Stale { .. } => {
            Err(history::Error::Moved { repo: repo.name, branch: target.branch.clone() }.into())
        }
    }
}

/// Deletes a branch, and drops the merge into it that is open. Its commits stay until they are collected.
pub fn delete_branch(store: &Store, author: &Author, target: &Target) -> Result<DeletedBranch, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    repo.writable()?;
    let head = history::load_head(&facts, &repo, &target.branch)?;
    let mut batch = Batch::default();
    history::hold(&mut batch, &repo)?;
    history::move_head(&mut batch, &repo, &target.branch, Some(head), None);
    let merge = history::carry_merge(&facts, &mut batch, &repo, &target.branch, None)?;
    follow::remove(&facts, &mut batch, &repo, &target.branch)?;
    let operation = commit(&mut facts, author, &batch, &repo.name)?;
    Ok(DeletedBranch { operation, was: head, merge })
}
