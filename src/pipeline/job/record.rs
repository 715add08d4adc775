//! What is kept of a job.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::conduct::Conduct;
use super::phase::Phase;
use crate::content;
use crate::fault::some;
use crate::history::Target;
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{CommitId, Entry, NodeId, ObjectRead, codec};
use crate::pipeline::Error;
use crate::pipeline::stage::WARNING;
use crate::process::Process;
use crate::tree::Cursor;

pub(in crate::pipeline) const JOBS: &[u8] = b"job/";
pub(in crate::pipeline) const QUEUE: &[u8] = b"queue/";
/// Below this the jobs of the queue stand once more, by the output branch that they will move.
pub(in crate::pipeline) const QUEUED: &[u8] = b"queued/";
/// The number of the first job that stands there; those before it were queued by a vds that did not list them so.
pub(in crate::pipeline) const QUEUED_FROM: &[u8] = b"queued-from";
pub(in crate::pipeline) const NEXT_JOB: &[u8] = b"next/job";
pub(in crate::pipeline) const NEXT_RUN: &[u8] = b"next/run";
/// The version of a record that tells nothing of the job's conduct.
const VERSION: u8 = 1;
/// The version of one that does.
const WITH_CONDUCT: u8 = 2;

/// What stands between the causes of a job. No name has it.
pub(in crate::pipeline) const BETWEEN_CAUSES: &str = ", ";

/// One stage, run on one set of input commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number in this store.
    pub id: u64,
    /// The number of its run: all jobs that one commit caused.
    pub run: u64,
    /// The pipeline.
    pub pipeline: String,
    /// The pipeline's version.
    pub version: u64,
    /// The stage.
    pub stage: String,
    /// The branch of the output repo.
    pub branch: String,
    /// What it reads.
    pub inputs: Vec<JobInput>,
    /// What caused it, for people: `ticks@main 4c9f21ab03de`, several with commas between.
    pub cause: String,
    /// Whether results that are known are used.
    pub results: Results,
    /// How far it is.
    pub state: State,
    /// When it was queued, in milliseconds since 1970.
    pub created: i64,
    /// When it was begun.
    pub started: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
    /// How many datums it had.
    pub datums: Datums,
    /// What it published.
    pub output: Option<CommitId>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its logs: a map from datum to a file.
    pub logs: Option<NodeId>,
    /// How much its datums read and wrote, where that is known.
    pub bytes: Option<Bytes>,
    /// What became of its datums: a map from the name of each that it had to do with.
    pub report: Option<NodeId>,
    /// How it goes about its datums. Kept behind all else, where something is known of it.
    #[serde(skip)]
    pub conduct: Conduct,
}

/// One input of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInput {
    /// Its name in the stage.
    pub name: String,
    /// The repo, by number.
    pub repo: u64,
    /// The branch.
    pub branch: String,
    /// The commit, or the job that will make it.
    pub source: JobSource,
}

/// Where an input commit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobSource {
    /// It is there.
    Commit(CommitId),
    /// An earlier job of the same run makes it.
    Job(u64),
}

/// What a job does with results that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Results {
    /// It uses them.
    Reused,
    /// It makes all anew.
    Anew,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It waits.
    Queued,
    /// A process works on it.
    Running(Process),
    /// Its output is published.
    Succeeded,
    /// It published nothing, for the reason in its record.
    Failed,
    /// It did not run, because what it was to read was not made.
    Skipped,
    /// A person stopped it, for the reason in its record.
    Cancelled,
    /// A newer job of its branch did its work as well: this one.
    Superseded(u64),
}

/// How many datums a job had, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datums {
    /// Results made by this job.
    pub processed: u64,
    /// Results found again by their content.
    pub reused: u64,
    /// Datums that failed.
    pub failed: u64,
    /// Datums that failed, which the stage's `err_cmd` says is no failure of the job.
    pub recovered: u64,
}

/// How much the datums read and wrote whose results a job made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// The size of what they read.
    pub read: u64,
    /// The size of what they wrote.
    pub written: u64,
}

impl State {
    /// The state without what is known of it besides.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Queued => Phase::Queued,
            Self::Running(_) => Phase::Running,
            Self::Succeeded => Phase::Succeeded,
            Self::Failed => Phase::Failed,
            Self::Skipped => Phase::Skipped,
            Self::Cancelled => Phase::Cancelled,
            Self::Superseded(_) => Phase::Superseded,
        }
    }

    /// The state in one word.
    pub fn word(&self) -> &'static str {
        self.phase().word()
    }

    /// Whether the job may still do something.
    pub fn is_living(&self) -> bool {
        matches!(self, Self::Queued | Self::Running(_))
    }
}

impl Job {
    /// What is kept as the cause of a job: that this commit came to this branch.
    pub(in crate::pipeline) fn cause(target: &Target, commit: CommitId) -> String {
        format!("{target} {commit:.12}")
    }

    /// What caused it, one by one.
    pub(super) fn causes(&self) -> impl Iterator<Item = &str> {
        self.cause.split(BETWEEN_CAUSES)
    }

    /// The stage that it is of, as `PIPELINE/STAGE`.
    pub fn stage_name(&self) -> String {
        format!("{}/{}", self.pipeline, self.stage)
    }

    /// The jobs whose output it still waits for.
    pub(in crate::pipeline) fn awaited(&self) -> impl Iterator<Item = u64> {
        self.inputs.iter().filter_map(|input| match input.source {
            JobSource::Job(id) => Some(id),
            JobSource::Commit(_) => None,
        })
    }

    /// The first of these jobs whose output it still waits for.
    pub(in crate::pipeline) fn waits_for(&self, jobs: &BTreeSet<u64>) -> Option<u64> {
        self.awaited().find(|id| jobs.contains(id))
    }

    /// A new job that does the same on these inputs.
    pub(in crate::pipeline) fn again(
        self,
        id: u64,
        run: u64,
        inputs: Vec<JobInput>,
        version: u64,
        created: i64,
    ) -> Self {
        let (ended, output, error) = (None, None, None);
        let mut job =
            Self { id, run, inputs, version, created, state: State::Queued, ended, output, error, ..self };
        job.forget_attempt();
        job
    }

    /// Forgets what a process did that did not end it: the next one begins to count anew.
    pub(in crate::pipeline) fn forget_attempt(&mut self) {
        (self.started, self.logs, self.bytes, self.report) = (None, None, None, None);
        (self.datums, self.conduct) = (Datums::default(), Conduct::default());
    }

    /// Notes that it is skipped, because the job `id` made nothing for it.
    pub(in crate::pipeline) fn skip_for(&mut self, id: u64, time: i64) {
        self.state = State::Skipped;
        self.error = Some(format!("job {id}, whose output it reads, did not succeed"));
        self.ended = Some(time);
    }

    pub(super) fn is_caused_by(&self, target: &Target) -> bool {
        let target = target.to_string();
        self.causes().any(|cause| cause.rsplit_once(' ').is_some_and(|(cause, _)| cause == target))
    }
}

pub(super) fn key(prefix: &[u8], id: u64) -> Vec<u8> {
    [prefix, &id.to_be_bytes()].concat()
}

/// A number at the end of keys of which those with newer ones come first.
pub(super) fn newest_first(number: u64) -> [u8; 8] {
    (u64::MAX - number).to_be_bytes()
}

/// The number at the end of such a key.
pub(super) fn last_number(key: &[u8]) -> Option<u64> {
    Some(u64::MAX - u64::from_be_bytes(*key.last_chunk()?))
}

/// Below this stand the jobs of the queue that will move this branch of this stage's output, newest first.
pub(super) fn queued(pipeline: &str, stage: &str, branch: &str) -> Vec<u8> {
    [QUEUED, pipeline.as_bytes(), b"/", stage.as_bytes(), &[0], branch.as_bytes(), &[0]].concat()
}

/// The key of one of them.
pub(super) fn queued_key(pipeline: &str, stage: &str, branch: &str, id: u64) -> Vec<u8> {
    [queued(pipeline, stage, branch).as_slice(), &newest_first(id)].concat()
}

/// The job, from the fact's value.
pub fn read(bytes: &[u8]) -> Result<Job, Error> {
    let read = match bytes.first() {
        Some(&WITH_CONDUCT) => {
            codec::decode(WITH_CONDUCT, bytes).map(|(job, conduct)| Job { conduct, ..job })
        }
        _ => codec::decode(VERSION, bytes),
    };
    read.map_err(|source| Error::Record { what: "a job", source })
}

/// The fact's value. A record that was read is written as it was, for it to be compared.
pub(super) fn write(job: &Job) -> Result<Vec<u8>, Error> {
    let written = match &job.conduct {
        conduct if *conduct == Conduct::default() => codec::encode(VERSION, job),
        conduct => codec::encode(WITH_CONDUCT, &(job, conduct)),
    };
    written.map_err(|source| Error::Record { what: "a job", source })
}

/// The job with this number, if it is among the facts.
pub(super) fn find(facts: &Session, id: u64) -> Result<Option<Job>, Error> {
    facts.get(&key(JOBS, id))?.map(|bytes| read(&bytes)).transpose()
}

/// All jobs among the facts, oldest first.
pub(super) fn list(facts: &Session) -> Result<Vec<Job>, Error> {
    let mut raw = Vec::new();
    facts.scan(JOBS, &mut |_, value| {
        raw.push(value.to_vec());
        ControlFlow::Continue(())
    })?;
    raw.iter().map(|bytes| read(bytes)).collect()
}

/// The causes of a job or a run in short: of many the first, and how many more there are.
pub fn in_short(causes: &str) -> String {
    some(&causes.split(BETWEEN_CAUSES).collect::<Vec<_>>())
}

/// Logs up to this size are looked through for warnings.
const LOOKED_THROUGH: u64 = 1 << 20;

/// The lines of a job's logs that a person should see, as they stand there.
pub fn warnings(objects: &dyn ObjectRead, job: &Job) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let Some(logs) = job.logs else { return Ok(found) };
    for item in Cursor::<Entry>::new(objects, logs)? {
        let (_, entry) = item?;
        if entry.size <= LOOKED_THROUGH {
            let text = content::load(objects, entry.blob)?;
            let text = String::from_utf8_lossy(&text);
            found.extend(text.lines().filter(|line| line.starts_with(WARNING)).map(str::to_owned));
        }
    }
    Ok(found)
}

/// Adds the job as it is now to `batch`.
pub fn save(batch: &mut Batch, job: &Job) -> Result<(), Error> {
    batch.put(key(JOBS, job.id), write(job)?);
    for key in [key(QUEUE, job.id), queued_key(&job.pipeline, &job.stage, &job.branch, job.id)] {
        if job.state.is_living() {
            batch.put(key, Vec::new());
        } else {
            batch.remove(key);
        }
    }
    Ok(())
}

/// Adds to `batch` that `before`, as it was read, is replaced by `after`.
pub fn replace(batch: &mut Batch, before: &Job, after: &Job) -> Result<(), Error> {
    batch.expect(key(JOBS, before.id), Some(write(before)?));
    save(batch, after)
}

/// The number of the next job.
pub(super) fn next(facts: &Session) -> Result<u64, Error> {
    Ok(Numbers::read(facts)?.next_job)
}

/// The number of the first job that is listed by what it moves.
pub(super) fn queued_from(facts: &Session) -> Result<u64, Error> {
    Ok(facts.get(QUEUED_FROM)?.as_deref().and_then(number).unwrap_or(u64::MAX))
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// Numbers for new runs and their jobs, taken in `batch`.
pub(in crate::pipeline) struct Numbers {
    next_run: u64,
    next_job: u64,
    before: [Option<Vec<u8>>; 2],
    /// The number from which on jobs are listed by what they move, if that is to be said.
    queued_from: Option<u64>,
}

impl Numbers {
    pub(in crate::pipeline) fn read(facts: &Session) -> Result<Self, Error> {
        let before = [facts.get(NEXT_RUN)?, facts.get(NEXT_JOB)?];
        let next = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(number).unwrap_or(1);
        let [next_run, next_job] = before.each_ref().map(next);
        let queued_from = facts.get(QUEUED_FROM)?.is_none().then_some(next_job);
        Ok(Self { next_run, next_job, before, queued_from })
    }

    pub(in crate::pipeline) fn run(&mut self) -> u64 {
        self.next_run += 1;
        self.next_run - 1
    }

    pub(in crate::pipeline) fn job(&mut self) -> u64 {
        self.next_job += 1;
        self.next_job - 1
    }

    pub(in crate::pipeline) fn save(self, batch: &mut Batch) {
        let [run, job] = self.before;
        batch.expect(NEXT_RUN.to_vec(), run).put(NEXT_RUN.to_vec(), self.next_run.to_be_bytes().to_vec());
        batch.expect(NEXT_JOB.to_vec(), job).put(NEXT_JOB.to_vec(), self.next_job.to_be_bytes().to_vec());
        if let Some(from) = self.queued_from {
            batch.put(QUEUED_FROM.to_vec(), from.to_be_bytes().to_vec());
        }
    }
}
