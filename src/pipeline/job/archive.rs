//! Jobs that have long ended, in packs instead of among the small facts.
//!
//! The facts stay small and quick to open however many jobs there were: when some thousand have ended, they move to a map in the
//! packs, and the facts keep its root and the number of the last job in it. The map has each job below `j`, newest first, and its
//! number below `s` with the name of its stage, so that the jobs of one stage are found without a look at others.
//! The root is one of the roots of the store: what it leads to is not rubbish.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::record::{self, JOBS, Job};
use crate::history::Author;
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::{NodeId, ObjectRead, codec};
use crate::pipeline::Error;
use crate::store::Store;
use crate::tree::{self, Cursor, Raw};

/// Where the archive's root lies.
pub(in crate::pipeline) const ARCHIVE: &[u8] = b"job-archive";

const VERSION: u8 = 1;

/// How many jobs are moved at a time. There are at most about twice as many ended ones among the facts.
const BATCH: u64 = 1000;

/// The archive as the facts know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Root {
    map: NodeId,
    /// Every job with a number up to this one is in the map.
    last: u64,
}

fn broken(source: codec::Error) -> Error {
    Error::Record { what: "the archive of jobs", source }
}

fn root(facts: &Session) -> Result<Option<Root>, Error> {
    facts.get(ARCHIVE)?.map(|bytes| codec::decode(VERSION, &bytes).map_err(broken)).transpose()
}

/// The key of a job; newer ones come first.
fn job_key(id: u64) -> Vec<u8> {
    [b"j".as_slice(), &(u64::MAX - id).to_be_bytes()].concat()
}

fn stage_key(job: &Job) -> Vec<u8> {
    [stages(&format!("{}/{}\0", job.pipeline, job.stage)).as_slice(), &(u64::MAX - job.id).to_be_bytes()]
        .concat()
}

fn stages(prefix: &str) -> Vec<u8> {
    [b"s", prefix.as_bytes()].concat()
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
    record::as_it_stands(store, facts, found.ok_or(Error::UnknownJob { id })?)
}

/// All jobs, as one session saw them.
#[derive(Debug)]
pub struct Known {
    /// Those among the facts, newest first.
    recent: Vec<Job>,
    archive: Option<Root>,
}

/// Which jobs there are. What is in the archive is read when it is asked for, without the session.
pub fn known(store: &Store, facts: &Session) -> Result<Known, Error> {
    let recent = record::list(facts)?.into_iter().rev();
    let recent = recent.map(|job| record::as_it_stands(store, facts, job));
    Ok(Known { recent: recent.collect::<Result<_, _>>()?, archive: root(facts)? })
}

impl Known {
    /// The jobs of the stages whose `PIPELINE/STAGE` starts with `prefix`, newest first, until `visit` has had enough.
    pub fn visit(
        self,
        objects: &dyn ObjectRead,
        prefix: &str,
        visit: &mut dyn FnMut(Job) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for job in self.recent {
            let wanted = job.stage_name().starts_with(prefix);
            if wanted && visit(job).is_break() {
                return Ok(());
            }
        }
        let Some(root) = self.archive else { return Ok(()) };
        if prefix.is_empty() {
            let mut cursor = Cursor::<Raw>::new(objects, root.map)?;
            while cursor.peek()?.is_some_and(|key| key.starts_with(b"j")) {
                let Some((_, Raw(bytes))) = cursor.next().transpose()? else { break };
                if visit(record::read(&bytes)?).is_break() {
                    break;
                }
            }
            return Ok(());
        }
        let mut ids = Vec::new();
        let start = stages(prefix);
        let mut cursor = Cursor::<Raw>::new(objects, root.map)?;
        cursor.seek(&start)?;
        while cursor.peek()?.is_some_and(|key| key.starts_with(&start)) {
            let Some((key, _)) = cursor.next().transpose()? else { break };
            let id = key.len().checked_sub(8).and_then(|at| key.get(at..)).and_then(|id| id.try_into().ok());
            ids.extend(id.map(|id| u64::MAX - u64::from_be_bytes(id)));
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        let mut cursor = Cursor::<Raw>::new(objects, root.map)?;
        for id in ids {
            let Some(Raw(bytes)) = cursor.get(&job_key(id))? else { continue };
            if visit(record::read(&bytes)?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Moves jobs that have ended into the archive, if there are many. Another process that does the same meanwhile wins.
pub fn archive(store: &Store, author: &Author) -> Result<(), Error> {
    let (before, jobs) = {
        let facts = store.session()?;
        let before = root(&facts)?;
        let last = before.map_or(0, |root| root.last);
        // In the order of their numbers, up to the first that may still do something.
        let end = match record::oldest_living(&facts)? {
            Some(oldest) => oldest,
            None => record::next(&facts)?,
        };
        if end.saturating_sub(last + 1) < 2 * BATCH {
            return Ok(());
        }
        let mut jobs = Vec::new();
        for id in last + 1..=last + BATCH {
            jobs.extend(record::find(&facts, id)?);
        }
        (before, jobs)
    };
    let writer = store.writer();
    let map = before.map_or_else(|| tree::empty(&writer), |root| Ok(root.map))?;
    let mut edits = BTreeMap::new();
    for job in &jobs {
        edits.insert(job_key(job.id), Some(Raw(record::write(job)?)));
        edits.insert(stage_key(job), Some(Raw(Vec::new())));
    }
    let map = tree::edit(&writer, map, edits)?;
    writer.finish()?;
    let after = Root { map, last: before.map_or(0, |root| root.last) + BATCH };
    let encode = |root: &Root| codec::encode(VERSION, root).map_err(broken);
    let mut batch = Batch::default();
    batch.expect(ARCHIVE.to_vec(), before.as_ref().map(encode).transpose()?);
    batch.put(ARCHIVE.to_vec(), encode(&after)?);
    for job in &jobs {
        batch.remove(record::key(JOBS, job.id));
    }
    match store.session()?.commit(&author.housekeeping(), &batch)? {
        Outcome::Done { .. } | Outcome::Stale { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Datums, State, save};
    use super::*;
    use crate::object::ObjectRead;
    use crate::store::DEFAULT_WAIT;

    fn job(id: u64, state: State) -> Job {
        let stage = if id.is_multiple_of(10) { "b" } else { "a" };
        Job {
            id,
            run: id,
            pipeline: "p".to_owned(),
            version: 1,
            stage: stage.to_owned(),
            branch: "main".to_owned(),
            inputs: Vec::new(),
            cause: "r@main".to_owned(),
            state,
            created: 0,
            started: None,
            ended: None,
            datums: Datums::default(),
            output: None,
            error: None,
            logs: None,
        }
    }

    fn facts(store: &Store) -> usize {
        let mut count = 0;
        let visit = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            ControlFlow::Continue(())
        };
        store.session().unwrap().scan(JOBS, visit).unwrap();
        count
    }

    #[test]
    fn ended_jobs_leave_the_facts_and_are_found_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let author = Author { name: "Ann".to_owned(), command: "test".to_owned() };
        let objects: &dyn ObjectRead = store.objects();
        let queued = 3500;
        let mut batch = Batch::default();
        for id in 1..=4200 {
            save(&mut batch, &job(id, if id == queued { State::Queued } else { State::Succeeded })).unwrap();
        }
        store.session().unwrap().commit(&author.housekeeping(), &batch).unwrap();
        for left in [3200, 2200, 2200, 2200] {
            archive(&store, &author).unwrap();
            assert_eq!(facts(&store), left);
        }
        let facts = store.session().unwrap();
        for id in [1, 1000, 2000, 2001, queued, 4200] {
            assert_eq!(load(&store, &facts, id).unwrap().id, id);
        }
        assert!(load(&store, &facts, 4201).is_err() && load(&store, &facts, 0).is_err());
        drop(facts);
        let list = |prefix: &str, most: usize| {
            let mut ids = Vec::new();
            let known = known(&store, &store.session().unwrap()).unwrap();
            let visit = &mut |job: Job| {
                ids.push(job.id);
                if ids.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            known.visit(objects, prefix, visit).unwrap();
            ids
        };
        assert_eq!(list("", usize::MAX), (1..=4200).rev().collect::<Vec<_>>());
        assert_eq!(list("", 2300).last(), Some(&1901));
        assert_eq!(list("p/b", usize::MAX), (1..=420).rev().map(|n| n * 10).collect::<Vec<_>>());
        assert_eq!(list("p/b", 300).last(), Some(&1210));
        assert!(list("q", usize::MAX).is_empty());
    }

    #[test]
    fn the_bytes_of_the_archive_never_change() {
        let root = Root { map: NodeId::new(crate::object::Digest::from_bytes([7; 32])), last: 9 };
        let want = [&[1][..], &[7; 32], &[9, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(codec::encode(VERSION, &root).unwrap(), want);
        assert_eq!(job_key(1), [&b"j"[..], &[255; 7], &[254]].concat());
        assert_eq!(stage_key(&job(1, State::Failed)), [&b"sp/a\0"[..], &[255; 7], &[254]].concat());
    }
}
