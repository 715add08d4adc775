//! Cancelling jobs.
//!
//! What ends a job is its record, which says at once that it is cancelled. Its process publishes by comparing and setting that
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
        let Stopped { running, cancelled, skipped } =
            stop(&facts, &mut batch, |job| ids.contains(&job.id), &reason, &origin)?;
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
    stop(facts, batch, |job| job.pipeline == name.as_str(), &reason, origin)
}

/// Jobs that are stopped.
pub(super) struct Stopped {
    /// Those of them that processes run, or ran when they died.
    pub(super) running: Vec<u64>,
    pub(super) cancelled: Vec<Job>,
    pub(super) skipped: Vec<Job>,
}

/// Adds to `batch` that the living jobs that are `meant` end now, for this reason, and those with them that wait for their output.
fn stop(
    facts: &Session,
    batch: &mut Batch,
    meant: impl Fn(&Job) -> bool,
    reason: &str,
    origin: &Origin,
) -> Result<Stopped, Error> {
    let mut stopped = Stopped { running: Vec::new(), cancelled: Vec::new(), skipped: Vec::new() };
    // By their runs: jobs of others that wait for them read what is there instead.
    let mut gone: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    // Oldest first: what a job waits for is older than it.
    for job in job::living(facts)? {
        let mut ended = job.clone();
        if meant(&job) {
            ended.state = State::Cancelled;
            ended.error = Some(reason.to_owned());
            ended.ended = Some(origin.time);
        } else if let Some(id) = gone.get(&job.run).and_then(|gone| job.waits_for(gone)) {
            ended.skip_for(id, origin.time);
        } else {
            continue;
        }
        job::replace(batch, &job, &ended)?;
        gone.entry(job.run).or_default().insert(job.id);
        match (job.state, ended.state) {
            (State::Running(_), State::Cancelled) => {
                stopped.running.push(job.id);
                stopped.cancelled.push(ended);
            }
            (_, State::Cancelled) => stopped.cancelled.push(ended),
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
