//! Moving names in a store, after what they are to stand for has come.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::{Name, RefMove};
use super::error::Error;
use super::index;
use crate::history::{self, Author, NewRepo, Repo};
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::{CommitId, ObjectKind, RepoName};
use crate::pipeline::trigger::{self, Caused, Runs};
use crate::store::Store;

/// What a move of names came to.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// The operation; `None` when there was nothing to be moved.
    pub operation: Option<u64>,
    /// What it caused.
    pub caused: Caused,
}

/// Makes all moves in one step, or none, and queues what they trigger. Repos that are missing are made first.
pub fn update(store: &Store, author: &Author, moves: &[RefMove]) -> Result<Moved, Error> {
    let place = || store.root().display().to_string();
    if moves.is_empty() {
        return Ok(Moved::default());
    }
    for after in moves.iter().filter_map(|moved| moved.after) {
        if store.objects().find(after.digest())?.is_none_or(|found| found.at.kind != ObjectKind::Commit) {
            return Err(Error::NoCommit { commit: after, place: place() });
        }
    }
    let mut named = BTreeSet::new();
    for RefMove { repo, name, .. } in moves {
        if !named.insert((repo, name.to_string())) {
            let (repo, what, name) = (repo.clone(), name.what(), name.to_string());
            return Err(history::Error::RefExists { repo, what, name }.into());
        }
    }
    let mut batch = Batch::default();
    let mut repos = BTreeMap::new();
    for RefMove { repo: name, description, .. } in moves {
        if !repos.contains_key(name) {
            let heads: Vec<CommitId> =
                moves.iter().filter(|m| m.repo == *name).filter_map(|m| m.after).collect();
            let repo = ground(store, author, &mut batch, name, description, &heads)?;
            repo.writable()?;
            index::list(store, author, &mut batch, &repo, &heads)?;
            repos.insert(name.clone(), repo);
        }
    }
    let origin = author.now();
    let mut facts = store.session()?;
    for after in moves.iter().filter_map(|moved| moved.after) {
        history::check_whole(&facts, store.objects(), after)?;
    }
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
                history::move_head(&mut batch, repo, branch, *before, *after);
                match after {
                    Some(commit) => {
                        history::check_quota(&facts, store.objects(), repo, branch, *before, *commit)?;
                        let (repo, branch) = (repo.clone(), branch.clone());
                        moved.push(trigger::Moved { repo, branch, commit: *commit });
                    }
                    None => drop(history::carry_merge(&facts, &mut batch, repo, branch, None)?),
                }
            }
            Name::Tag(tag) => match (before, after) {
                (_, Some(commit)) => history::create_tag(&mut batch, repo, tag, *commit),
                (Some(before), None) => history::delete_tag(&mut batch, repo, tag, *before),
                (None, None) => {}
            },
        }
    }
    let caused = trigger::cause(store, &facts, &mut batch, &moved, Runs::ByBranch, &origin)?;
    match facts.commit(&origin, &batch)? {
        Outcome::Done { number } => Ok(Moved { operation: Some(number), caused }),
        // Where names stand was seen in this session, so a repo is another one now.
        Outcome::Stale { .. } => Err(contended(store, &facts, repos.values())?),
    }
}

/// Why a batch was stale that should have changed these repos.
pub(super) fn contended<'r>(
    store: &Store,
    facts: &Session,
    repos: impl IntoIterator<Item = &'r Repo>,
) -> Result<Error, Error> {
    for repo in repos {
        // One that was to be made need not be there.
        if history::find(facts, &repo.name)?.is_some() {
            history::check_held(facts, repo)?;
        }
    }
    Ok(Error::Contended { place: store.root().display().to_string() })
}

/// The repo `name`, in which the commits `heads` are to be listed. What holds it, or makes it, goes into `batch`.
pub(super) fn ground(
    store: &Store,
    author: &Author,
    batch: &mut Batch,
    name: &RepoName,
    description: &str,
    heads: &[CommitId],
) -> Result<Repo, Error> {
    let found = history::find(&store.session()?, name)?;
    let new = || NewRepo {
        name: name.clone(),
        created: author.now().time,
        description: description.to_owned(),
        output_of: None,
    };
    let repo = match found {
        Some(repo) => repo,
        // What is listed in several steps is listed for a repo that is there.
        None if index::is_long(store, heads)? => make(store, author, new())?,
        None => return Ok(history::create(&store.session()?, batch, new())?),
    };
    history::hold(batch, &repo)?;
    Ok(repo)
}

fn make(store: &Store, author: &Author, new: NewRepo) -> Result<Repo, Error> {
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    let repo = history::create(&facts, &mut batch, new)?;
    match facts.commit(&author.now(), &batch)? {
        Outcome::Done { .. } => Ok(repo),
        Outcome::Stale { .. } => Err(Error::Contended { place: store.root().display().to_string() }),
    }
}
