//! Cancelling jobs, and stopping those of pipelines that are paused, changed or deleted.
//!
//! What ends a job is its record, which says at once that it is over. Its process publishes by comparing and setting that
//! record, so it can publish nothing any more, whatever it does; it sees that within a second, and stops. A process that
//! is dead need not be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use crate::history::Author;
use crate::ledger::{Origin, Outcome, Session};
use crate::meta::Batch;
use crate::object::PipelineName;
use crate::store::Store;

use super::error::Error;
use super::job::{self, Job, State};
use super::lease::Lease;
use super::spec::Spec;
use super::task::TRIES;

/// How long is waited for a process that runs a cancelled job to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of jobs that were to be cancelled.
#[derive(Debug, Default)]
pub struct Cancelled {
    /// Those that are now.
    pub cancelled: Vec<Job>,
    /// Those that are skipped, because they waited for them.
    pub skipped: Vec<Job>,
    /// Those that had ended before.
    pub over: Vec<Job>,
    /// Those whose process has not stopped yet. It is going to.
    pub stopping: Vec<u64>,
}

/// Cancels these jobs, all in one step, and waits a little for the processes that run them.
pub fn cancel(store: &Store, author: &Author, ids: &BTreeSet<u64>) -> Result<Cancelled, Error> {
    let origin = author.housekeeping();
    for _ in 0..TRIES {
        let mut facts = store.session()?;
        let mut asked = Vec::new();
        for id in ids {
            asked.push(job::load(store, &facts, *id)?);
        }
        let mut batch = Batch::default();
        let reason = format!("{} cancelled it", author.name);
        let how = |job: &Job| ids.contains(&job.id).then(|| (State::Cancelled, reason.clone()));
        let Stopped { running, cancelled, skipped } = stop(&facts, &mut batch, how, &origin)?;
        asked.retain(|job| !job.state.is_living());
        if cancelled.is_empty() {
            return Ok(Cancelled { over: asked, ..Cancelled::default() });
        }
        if let Outcome::Done { .. } = facts.commit(&origin, &batch)? {
            drop(facts);
            let stopping = await_end(store, running)?;
            return Ok(Cancelled { cancelled, skipped, over: asked, stopping });
        }
    }
    Err(Error::Raced { verb: "cancel the jobs" })
}

/// Adds to `batch` that the jobs of a pipeline that is paused end, and those that wait for them.
pub(super) fn stop_pipeline(
    facts: &Session,
    batch: &mut Batch,
    name: &PipelineName,
    origin: &Origin,
) -> Result<Stopped, Error> {
    let reason = format!("the pipeline {name} was paused");
    let how = |job: &Job| (job.pipeline == name.as_str()).then(|| (State::Cancelled, reason.clone()));
    stop(facts, batch, how, origin)
}

/// Adds to `batch` that the jobs of a pipeline end whose stage is not in `spec`, or of one that is no more, and those that wait for them.
pub(super) fn stop_dropped(
    facts: &Session,
    batch: &mut Batch,
    name: &PipelineName,
    spec: Option<&Spec>,
    origin: &Origin,
) -> Result<Stopped, Error> {
    let is_kept = |job: &Job| {
        spec.is_some_and(|spec| spec.stages.keys().any(|stage| stage.as_str() == job.stage.as_str()))
    };
    let how = |job: &Job| {
        let is_dropped = job.pipeline == name.as_str() && !is_kept(job);
        is_dropped.then(|| (State::Skipped, Error::StageGone { stage: job.stage_name() }.to_string()))
    };
    stop(facts, batch, how, origin)
}

/// Jobs that are stopped.
#[derive(Debug, Default)]
pub(super) struct Stopped {
    /// Those of them that processes run, or ran when they died.
    pub(super) running: Vec<u64>,
    pub(super) cancelled: Vec<Job>,
    pub(super) skipped: Vec<Job>,
}

/// Adds to `batch` that those living jobs end now of which `how` says so, with the reason, and those with them that wait for their
/// output.
fn stop(
    facts: &Session,
    batch: &mut Batch,
    how: impl Fn(&Job) -> Option<(State, String)>,
    origin: &Origin,
) -> Result<Stopped, Error> {
    let mut stopped = Stopped::default();
    // By their runs: jobs of others that wait for them read what is there instead.
    let mut gone: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    // Oldest first: what a job waits for is older than it.
    for job in job::living(facts)? {
        let mut ended = job.clone();
        if let Some((state, reason)) = how(&job) {
            (ended.state, ended.error, ended.ended) = (state, Some(reason), Some(origin.time));
        } else if let Some(id) = gone.get(&job.run).and_then(|gone| job.waits_for(gone)) {
            ended.skip_for(id, origin.time);
        } else {
            continue;
        }
        job::replace(batch, &job, &ended)?;
        gone.entry(job.run).or_default().insert(job.id);
        if matches!(job.state, State::Running(_)) {
            stopped.running.push(job.id);
        }
        match ended.state {
            State::Cancelled => stopped.cancelled.push(ended),
            _ => stopped.skipped.push(ended),
        }
    }
    Ok(stopped)
}

/// Waits until the processes that run these jobs, which have ended on record, have let go of them; returns those that have not
/// in a little while.
pub(super) fn await_end(store: &Store, mut running: Vec<u64>) -> Result<Vec<u64>, Error> {
    let begun = Instant::now();
    loop {
        let mut left = Vec::new();
        for id in running {
            match Lease::take(store, id)? {
                Some(lease) => lease.end(),
                None => left.push(id),
            }
        }
        if left.is_empty() || begun.elapsed() >= PATIENCE {
            return Ok(left);
        }
        running = left;
        thread::sleep(PAUSE);
    }
}
