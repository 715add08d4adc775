//! What a program that a job runs must not do: wait for that job.

use std::env;

use super::complaint::usage;
use super::context::Context;
use crate::fault::Cause;
use crate::pipeline::job::{self, State};
use crate::store::Store;

impl Context {
    /// The job of this store that runs this command, if one does.
    fn runs_this(store: &Store) -> Result<Option<u64>, Cause> {
        let Some(id) = env::var("VDS_JOB").ok().and_then(|id| id.parse().ok()) else { return Ok(None) };
        let facts = store.session()?;
        let runs = job::load(store, &facts, id).is_ok_and(|job| matches!(job.state, State::Running(_)));
        Ok(Some(id).filter(|_| runs))
    }

    /// Whether jobs are to be left to others, because one of them may wait for the job that runs this; that is said.
    pub(super) fn leaves_jobs(&self, store: &Store) -> Result<bool, Cause> {
        let job = Self::runs_this(store)?;
        if let Some(id) = job {
            self.note(&format!(
                "note: job {id} runs this, so what is triggered waits for the next `vds run`"
            ));
        }
        Ok(job.is_some())
    }

    /// An error where a job runs this: it would wait for itself.
    pub(super) fn refuse_within_job(store: &Store) -> Result<(), Cause> {
        match Self::runs_this(store)? {
            None => Ok(()),
            Some(id) => Err(usage(
                format!("job {id} runs this command, and might wait for itself"),
                "leave jobs to whoever runs that one",
            )),
        }
    }
}
