//! Pushing: what is here goes to another store, and its branches move there.

use std::fmt;

use super::choice::{Choice, choose};
use super::contract::{Name, Names, Peer, RefMove, Updated};
use super::copy::Copied;
use super::error::Error;
use super::fetch::{Desk, deliver};
use super::local::LocalPeer;
use crate::history::{self, RemoteBranch, Target};
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, RemoteName, RepoName};
use crate::refs::Mode;
use crate::store::Store;

/// Which moves of a branch are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Only those that go on from where it stands.
    Never,
    /// Any, if it still stands where it was last seen.
    IfSeen,
}

/// What a push does to one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It begins.
    New,
    /// It goes on.
    Forward,
    /// It is set back or elsewhere.
    Forced,
    /// It is deleted.
    Deleted,
    /// It stands there already.
    Same,
}

/// Why a name is not pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A stage writes the repo there.
    Output,
    /// The branch there has commits that are not here.
    Unknown,
    /// The branch here does not follow the one there.
    Apart,
    /// The branch there was moved since it was last seen.
    Unseen,
    /// The tag is another one there.
    Tag,
}

/// A name that is not pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The repo.
    pub repo: RepoName,
    /// The branch or tag.
    pub name: String,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            Reason::Output => "is the output of a stage there, which alone writes it",
            Reason::Unknown => "has commits there that are not here",
            Reason::Apart => "does not follow what is there",
            Reason::Unseen => "was moved there since it was last seen",
            Reason::Tag => "is a tag that stands elsewhere there",
        };
        write!(f, "{}@{} {reason}", self.repo, self.name)
    }
}

impl Refusal {
    /// What the person can do about it.
    pub(super) fn hint(&self, remote: &RemoteName) -> String {
        let Self { repo, name, reason } = self;
        match reason {
            Reason::Output => "push the stage's inputs instead; the stage will follow there".to_owned(),
            Reason::Unknown | Reason::Unseen => {
                format!("`vds fetch {remote} {repo}` brings them; then look at {repo}@{remote}/{name}")
            }
            Reason::Apart => format!(
                "`vds pull {remote} {repo}@{name}` brings what is there; --force takes its place if it is where it was last seen"
            ),
            Reason::Tag => "give the tag another name".to_owned(),
        }
    }
}

/// What becomes of one name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The name, with where it stood and where it is to stand.
    pub moved: RefMove,
    /// What that is.
    pub effect: Effect,
}

/// A push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What becomes of each name.
    pub names: Vec<Pushed>,
    /// Branches here that the remote lacks, where none were chosen.
    pub lacking: Vec<Target>,
    /// What was copied.
    pub copied: Copied,
    /// What came of it there.
    pub updated: Updated,
}

/// Pushes the names that were chosen to `peer`, which is known as `remote`: all of them or none. Without a choice, all branches
/// that are known there.
pub fn push(
    desk: &Desk<'_>,
    remote: &RemoteName,
    peer: &dyn Peer,
    choices: &[Choice],
    force: Force,
    mode: Mode,
) -> Result<Report, Error> {
    let ours = LocalPeer::from(desk.store.clone());
    let there = peer.names()?;
    let here = match choices {
        [] => known(desk.store, remote, ours.names()?, &there)?,
        _ => choose(&ours.names()?, choices, &ours.place())?,
    };
    if here.is_empty() {
        return Err(Error::Nothing { remote: remote.clone() });
    }
    let decider = Decider { store: desk.store, remote, there: &there, force };
    let (mut names, mut refusals) = (Vec::new(), Vec::new());
    for repo in &here {
        for (name, id) in repo.all() {
            match decider.decide(repo, &name, id)? {
                Ok(pushed) => names.push(pushed),
                Err(reason) => {
                    let (repo, name) = (repo.repo.clone(), name.to_string());
                    refusals.push(Refusal { repo, name, reason });
                }
            }
        }
    }
    if !refusals.is_empty() {
        return Err(Error::Rejected { remote: remote.clone(), refusals });
    }
    let lacking = if choices.is_empty() { lacking(&ours.names()?, &there) } else { Vec::new() };
    make(desk, remote, peer, Report { names, lacking, ..Report::default() }, mode)
}

/// Deletes the branches and tags that were chosen from `peer`, which is known as `remote`: all of them or none.
pub fn delete(
    desk: &Desk<'_>,
    remote: &RemoteName,
    peer: &dyn Peer,
    choices: &[Choice],
    mode: Mode,
) -> Result<Report, Error> {
    let there = peer.names()?;
    let chosen = choose(&there, choices, &peer.place())?;
    if let Some(output) = chosen.iter().find(|names| names.output_of.is_some()) {
        let name = output.all().map(|(name, _)| name.to_string()).next().unwrap_or_default();
        let refusals = vec![Refusal { repo: output.repo.clone(), name, reason: Reason::Output }];
        return Err(Error::Rejected { remote: remote.clone(), refusals });
    }
    let deleted = |names: &Names| -> Vec<Pushed> {
        let moved = |(name, before)| RefMove {
            repo: names.repo.clone(),
            description: String::new(),
            name,
            before: Some(before),
            after: None,
        };
        names.all().map(|named| Pushed { moved: moved(named), effect: Effect::Deleted }).collect()
    };
    let names = chosen.iter().flat_map(deleted).collect();
    make(desk, remote, peer, Report { names, ..Report::default() }, mode)
}

/// Makes the moves of the report.
fn make(
    desk: &Desk<'_>,
    remote: &RemoteName,
    peer: &dyn Peer,
    mut report: Report,
    mode: Mode,
) -> Result<Report, Error> {
    let moving = report.names.iter().filter(|pushed| pushed.effect != Effect::Same);
    let moves: Vec<RefMove> = moving.map(|pushed| pushed.moved.clone()).collect();
    if mode == Mode::Make {
        let heads: Vec<CommitId> = moves.iter().filter_map(|moved| moved.after).collect();
        report.copied = deliver(desk, &LocalPeer::from(desk.store.clone()), peer, &heads)?;
        report.updated = peer.update(desk.author, &moves)?;
        remember(desk, remote, &report.names)?;
    }
    Ok(report)
}

/// Our branches that the other side lacks, but for what stages write here.
fn lacking(ours: &[Names], there: &[Names]) -> Vec<Target> {
    let mut lacking = Vec::new();
    for Names { repo, branches, .. } in ours.iter().filter(|names| names.output_of.is_none()) {
        let branches =
            branches.iter().map(|(branch, _)| branch).filter(|branch| !stands(there, repo, branch));
        lacking.extend(branches.map(|branch| Target { repo: repo.clone(), branch: branch.clone() }));
    }
    lacking
}

fn stands(there: &[Names], repo: &RepoName, branch: &BranchName) -> bool {
    let names = there.iter().find(|names| names.repo == *repo);
    names.is_some_and(|names| names.branches.iter().any(|(name, _)| name == branch))
}

/// Of our names those branches that were seen in the remote and are there, but for what stages write there.
fn known(store: &Store, remote: &RemoteName, ours: Vec<Names>, there: &[Names]) -> Result<Vec<Names>, Error> {
    let facts = store.session()?;
    let mut known = Vec::new();
    let is_output =
        |ours: &Names| there.iter().any(|names| names.repo == ours.repo && names.output_of.is_some());
    for mut names in ours.into_iter().filter(|names| !is_output(names)) {
        let repo = history::load_repo(&facts, &names.repo)?;
        let seen = history::remote_branches(&facts, &repo)?;
        let is_seen = |branch: &BranchName| {
            seen.iter().any(|(name, _)| name.remote == *remote && name.branch == *branch)
        };
        names.branches.retain(|(branch, _)| is_seen(branch) && stands(there, &names.repo, branch));
        names.tags.clear();
        if !names.branches.is_empty() {
            known.push(names);
        }
    }
    Ok(known)
}

struct Decider<'a> {
    store: &'a Store,
    remote: &'a RemoteName,
    there: &'a [Names],
    force: Force,
}

impl Decider<'_> {
    /// What becomes of the name that is to stand for `id`, or why nothing does.
    fn decide(&self, ours: &Names, name: &Name, id: CommitId) -> Result<Result<Pushed, Reason>, Error> {
        let there = self.there.iter().find(|names| names.repo == ours.repo);
        let before = there.and_then(|names| names.all().find(|(other, _)| other == name)).map(|(_, id)| id);
        let (repo, description) = (ours.repo.clone(), ours.description.clone());
        let moved = RefMove { repo, description, name: name.clone(), before, after: Some(id) };
        let effect = match (before, name) {
            (Some(before), _) if before == id => Ok(Effect::Same),
            _ if there.is_some_and(|names| names.output_of.is_some()) => Err(Reason::Output),
            (None, _) => Ok(Effect::New),
            (Some(_), Name::Tag(_)) => Err(Reason::Tag),
            (Some(before), Name::Branch(branch)) => {
                let seen = RemoteBranch { remote: self.remote.clone(), branch: branch.clone() };
                self.decide_move(ours, &seen, before, id)?
            }
        };
        Ok(effect.map(|effect| Pushed { moved, effect }))
    }

    fn decide_move(
        &self,
        ours: &Names,
        branch: &RemoteBranch,
        before: CommitId,
        after: CommitId,
    ) -> Result<Result<Effect, Reason>, Error> {
        let is_here = self.store.objects().find(before.digest())?.is_some();
        if is_here && history::is_ancestor(self.store.objects(), before, after)? {
            return Ok(Ok(Effect::Forward));
        }
        let seen = {
            let facts = self.store.session()?;
            let repo = history::load_repo(&facts, &ours.repo)?;
            history::find_remote(&facts, &repo, branch)?
        };
        Ok(match self.force {
            Force::IfSeen if seen == Some(before) => Ok(Effect::Forced),
            Force::IfSeen => Err(Reason::Unseen),
            Force::Never if is_here => Err(Reason::Apart),
            Force::Never => Err(Reason::Unknown),
        })
    }
}

/// Notes where the branches stand there now.
fn remember(desk: &Desk<'_>, remote: &RemoteName, names: &[Pushed]) -> Result<(), Error> {
    let mut facts = desk.store.session()?;
    let mut batch = Batch::default();
    for Pushed { moved, .. } in names {
        let Some(repo) = history::find(&facts, &moved.repo)? else { continue };
        if let Name::Branch(branch) = &moved.name {
            let name = RemoteBranch { remote: remote.clone(), branch: branch.clone() };
            if history::find_remote(&facts, &repo, &name)? != moved.after {
                history::see(&mut batch, &repo, &name, moved.after);
            }
        }
    }
    if batch.writes.is_empty() {
        return Ok(());
    }
    match facts.commit(&desk.author.housekeeping(), &batch)? {
        Outcome::Done { .. } | Outcome::Stale { .. } => Ok(()),
    }
}
