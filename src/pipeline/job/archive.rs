//! Jobs that have long ended, in packs instead of among the small facts.
//!
//! The facts stay small and quick to open however many jobs there were: when some thousand have ended, they move to a map in the
//! packs, and the facts keep its root and the number of the last job in it. The map has each job below `j`, newest first, and the
//! lists by which it is found (`index`).
//! The root is one of the roots of the store: what it leads to is not rubbish.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::index::{self, Filter, job_key};
use super::queue;
use super::record::{self, JOBS, Job};
use super::run::Run;
use crate::history::Author;
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::{NodeId, ObjectRead, codec};
use crate::pipeline::Error;
use crate::store::Store;
use crate::tree::{self, Cursor, Raw};

/// Where the archive's root lies.
pub(in crate::pipeline) const ARCHIVE: &[u8] = b"job-archive";

pub(super) const VERSION: u8 = 1;

/// How many of the newest jobs stay among the facts. When there are twice as many that have ended, the others move.
const RECENT: u64 = 1000;

/// The most that move in one step.
const STEP: u64 = 16_000;

/// The archive as the facts know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Root {
    pub(super) map: NodeId,
    /// Every job with a number up to this one is in the map.
    pub(super) last: u64,
}

pub(super) fn broken(source: codec::Error) -> Error {
    Error::Record { what: "the archive of jobs", source }
}

fn root(facts: &Session) -> Result<Option<Root>, Error> {
    facts.get(ARCHIVE)?.map(|bytes| codec::decode(VERSION, &bytes).map_err(broken)).transpose()
}

/// The map of the archive, from the fact's value.
pub(in crate::pipeline) fn archive_root(value: &[u8]) -> Result<NodeId, Error> {
    let root: Root = codec::decode(VERSION, value).map_err(broken)?;
    Ok(root.map)
}

/// Whether this is the key of a job in the archive, and not of a list.
pub(in crate::pipeline) fn is_archived(key: &[u8]) -> bool {
    key.starts_with(index::JOB)
}

fn find(objects: &dyn ObjectRead, root: Root, id: u64) -> Result<Option<Job>, Error> {
    let found = Cursor::<Raw>::new(objects, root.map)?.get(&job_key(id))?;
    found.map(|Raw(bytes)| record::read(&bytes)).transpose()
}

/// The job with this number.
pub fn load(store: &Store, facts: &Session, id: u64) -> Result<Job, Error> {
    let archived = root(facts)?.filter(|root| id <= root.last);
    let found = match archived {
        Some(root) => find(store.objects(), root, id)?,
        None => record::find(facts, id)?,
    };
    queue::as_it_stands(store, facts, found.ok_or(Error::UnknownJob { id })?)
}

/// All jobs, as one session saw them.
#[derive(Debug)]
pub struct Known {
    /// Those among the facts, newest first.
    pub(super) recent: Vec<Job>,
    pub(super) archive: Option<Root>,
}

/// Which jobs there are. What is in the archive is read when it is asked for, without the session.
pub fn known(store: &Store, facts: &Session) -> Result<Known, Error> {
    let recent = record::list(facts)?.into_iter().rev();
    let recent = recent.map(|job| queue::as_it_stands(store, facts, job));
    Ok(Known { recent: recent.collect::<Result<_, _>>()?, archive: root(facts)? })
}

impl Known {
    /// The jobs that are asked for, newest first, until `visit` has had enough.
    pub fn visit(
        self,
        objects: &dyn ObjectRead,
        filter: &Filter,
        visit: &mut dyn FnMut(Job) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for job in self.recent {
            let last = filter.ends_at(&job);
            if last || (filter.wants(&job) && visit(job).is_break()) {
                return Ok(());
            }
        }
        let Some(root) = self.archive else { return Ok(()) };
        let mut jobs = Cursor::<Raw>::new(objects, root.map)?;
        index::candidates(objects, root.map, filter, &mut |id| {
            let Some(Raw(bytes)) = jobs.get(&job_key(id))? else { return Ok(ControlFlow::Continue(())) };
            let job = record::read(&bytes)?;
            if filter.ends_at(&job) {
                return Ok(ControlFlow::Break(()));
            }
            Ok(if filter.wants(&job) { visit(job) } else { ControlFlow::Continue(()) })
        })
    }

    /// The runs, newest first, until `visit` has had enough.
    pub fn visit_runs(
        self,
        objects: &dyn ObjectRead,
        visit: &mut dyn FnMut(Run) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut recent: BTreeMap<u64, Vec<Job>> = BTreeMap::new();
        for job in self.recent {
            recent.entry(job.run).or_default().push(job);
        }
        let archived = |before| match self.archive {
            Some(root) => index::run_before(objects, root.map, before),
            None => Ok(None),
        };
        let mut older = archived(None)?;
        loop {
            let newest = recent.last_key_value().map(|(run, _)| *run);
            let Some(id) = newest.max(older.as_ref().map(|(run, _)| *run)) else { return Ok(()) };
            let mut jobs = recent.remove(&id).unwrap_or_default();
            if let (Some((_, ids)), Some(root)) = (older.take_if(|(run, _)| *run == id), self.archive) {
                for id in ids {
                    jobs.extend(find(objects, root, id)?);
                }
                older = archived(Some(id))?;
            }
            jobs.reverse();
            if visit(Run { id, jobs }).is_break() {
                return Ok(());
            }
        }
    }
}

/// Moves jobs that have ended into the archive, if there are many. Another process that does the same meanwhile wins.
pub fn archive(store: &Store, author: &Author) -> Result<(), Error> {
    while step(store, author)? == Step::Taken {}
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Taken,
    /// There is nothing to do, or another does it.
    Needless,
}

fn step(store: &Store, author: &Author) -> Result<Step, Error> {
    let (before, jobs, last) = {
        let facts = store.session()?;
        let before = root(&facts)?;
        let begin = before.map_or(0, |root| root.last) + 1;
        // In the order of their numbers, up to the first that may still do something.
        let end = match queue::oldest_living(&facts)? {
            Some(oldest) => oldest,
            None => record::next(&facts)?,
        };
        let ended = end.saturating_sub(begin);
        if ended < 2 * RECENT {
            return Ok(Step::Needless);
        }
        let end = begin + (ended - RECENT).min(STEP);
        let mut jobs = Vec::new();
        for id in begin..end {
            jobs.extend(record::find(&facts, id)?);
        }
        (before, jobs, end - 1)
    };
    let writer = store.writer();
    let map = before.map_or_else(|| tree::empty(&writer), |root| Ok(root.map))?;
    let mut edits = BTreeMap::new();
    for job in &jobs {
        edits.extend(entries(job)?);
    }
    let map = tree::edit(&writer, map, edits)?;
    writer.finish()?;
    let after = Root { map, last };
    let encode = |root: &Root| codec::encode(VERSION, root).map_err(broken);
    let mut batch = Batch::default();
    batch.expect(ARCHIVE.to_vec(), before.as_ref().map(encode).transpose()?);
    batch.put(ARCHIVE.to_vec(), encode(&after)?);
    for job in &jobs {
        batch.remove(record::key(JOBS, job.id));
    }
    match store.session()?.commit(&author.housekeeping(), &batch)? {
        Outcome::Done { .. } => Ok(Step::Taken),
        Outcome::Stale { .. } => Ok(Step::Needless),
    }
}

/// What the map has of a job.
pub(super) fn entries(job: &Job) -> Result<impl Iterator<Item = (Vec<u8>, Option<Raw>)> + use<>, Error> {
    let record = (job_key(job.id), Some(Raw(record::write(job)?)));
    Ok(index::keys(job).into_iter().map(|key| (key, Some(Raw(Vec::new())))).chain([record]))
}
