//! Moving names in a store, after what they are to stand for has come.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::{Name, RefMove};
use super::error::Error;
use super::index;
use crate::history::{self, Author, NewRepo, Repo};
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::{CommitId, ObjectKind, RepoName};
use crate::pipeline::job::Job;
use crate::pipeline::trigger;
use crate::store::Store;

/// What a move of names came to.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// The operation; `None` when there was nothing to be moved.
    pub operation: Option<u64>,
    /// The jobs that it queued.
    pub jobs: Vec<Job>,
}

/// Makes all moves in one step, or none, and queues what they trigger. Repos that are missing are made first.
pub fn update(store: &Store, author: &Author, moves: &[RefMove]) -> Result<Moved, Error> {
    let place = || store.root().display().to_string();
    if moves.is_empty() {
        return Ok(Moved::default());
    }
    for RefMove { after, .. } in moves {
        if store.objects().find(after.digest())?.is_none_or(|found| found.at.kind != ObjectKind::Commit) {
            return Err(Error::NoCommit { commit: *after, place: place() });
        }
    }
    let mut repos = BTreeMap::new();
    let mut named = BTreeSet::new();
    for RefMove { repo, description, name, .. } in moves {
        if !named.insert((repo, name.to_string())) {
            let (repo, what, name) = (repo.clone(), name.what(), name.to_string());
            return Err(history::Error::RefExists { repo, what, name }.into());
        }
        if !repos.contains_key(repo) {
            let found = find_or_make(store, author, repo, description)?;
            found.writable()?;
            repos.insert(repo.clone(), found);
        }
    }
    let mut batch = Batch::default();
    for (name, repo) in &repos {
        let heads: Vec<CommitId> = moves.iter().filter(|m| m.repo == *name).map(|m| m.after).collect();
        history::hold(&mut batch, repo)?;
        let listed = index::list(store, author, repo, &heads)?;
        listed.iter().for_each(|id| history::record_commit(&mut batch, repo, id));
    }
    let origin = author.now();
    let mut facts = store.session()?;
    let mut moved = Vec::new();
    for RefMove { repo: name, name: refname, before, after, .. } in moves {
        let Some(repo) = repos.get(name) else { continue };
        let stands = match refname {
            Name::Branch(branch) => history::head(&facts, repo, branch)?,
            Name::Tag(tag) => {
                history::tags(&facts, repo)?.into_iter().find(|(name, _)| name == tag).map(|(_, id)| id)
            }
        };
        if stands != *before {
            return Err(Error::Moved { repo: name.clone(), name: refname.to_string(), place: place() });
        }
        if before.is_none() {
            history::check_free(&facts, repo, &refname.to_string())?;
        }
        match refname {
            Name::Branch(branch) => {
                history::move_head(&mut batch, repo, branch, *before, Some(*after));
                moved.push(trigger::Moved { repo: repo.clone(), branch: branch.clone(), commit: *after });
            }
            Name::Tag(tag) => history::create_tag(&mut batch, repo, tag, *after),
        }
    }
    let jobs = trigger::enqueue(&facts, &mut batch, &moved, None, &origin)?;
    match facts.commit(&origin, &batch)? {
        Outcome::Done { number } => Ok(Moved { operation: Some(number), jobs }),
        // Where names stand was seen in this session, so a repo is another one now.
        Outcome::Stale { .. } => {
            repos.values().try_for_each(|repo| history::check_held(&facts, repo))?;
            Err(Error::Contended { place: place() })
        }
    }
}

/// The repo, made if it is not there.
pub(super) fn find_or_make(
    store: &Store,
    author: &Author,
    name: &RepoName,
    description: &str,
) -> Result<Repo, Error> {
    let mut facts = store.session()?;
    if let Some(repo) = history::find(&facts, name)? {
        return Ok(repo);
    }
    let (name, description) = (name.clone(), description.to_owned());
    let origin = author.now();
    let mut batch = Batch::default();
    let new = NewRepo { name, created: origin.time, description, output_of: None };
    let repo = history::create(&facts, &mut batch, new)?;
    match facts.commit(&origin, &batch)? {
        Outcome::Done { .. } => Ok(repo),
        Outcome::Stale { .. } => Err(Error::Contended { place: store.root().display().to_string() }),
    }
}
