//! Pulling: after a fetch, branches of ours go on to where those of the other store stand, or have them merged in.

use super::contract::{Name, RefMove};
use super::error::Error;
use super::fetch::Desk;
use super::update::{Moved, update};
use crate::draft::Draft;
use crate::history::{self, RemoteBranch, Target};
use crate::integrate::{self, Action, FastForward, OnConflict, Outcome, Request, Unrelated};
use crate::merge::{DRIVER_TIMEOUT, Labels, Manner, Renames};
use crate::object::{CommitId, RemoteName};
use crate::progress::Amount;
use crate::store::Store;

/// How a branch of ours stands to the one of the other store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They are the same.
    Same,
    /// Ours is ahead.
    Ahead,
    /// Ours is not there yet.
    Absent,
    /// Ours is behind.
    Behind,
    /// Each has what the other has not.
    Apart,
}

/// What is done about branches that have gone apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// They are merged.
    Merge,
    /// They stay.
    Refuse,
}

/// A branch of which a workspace has local changes, which must not be overwritten.
#[derive(Debug)]
pub struct Local {
    /// The branch.
    pub target: Target,
    /// The changes.
    pub changes: Draft,
}

/// A merge of what was pulled.
#[derive(Debug)]
pub struct Merging {
    /// What was asked for.
    pub request: Request,
    /// What came of it.
    pub outcome: Result<Outcome, integrate::Error>,
}

/// A branch of ours and the one that it follows.
#[derive(Debug)]
pub struct Pulled {
    /// Ours.
    pub target: Target,
    /// Where it stood.
    pub before: Option<CommitId>,
    /// Where the other one stands.
    pub theirs: CommitId,
    /// How they stood to each other.
    pub relation: Relation,
    /// If they had gone apart and were to be merged, or if it has local changes.
    pub merging: Option<Merging>,
}

impl Pulled {
    /// An error if they have gone apart and stay so.
    pub fn check(&self, remote: &RemoteName) -> Result<(), Error> {
        if self.relation != Relation::Apart || self.merging.is_some() {
            return Ok(());
        }
        let Target { repo, branch } = self.target.clone();
        Err(Error::Diverged { repo, branch, remote: remote.clone() })
    }
}

/// Lets our branches go on to where those of `remote` were last seen: these, or without any all that are in both. Then those that
/// have gone apart are merged by the rules of their repos, one by one; a merge that fails stops no other.
pub fn pull(
    desk: &Desk<'_>,
    remote: &RemoteName,
    targets: &[Target],
    apart: Apart,
    local: Option<&Local>,
) -> Result<(Vec<Pulled>, Moved), Error> {
    let store = desk.store;
    let pairs = match targets {
        [] => followed(store, remote)?,
        _ => named(store, remote, targets)?,
    };
    let mut pulled = Vec::new();
    for (target, before, theirs) in pairs {
        let relation = relation(store, before, theirs)?;
        pulled.push(Pulled { target, before, theirs, relation, merging: None });
    }
    let here = |p: &Pulled| local.filter(|local| local.target == p.target);
    let moves_freely = |p: &&Pulled| match p.relation {
        Relation::Absent => true,
        Relation::Behind => here(p).is_none(),
        Relation::Same | Relation::Ahead | Relation::Apart => false,
    };
    let moving = pulled.iter().filter(moves_freely);
    let moves: Vec<RefMove> = moving
        .map(|pulled| RefMove {
            repo: pulled.target.repo.clone(),
            description: String::new(),
            name: Name::Branch(pulled.target.branch.clone()),
            before: pulled.before,
            after: Some(pulled.theirs),
        })
        .collect();
    let moved = update(store, desk.author, &moves)?;
    for pulled in &mut pulled {
        let local = here(pulled);
        let is_meant = match pulled.relation {
            Relation::Apart => apart == Apart::Merge,
            Relation::Behind => local.is_some(),
            Relation::Same | Relation::Ahead | Relation::Absent => false,
        };
        if is_meant {
            let request = request(store, remote, &pulled.target, pulled.theirs)?;
            let (target, changes) = (&pulled.target, local.map(|local| &local.changes));
            desk.progress.begin("merging", Amount::Steps(None));
            let outcome =
                integrate::integrate(store, desk.author, target, &request, OnConflict::Keep, changes);
            desk.progress.end();
            pulled.merging = Some(Merging { request, outcome });
        }
    }
    Ok((pulled, moved))
}

/// The merge of what was seen in `remote` into a branch of ours.
fn request(
    store: &Store,
    remote: &RemoteName,
    target: &Target,
    theirs: CommitId,
) -> Result<Request, integrate::Error> {
    let facts = store.session()?;
    let rules = integrate::load_policy(&facts, &history::load_repo(&facts, &target.repo)?)?;
    let from = format!("{remote}/{}", target.branch);
    let message = integrate::default_message(&from, target);
    let labels = Labels { ours: target.branch.to_string(), theirs: from };
    let manner = Manner { rules, renames: Renames::Tell, labels, timeout: DRIVER_TIMEOUT };
    let action = Action::Merge { theirs, forward: FastForward::Allow, unrelated: Unrelated::Refuse };
    Ok(Request { action, manner, message })
}

type Pair = (Target, Option<CommitId>, CommitId);

/// Our branches whose like was seen in the remote, in repos that a person may write.
fn followed(store: &Store, remote: &RemoteName) -> Result<Vec<Pair>, Error> {
    let facts = store.session()?;
    let mut pairs = Vec::new();
    for repo in history::list(&facts)?.into_iter().filter(|repo| repo.output_of.is_none()) {
        let ours = history::branches(&facts, &repo)?;
        for (name, theirs) in history::remote_branches(&facts, &repo)? {
            let head = ours.iter().find(|(branch, _)| *branch == name.branch).map(|(_, id)| *id);
            if name.remote == *remote && head.is_some() {
                pairs.push((Target { repo: repo.name.clone(), branch: name.branch }, head, theirs));
            }
        }
    }
    Ok(pairs)
}

fn named(store: &Store, remote: &RemoteName, targets: &[Target]) -> Result<Vec<Pair>, Error> {
    let facts = store.session()?;
    let mut pairs = Vec::new();
    for target in targets {
        let repo = history::load_repo(&facts, &target.repo)?;
        repo.writable()?;
        let name = RemoteBranch { remote: remote.clone(), branch: target.branch.clone() };
        // It was fetched a moment ago; what was asked for may also be a tag, which no branch follows.
        if let Some(theirs) = history::find_remote(&facts, &repo, &name)? {
            pairs.push((target.clone(), history::head(&facts, &repo, &target.branch)?, theirs));
        }
    }
    Ok(pairs)
}

/// How a branch of ours that stands at `ours` stands to one at `theirs`.
pub fn relation(store: &Store, ours: Option<CommitId>, theirs: CommitId) -> Result<Relation, Error> {
    let Some(ours) = ours else { return Ok(Relation::Absent) };
    Ok(if ours == theirs {
        Relation::Same
    } else if history::is_ancestor(store.objects(), ours, theirs)? {
        Relation::Behind
    } else if history::is_ancestor(store.objects(), theirs, ours)? {
        Relation::Ahead
    } else {
        Relation::Apart
    })
}
