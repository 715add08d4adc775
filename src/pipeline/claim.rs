//! Which job is next: the first of its branch whose inputs are there and that nobody else has.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{self, Author};
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::CommitId;
use crate::process::Process;
use crate::store::Store;

use super::error::Error;
use super::job::{self, Job, JobSource, State};
use super::lease::Lease;
use super::registry;

/// Which jobs to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that can be.
    All,
    /// Those of these runs, and those that they wait for.
    Runs(BTreeSet<u64>),
}

impl Which {
    /// The runs of these jobs.
    pub fn of(jobs: &[Job]) -> Self {
        Self::Runs(jobs.iter().map(|job| job.run).collect())
    }

    /// Whether the job is one of those, and not only one that they wait for.
    pub fn wants(&self, job: &Job) -> bool {
        match self {
            Self::All => true,
            Self::Runs(runs) => runs.contains(&job.run),
        }
    }
}

/// What there is to do next.
pub(super) enum Next {
    /// This job, which is now this process's.
    Work(Box<Job>, Lease),
    /// Nothing for this job, which will not be run.
    Skipped(Box<Job>),
    /// Wait: other processes work on what these jobs need.
    Wait(Vec<u64>),
    /// All is done.
    Nothing,
}

/// The next job that can be run, now marked as this process's.
pub(super) fn claim(store: &Store, author: &Author, which: &Which) -> Result<Next, Error> {
    let mut facts = store.session()?;
    let living = job::living(&facts)?;
    let needed = needed(&living, which);
    let mut waiting = Vec::new();
    let mut begun = BTreeSet::new();
    for job in &living {
        // Jobs of one output branch go in their order.
        let is_first = begun.insert((&job.pipeline, &job.stage, &job.branch));
        if !needed.contains(&job.id) {
            continue;
        }
        let lease = if is_first { Lease::take(store, job.id)? } else { None };
        let Some(lease) = lease else {
            // A job that another process runs is none of ours when all that is queued is to be run.
            if *which != Which::All || job.state == State::Queued {
                waiting.push(job);
            }
            continue;
        };
        let mut next = job.clone();
        let skipped = match resolve(store, &facts, job)? {
            Waiting::No(inputs) => {
                for (input, commit) in next.inputs.iter_mut().zip(inputs) {
                    input.source = JobSource::Commit(commit);
                }
                next.forget_attempt();
                next.version = version(&facts, job)?.unwrap_or(job.version);
                next.state = State::Running(Process::me());
                next.started = Some(author.now().time);
                false
            }
            Waiting::Yes => {
                waiting.push(job);
                continue;
            }
            Waiting::InVain(id) => {
                next.skip_for(id, author.now().time);
                true
            }
        };
        let mut batch = Batch::default();
        job::replace(&mut batch, job, &next)?;
        if let Outcome::Stale { .. } = facts.commit(&author.housekeeping(), &batch)? {
            return Ok(Next::Wait(Vec::new()));
        }
        if skipped {
            lease.end();
            return Ok(Next::Skipped(Box::new(next)));
        }
        return Ok(Next::Work(Box::new(next), lease));
    }
    if waiting.is_empty() {
        return Ok(Next::Nothing);
    }
    Ok(Next::Wait(waiting.into_iter().filter(|job| which.wants(job)).map(|job| job.id).collect()))
}

/// The wanted jobs with all that they wait for: earlier jobs of the same branch, and those whose output they read.
fn needed(living: &[Job], which: &Which) -> BTreeSet<u64> {
    let mut newest = BTreeMap::new();
    let mut before = BTreeMap::new();
    for job in living {
        if let Some(earlier) = newest.insert((&job.pipeline, &job.stage, &job.branch), job.id) {
            before.insert(job.id, earlier);
        }
    }
    let mut needed: BTreeSet<u64> = living.iter().filter(|job| which.wants(job)).map(|job| job.id).collect();
    // Newest first, because what a job waits for is older than it.
    for job in living.iter().rev() {
        if needed.contains(&job.id) {
            needed.extend(before.get(&job.id));
            needed.extend(job.inputs.iter().filter_map(|input| match input.source {
                JobSource::Job(id) => Some(id),
                JobSource::Commit(_) => None,
            }));
        }
    }
    needed
}

/// The version of the pipeline that the job will be run by.
fn version(facts: &Session, job: &Job) -> Result<Option<u64>, Error> {
    let name = job.pipeline.parse().map_err(history::Error::from)?;
    Ok(registry::find(facts, &name)?.map(|pipeline| pipeline.record.version))
}

enum Waiting {
    No(Vec<CommitId>),
    Yes,
    InVain(u64),
}

fn resolve(store: &Store, facts: &Session, job: &Job) -> Result<Waiting, Error> {
    let mut commits = Vec::new();
    for input in &job.inputs {
        match input.source {
            JobSource::Commit(commit) => commits.push(commit),
            JobSource::Job(id) => {
                let upstream = job::load(store, facts, id)?;
                match (upstream.state, upstream.output) {
                    (State::Succeeded, Some(commit)) => commits.push(commit),
                    (State::Queued | State::Running(_), _) => return Ok(Waiting::Yes),
                    _ => return Ok(Waiting::InVain(id)),
                }
            }
        }
    }
    Ok(Waiting::No(commits))
}
