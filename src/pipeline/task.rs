//! A job with all that is known when it begins, and what can become of it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::fault::Cause;
use crate::history::{self, Author, Repo};
use crate::ledger::Session;
use crate::object::{
    AccessError, CommitId, Digest, InputCommit, Lineage, NodeId, ObjectKind, ObjectRead, ObjectWrite, Payload,
};
use crate::progress::Progress;
use crate::store::Store;

use super::base::{self, Base};
use super::error::Error;
use super::flight::Flight;
use super::job::{self, Bytes, Conduct, Datums, Job, Results};
use super::registry::Pipeline;
use super::results::Outcome;
use super::spec::Stage;

/// How long a cancelled job may go on before it notices.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a publication is tried again when others change the same branch or table.
pub(super) const TRIES: usize = 50;

/// A job with all that is known when it begins.
pub(super) struct Task<'a> {
    pub(super) store: &'a Store,
    pub(super) job: &'a Job,
    pub(super) pipeline: &'a Pipeline,
    pub(super) stage: &'a Stage,
    pub(super) output: &'a Repo,
    /// The commits to read, in the order of the stage's sources.
    pub(super) inputs: &'a [InputCommit],
    /// The table of earlier results.
    pub(super) table: Option<NodeId>,
    /// The digest of what the stage does.
    pub(super) code: Digest,
    /// The digest of that and of how the stage cuts its inputs.
    pub(super) plan: Digest,
    pub(super) author: &'a Author,
    pub(super) progress: &'a dyn Progress,
    /// What it is making.
    pub(super) flight: Flight<'a>,
    /// Set when all jobs of this process are to be given up.
    pub(super) over: &'a AtomicBool,
    /// The job's record as this process last wrote it.
    pub(super) record: Mutex<Job>,
    /// When it was last looked whether the job is still wanted.
    pub(super) looked: Mutex<Instant>,
}

impl Task<'_> {
    /// The commits to read.
    pub(super) fn commits(&self) -> impl Iterator<Item = CommitId> {
        self.inputs.iter().map(|input| input.commit)
    }

    /// An error if somebody has cancelled the job, of which its record tells, or all jobs are to be given up. May be asked
    /// often: it looks about twice a second.
    pub(super) fn check_wanted(&self) -> Result<(), Error> {
        if self.over.load(Ordering::Relaxed) {
            return Err(Error::GivenUp { id: self.job.id });
        }
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        let found = self.store.session().map_err(Error::from).and_then(|facts| self.check_mine(&facts));
        *looked = Instant::now();
        match found {
            Err(error @ Error::Cancelled { .. }) => Err(error),
            // That others keep the store busy is no reason to end a job.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// An error unless the job's record is as this process wrote it.
    pub(super) fn check_mine(&self, facts: &Session) -> Result<(), Error> {
        let Job { id, .. } = *self.job;
        if job::load(self.store, facts, id)? == self.record() { Ok(()) } else { Err(Error::Cancelled { id }) }
    }

    /// The job's record as this process last wrote it.
    pub(super) fn record(&self) -> Job {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that this process has written the job's record so.
    pub(super) fn wrote(&self, record: Job) {
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = record;
    }

    /// Whether the job makes all its results anew.
    pub(super) fn is_anew(&self) -> bool {
        self.job.results == Results::Anew
    }

    /// Whether the branch of the output has a commit.
    pub(super) fn made_before(&self) -> Result<bool, Error> {
        let branch = self.job.branch.parse().map_err(history::Error::from)?;
        Ok(history::head(&self.store.session()?, self.output, &branch)?.is_some())
    }

    /// What an earlier job left, to start from.
    pub(super) fn base(&self) -> Result<Option<Base>, Error> {
        let inputs: Vec<CommitId> = self.commits().collect();
        let Self { store, output, plan, .. } = *self;
        base::find(&base::Wanted { store, output, branch: &self.job.branch, plan, inputs: &inputs })
    }
}

/// Objects for a job as long as it is wanted, so that work which looks at nothing else stops all the same.
pub(super) struct WhileWanted<'a> {
    pub(super) task: &'a Task<'a>,
    pub(super) sink: &'a dyn ObjectWrite,
}

impl WhileWanted<'_> {
    fn check(&self, verb: &'static str, digest: &Digest) -> Result<(), AccessError> {
        let stop = |error| AccessError::Storage { verb, digest: *digest, source: Cause::from(error) };
        self.task.check_wanted().map_err(stop)
    }
}

impl fmt::Debug for WhileWanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} for job {}", self.sink, self.task.job.id)
    }
}

impl ObjectRead for WhileWanted<'_> {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        self.check("read", digest)?;
        self.sink.read_object(digest)
    }

    fn lineage(&self, id: CommitId) -> Option<Lineage> {
        self.sink.lineage(id)
    }

    fn let_go(&self) -> Option<NodeId> {
        self.sink.let_go()
    }

    fn learn(&self, commits: &[(CommitId, Lineage)]) {
        self.sink.learn(commits);
    }
}

impl ObjectWrite for WhileWanted<'_> {
    fn write_object(&self, kind: ObjectKind, digest: &Digest, bytes: &[u8]) -> Result<(), AccessError> {
        self.check("write", digest)?;
        self.sink.write_object(kind, digest, bytes)
    }

    fn has_object(&self, digest: &Digest) -> Result<bool, AccessError> {
        self.sink.has_object(digest)
    }
}

/// What a job has done, as its record tells it.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) datums: Datums,
    pub(super) bytes: Option<Bytes>,
    pub(super) logs: Option<NodeId>,
    pub(super) report: Option<NodeId>,
    pub(super) conduct: Conduct,
}

impl Account {
    /// Puts it on the record.
    pub(super) fn enter(&self, record: &mut Job) {
        let Self { datums, bytes, logs, report, conduct } = self.clone();
        (record.datums, record.bytes, record.logs, record.report) = (datums, bytes, logs, report);
        record.conduct = conduct;
    }
}

/// What a job's work came to.
pub(super) struct Done {
    /// The output tree, the private state, and the logs.
    pub(super) outcome: Outcome,
    pub(super) account: Account,
    /// New entries for the table of results.
    pub(super) results: Vec<(Digest, Outcome)>,
}

/// Why a job's work came to nothing, with what it did.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) account: Account,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), account: Account::default() }
    }
}

/// An error and all that caused it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
