//! Merges that wait for a person: kept beside their branch, until each conflict is settled.
//!
//! The record has what was asked for, the conflicts as they were found, and what was chosen for them; not the result, which is made
//! when the merge is finished.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::error::Error;
use super::record::{Choice, Made, Record, VERSION, read_map, write_map};
use super::sides::{Action, Ends, Request};
use crate::history::{self, Author, Repo, Target};
use crate::ledger::{Origin, Outcome, Session};
use crate::merge::Conflict;
use crate::meta::Batch;
use crate::object::{TreePath, codec};
use crate::pack::Writer;
use crate::store::Store;

/// A merge that waits for a person.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The branch.
    pub target: Target,
    /// Who began it.
    pub author: String,
    /// When, in milliseconds since 1970, and the author's distance from UTC in minutes east.
    pub time: (i64, i16),
    /// What was asked for.
    pub request: Request,
    /// What was to be brought together when the conflicts were found.
    pub ends: Ends,
    /// The conflicts, by path, and what was chosen for each.
    pub conflicts: Vec<(Conflict, Option<Choice>)>,
}

impl Opened {
    /// The conflicts for which nothing was chosen yet.
    pub fn left(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.iter().filter(|(_, choice)| choice.is_none()).map(|(conflict, _)| conflict)
    }
}

fn key(repo: &Repo, target: &Target) -> Vec<u8> {
    history::merge_key(repo, &target.branch)
}

/// The record of the open merge, as it is and as it is kept.
type Found = Option<(Record, Vec<u8>)>;

fn find_record(facts: &Session, repo: &Repo, target: &Target) -> Result<Found, Error> {
    let Some(bytes) = facts.get(&key(repo, target))? else { return Ok(None) };
    Ok(Some((decode(target, &bytes)?, bytes)))
}

pub(super) fn load_record(store: &Store, target: &Target) -> Result<(Repo, Record, Vec<u8>), Error> {
    let facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    let (record, bytes) =
        find_record(&facts, &repo, target)?.ok_or_else(|| Error::NotOpen { target: target.clone() })?;
    Ok((repo, record, bytes))
}

/// An error if a merge into this branch is open.
pub(super) fn check_none(store: &Store, repo: &Repo, target: &Target) -> Result<(), Error> {
    match find_record(&store.session()?, repo, target)? {
        None => Ok(()),
        Some((record, _)) => Err(Error::Open { target: target.clone(), verb: record.request.action.verb() }),
    }
}

/// A merge that is to be kept.
pub(super) struct Kept<'a> {
    pub(super) repo: &'a Repo,
    pub(super) target: &'a Target,
    pub(super) request: &'a Request,
    pub(super) ends: &'a Ends,
    pub(super) conflicts: &'a [Conflict],
    pub(super) choices: BTreeMap<TreePath, Made>,
}

/// Keeps a merge beside its branch, in place of the record `before`. Returns the operation, unless nothing is new.
pub(super) fn save(
    store: &Store,
    author: &Author,
    kept: &Kept<'_>,
    before: Option<Vec<u8>>,
    writer: Writer,
) -> Result<Option<u64>, Error> {
    let origin = author.now();
    let conflicts = kept.conflicts.iter().map(|conflict| (&conflict.clash.path, conflict));
    let conflicts = write_map(&writer, conflicts)?;
    let choices = write_map(&writer, kept.choices.iter())?;
    let (author, time, offset) = (origin.author.clone(), origin.time, origin.offset);
    let record = Record {
        author,
        time,
        offset,
        request: kept.request.clone(),
        ends: kept.ends.clone(),
        conflicts,
        choices,
    };
    if let Some(bytes) = &before {
        let Record { author, time, offset, .. } = decode(kept.target, bytes)?;
        if encode(kept.target, &Record { author, time, offset, ..record.clone() })? == *bytes {
            return Ok(None);
        }
    }
    writer.finish()?;
    put(store, &origin, kept.repo, kept.target, &record, before).map(Some)
}

fn decode(target: &Target, bytes: &[u8]) -> Result<Record, Error> {
    let what = format!("the merge into {target}");
    codec::decode(VERSION, bytes).map_err(|source| Error::Record { what, source })
}

fn encode(target: &Target, record: &Record) -> Result<Vec<u8>, Error> {
    let what = format!("the merge into {target}");
    codec::encode(VERSION, record).map_err(|source| Error::Record { what, source })
}

pub(super) fn put(
    store: &Store,
    origin: &Origin,
    repo: &Repo,
    target: &Target,
    record: &Record,
    before: Option<Vec<u8>>,
) -> Result<u64, Error> {
    let bytes = encode(target, record)?;
    let mut batch = Batch::default();
    history::hold(&mut batch, repo)?;
    batch.expect(key(repo, target), before).put(key(repo, target), bytes);
    match store.session()?.commit(origin, &batch)? {
        Outcome::Done { number } => Ok(number),
        Outcome::Stale { .. } => Err(Error::Raced { target: target.clone() }),
    }
}

/// An open merge with what is needed to finish it.
pub(super) struct Finishing {
    pub(super) repo: Repo,
    pub(super) request: Request,
    pub(super) ends: Ends,
    pub(super) choices: BTreeMap<TreePath, Made>,
    /// The record as it is kept.
    pub(super) bytes: Vec<u8>,
}

pub(super) fn load_finishing(store: &Store, target: &Target) -> Result<Finishing, Error> {
    let (repo, record, bytes) = load_record(store, target)?;
    let choices = read_map(store.objects(), record.choices)?;
    let Record { request, ends, .. } = record;
    Ok(Finishing { repo, request, ends, choices, bytes })
}

/// What closes the merge whose record is `bytes`.
pub(super) fn closing(repo: &Repo, target: &Target, bytes: Vec<u8>) -> Batch {
    let mut batch = Batch::default();
    batch.expect(key(repo, target), Some(bytes)).remove(key(repo, target));
    batch
}

/// The open merge into this branch, if there is one.
pub fn find(store: &Store, target: &Target) -> Result<Option<Opened>, Error> {
    match load(store, target) {
        Err(Error::NotOpen { .. }) => Ok(None),
        found => found.map(Some),
    }
}

/// The open merge into this branch.
pub fn load(store: &Store, target: &Target) -> Result<Opened, Error> {
    let (_, record, _) = load_record(store, target)?;
    let choices: BTreeMap<TreePath, Made> = read_map(store.objects(), record.choices)?;
    let conflicts = read_map::<Conflict>(store.objects(), record.conflicts)?;
    let chosen = |(path, conflict): (TreePath, Conflict)| {
        (conflict, choices.get(&path).map(|made| made.choice.clone()))
    };
    let Record { author, time, offset, request, ends, .. } = record;
    let conflicts = conflicts.into_iter().map(chosen).collect();
    Ok(Opened { target: target.clone(), author, time: (time, offset), request, ends, conflicts })
}

/// The branches into which a merge is open, by name.
pub fn list(store: &Store) -> Result<Vec<Target>, Error> {
    let facts = store.session()?;
    let mut open = Vec::new();
    facts.scan(history::MERGES, &mut |key, _| {
        open.extend(history::subject(key));
        ControlFlow::Continue(())
    })?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let mut targets = Vec::new();
    for repo in history::list(&facts)? {
        for subject in &open {
            if let history::Subject::Merge(id, branch) = subject
                && *id == repo.id
            {
                targets.push(Target { repo: repo.name.clone(), branch: branch.clone() });
            }
        }
    }
    Ok(targets)
}

/// An open merge that was dropped.
#[derive(Debug, Clone, Copy)]
pub struct Dropped {
    /// The operation that dropped it.
    pub operation: u64,
    /// What was to be brought onto the branch.
    pub action: Action,
}

/// Drops the open merge.
pub fn abort(store: &Store, author: &Author, target: &Target) -> Result<Dropped, Error> {
    let (repo, record, bytes) = load_record(store, target)?;
    let action = record.request.action;
    let batch = closing(&repo, target, bytes);
    match store.session()?.commit(&author.now(), &batch)? {
        Outcome::Done { number } => Ok(Dropped { operation: number, action }),
        Outcome::Stale { .. } => Err(Error::Raced { target: target.clone() }),
    }
}
