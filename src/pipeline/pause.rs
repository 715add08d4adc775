//! Pausing a pipeline, and letting it go on.
//!
//! A paused pipeline has no jobs that may still do something, and gets no new ones. So what it missed need not be remembered: when it
//! goes on, its outputs are compared with what its inputs have come to.

use crate::history::Author;
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::PipelineName;
use crate::store::Store;

use super::cancel::{self, Stopped};
use super::catch_up::{Again, CaughtUp, Scope, catch_up};
use super::error::Error;
use super::job::Job;
use super::registry::Standing;
use super::submission;
use super::task::TRIES;

/// What pausing a pipeline did.
#[derive(Debug, Default)]
pub struct Paused {
    /// The operation; `None` if it was paused before.
    pub operation: Option<u64>,
    /// Its jobs that were queued or ran.
    pub cancelled: Vec<Job>,
    /// Jobs of other pipelines that waited for them.
    pub skipped: Vec<Job>,
    /// Those whose process has not stopped yet. It is going to.
    pub stopping: Vec<u64>,
}

/// What letting a pipeline go on did.
#[derive(Debug, Default)]
pub struct Resumed {
    /// The operation; `None` if it was not paused.
    pub operation: Option<u64>,
    /// What is to be done now.
    pub jobs: Vec<Job>,
}

/// Lets the pipeline queue nothing and run nothing, until it is resumed. Jobs that are queued or run are cancelled.
pub fn pause(store: &Store, author: &Author, name: &PipelineName) -> Result<Paused, Error> {
    let origin = author.now();
    for _ in 0..TRIES {
        let mut facts = store.session()?;
        let mut batch = Batch::default();
        if !submission::stand(&facts, &mut batch, name, Standing::Paused)? {
            return Ok(Paused::default());
        }
        let Stopped { running, cancelled, skipped } =
            cancel::stop_pipeline(&facts, &mut batch, name, &origin)?;
        if let Outcome::Done { number } = facts.commit(&origin, &batch)? {
            drop(facts);
            let stopping = cancel::await_end(store, running)?;
            return Ok(Paused { operation: Some(number), cancelled, skipped, stopping });
        }
    }
    Err(Error::Raced { verb: "pause the pipeline" })
}

/// Lets a paused pipeline go on: one job for each output branch that is not what the newest commits make of it.
pub fn resume(store: &Store, author: &Author, name: &PipelineName) -> Result<Resumed, Error> {
    let origin = author.now();
    for _ in 0..TRIES {
        let mut facts = store.session()?;
        let mut batch = Batch::default();
        if !submission::stand(&facts, &mut batch, name, Standing::Active)? {
            return Ok(Resumed::default());
        }
        let (jobs, next) = facts.suppose(&batch.writes, |facts| {
            let mut next = Batch::default();
            let scope = Scope { pipeline: name.clone(), stage: None, branch: None, again: Again::Nothing };
            let CaughtUp { jobs, .. } = catch_up(facts, store.objects(), &mut next, &scope, &origin)?;
            Ok::<_, Error>((jobs, next))
        })?;
        batch.then(next);
        if let Outcome::Done { number } = facts.commit(&origin, &batch)? {
            return Ok(Resumed { operation: Some(number), jobs });
        }
    }
    Err(Error::Raced { verb: "resume the pipeline" })
}
