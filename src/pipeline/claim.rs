//! Which jobs are next: the first of each branch, if its inputs are there and nobody else has it.

use std::collections::{BTreeMap, BTreeSet};

use crate::history;
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::CommitId;
use crate::process::Process;
use crate::store::Store;

use super::error::Error;
use super::job::{self, Job, JobSource, State};
use super::lease::Lease;
use super::perform::Shift;
use super::registry;

/// Which jobs to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that can be.
    All,
    /// These, and those that they wait for.
    Jobs(BTreeSet<u64>),
}

impl Which {
    /// These jobs.
    pub fn of(jobs: &[Job]) -> Self {
        Self::Jobs(jobs.iter().map(|job| job.id).collect())
    }

    /// These, and those that they caused.
    pub(super) fn and(&self, caused: &BTreeSet<u64>) -> Self {
        match self {
            Self::All => Self::All,
            Self::Jobs(ids) => Self::Jobs(ids | caused),
        }
    }

    /// Whether the job is one of those, and not only one that they wait for.
    pub fn wants(&self, job: &Job) -> bool {
        match self {
            Self::All => true,
            Self::Jobs(ids) => ids.contains(&job.id),
        }
    }
}

/// What there is to do next.
#[derive(Default)]
pub(super) struct Claimed {
    /// Jobs that are now this process's to run.
    pub(super) begun: Vec<(Job, Lease)>,
    /// Jobs for which there is nothing to do: they will not be run.
    pub(super) skipped: Vec<Job>,
    pub(super) rest: Rest,
}

/// What is to be done later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    #[default]
    Nothing,
    /// Jobs that wait for those of this process.
    Own,
    /// Jobs that may have to wait for other processes.
    Others,
}

/// The next jobs that can be run, at most `free`, now marked as this process's. Those of pipelines that have few at work come first.
/// This process is at work on `busy`, each with its pipeline.
pub(super) fn claim(
    shift: Shift<'_>,
    which: &Which,
    busy: &BTreeMap<u64, String>,
    free: usize,
) -> Result<Claimed, Error> {
    let Shift { store, author, .. } = shift;
    let time = author.now().time;
    let mut facts = store.session()?;
    let living = job::living(&facts)?;
    let needed = needed(&living, which);
    let mut claimed = Claimed::default();
    let mut batch = Batch::default();
    let mut ready = Vec::new();
    let (mut others, mut left) = (false, false);
    let mut branches = BTreeSet::new();
    for job in &living {
        // Jobs of one output branch go in their order.
        let is_first = branches.insert((&job.pipeline, &job.stage, &job.branch));
        if busy.contains_key(&job.id) || !needed.contains(&job.id) {
            continue;
        }
        // A job that another process runs is none of ours when all that is queued is to be run.
        left |= *which != Which::All || job.state == State::Queued;
        if !is_first {
            continue;
        }
        if matches!(job.state, State::Running(_)) && Lease::is_held(store, job.id)? {
            others = true;
            continue;
        }
        match resolve(store, &facts, job)? {
            Waiting::No(inputs) => ready.push((job, inputs)),
            Waiting::Yes => {}
            Waiting::InVain(id) => {
                let mut skipped = job.clone();
                skipped.skip_for(id, time);
                job::replace(&mut batch, job, &skipped)?;
                claimed.skipped.push(skipped);
            }
        }
    }
    let mut at_work: BTreeMap<&str, usize> = BTreeMap::new();
    for pipeline in busy.values() {
        *at_work.entry(pipeline).or_default() += 1;
    }
    while claimed.begun.len() < free && !ready.is_empty() {
        let held = |job: &Job| at_work.get(job.pipeline.as_str()).copied().unwrap_or_default();
        let next = (0..).zip(&ready).min_by_key(|(_, (job, _))| (held(job), job.id));
        let Some((at, _)) = next else { break };
        let (job, inputs): (&Job, _) = ready.remove(at);
        let Some(lease) = Lease::take(store, job.id)? else {
            others = true;
            continue;
        };
        let mut begun = job.clone();
        begin(&facts, &mut begun, inputs, time)?;
        job::replace(&mut batch, job, &begun)?;
        claimed.begun.push((begun, lease));
        *at_work.entry(&job.pipeline).or_default() += 1;
    }
    claimed.rest = match (left, others) {
        (false, _) => Rest::Nothing,
        (true, false) => Rest::Own,
        (true, true) => Rest::Others,
    };
    if batch == Batch::default() {
        return Ok(claimed);
    }
    match facts.commit(&author.housekeeping(), &batch)? {
        Outcome::Done { .. } => {
            // Nobody asks for a job again that was skipped, though a dead process may have left it.
            claimed.skipped.iter().for_each(|job| Lease::forget(store, job.id));
            Ok(claimed)
        }
        Outcome::Stale { .. } => Err(Error::Raced { verb: "begin the next jobs" }),
    }
}

/// Puts on record that this process runs the job, on these inputs.
fn begin(facts: &Session, job: &mut Job, inputs: Vec<CommitId>, time: i64) -> Result<(), Error> {
    for (input, commit) in job.inputs.iter_mut().zip(inputs) {
        input.source = JobSource::Commit(commit);
    }
    job.forget_attempt();
    job.version = version(facts, job)?.unwrap_or(job.version);
    job.state = State::Running(Process::me());
    job.started = Some(time);
    Ok(())
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
