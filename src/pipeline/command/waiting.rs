//! Telling that a job waits for another one, and for which.

use crate::progress::{Amount, Progress};

/// What is waited for, which is told as long as this is there.
pub(super) struct Waiting<'a> {
    progress: &'a dyn Progress,
    job: Option<u64>,
}

impl<'a> Waiting<'a> {
    /// Nothing is waited for yet.
    pub(super) fn new(progress: &'a dyn Progress) -> Self {
        Self { progress, job: None }
    }

    /// From now on this job of another process is waited for, or none.
    pub(super) fn tell(&mut self, job: Option<u64>) {
        if self.job == job {
            return;
        }
        if self.job.is_some() {
            self.progress.end();
        }
        if let Some(id) = job {
            let what = format!(
                "waiting for job {id}, which makes the same results (`vds job cancel {id}` gives them up)"
            );
            self.progress.begin(&what, Amount::Steps(None));
        }
        self.job = job;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.tell(None);
    }
}
