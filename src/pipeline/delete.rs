//! Deleting a pipeline, with what it was about to do.

use crate::history::Author;
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::PipelineName;
use crate::store::Store;

use super::cancel::{self, Stopped};
use super::error::Error;
use super::job::Job;
use super::submission;
use super::task::TRIES;

/// What deleting a pipeline did.
#[derive(Debug)]
pub struct Deleted {
    /// The operation.
    pub operation: u64,
    /// Its jobs that were queued or ran, and those of other pipelines that waited for them.
    pub skipped: Vec<Job>,
    /// Those whose process has not stopped yet. It is going to.
    pub stopping: Vec<u64>,
}

/// Deletes the pipeline. What it made stays, in ordinary repos; what it has to do is skipped, and the programs of its jobs are killed.
pub fn delete(store: &Store, author: &Author, name: &PipelineName) -> Result<Deleted, Error> {
    let origin = author.now();
    for _ in 0..TRIES {
        let mut facts = store.session()?;
        let mut batch = Batch::default();
        let Stopped { running, skipped, .. } = submission::remove(&facts, &mut batch, name, &origin)?;
        if let Outcome::Done { number } = facts.commit(&origin, &batch)? {
            drop(facts);
            let stopping = cancel::await_end(store, running)?;
            return Ok(Deleted { operation: number, skipped, stopping });
        }
    }
    Err(Error::Raced { verb: "delete the pipeline" })
}
