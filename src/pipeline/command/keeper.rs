//! Keeping the results of a job while it runs, so that a killed or failed job leaves what it has done.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::ledger::Outcome as Commit;
use crate::meta::Batch;
use crate::object::Digest;
use crate::pack::Writer;
use crate::pipeline::error::Error;
use crate::pipeline::job;
use crate::pipeline::results::{self, Outcome};
use crate::pipeline::task::{Account, TRIES, Task};

/// The writer of a job's objects, which is finished and begun anew each time that results are saved.
pub(super) struct Keeper<'a> {
    task: &'a Task<'a>,
    writer: RwLock<Writer>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(task: &'a Task<'a>) -> Self {
        Self { task, writer: RwLock::new(task.store.writer()) }
    }

    /// Where to write. Hold it for as long as what is written belongs together, and no longer.
    pub(super) fn sink(&self) -> RwLockReadGuard<'_, Writer> {
        self.writer.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts all that was written on disk.
    pub(super) fn flush(&self) -> Result<(), Error> {
        let mut writer = self.writer.write().unwrap_or_else(PoisonError::into_inner);
        let full = std::mem::replace(&mut *writer, self.task.store.writer());
        full.finish()?;
        Ok(())
    }

    /// Makes these results findable for good, and puts on record what the job has done so far, if it is still wanted. The objects
    /// were written through [`Self::sink`].
    pub(super) fn save(&self, new: &[(Digest, Outcome)], account: Option<&Account>) -> Result<(), Error> {
        let Task { store, output, author, job, .. } = self.task;
        for _ in 0..TRIES {
            let table = {
                let facts = store.session()?;
                if account.is_some() {
                    self.task.check_mine(&facts)?;
                }
                results::root(&facts, output)?
            };
            let mut batch = Batch::default();
            let origin = author.housekeeping();
            if !new.is_empty() {
                let after = results::add(&*self.sink(), table, new, origin.time)?;
                results::move_root(&mut batch, output, table, after);
            }
            self.flush()?;
            let before = self.task.record();
            let mut record = before.clone();
            if let Some(account) = account {
                account.enter(&mut record);
                job::replace(&mut batch, &before, &record)?;
            }
            match store.session()?.commit(&origin, &batch)? {
                Commit::Done { .. } => {
                    self.task.wrote(record);
                    return Ok(());
                }
                Commit::Stale { .. } => {}
            }
        }
        Err(Error::Contended { id: job.id, what: format!("the results of {}", output.name) })
    }
}
