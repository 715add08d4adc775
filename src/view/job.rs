//! Jobs as outsiders see them.

use chrono::Utc;
use serde::Serialize;

use super::text::time;
use crate::pipeline::job::{self, Isolation, State};

/// A job.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// Its run.
    pub run: u64,
    /// `PIPELINE/STAGE`.
    pub stage: String,
    /// The version of the pipeline that it is run by.
    pub version: u64,
    /// The branch of the output.
    pub branch: String,
    /// What caused it.
    pub cause: String,
    /// What it reads.
    pub inputs: Vec<JobInput>,
    /// `queued`, `running`, `succeeded`, `failed`, `skipped`, `cancelled` or `superseded`.
    pub state: &'static str,
    /// Datums that it is done with.
    pub done: u64,
    /// Datums that it has to do with, once that is known. Of a job that has succeeded, all of its stage.
    pub total: Option<u64>,
    /// Datums whose result this job made.
    pub processed: u64,
    /// Datums whose result was found again.
    pub reused: u64,
    /// Datums that failed.
    pub failed: u64,
    /// Datums that failed, which their stage's `err_cmd` says is no failure of the job.
    pub recovered: u64,
    /// When it was queued, RFC 3339.
    pub created: String,
    /// When it was begun.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it ran, or has run until now, in milliseconds.
    pub milliseconds: Option<i64>,
    /// The size of what the datums read that it ran, where that is known.
    pub bytes_read: Option<u64>,
    /// The size of what they wrote.
    pub bytes_written: Option<u64>,
    /// What its programs see of the file system, where that is known: `namespaces`, a view of their own with `/pfs`, or `none`,
    /// what vds sees.
    pub isolation: Option<&'static str>,
    /// Why they have no view of their own, though the stage would let them.
    pub isolation_obstacle: Option<String>,
    /// What it published.
    pub output: Option<String>,
    /// Why it failed, was skipped or cancelled.
    pub reason: Option<String>,
    /// The job that took its place.
    pub superseded_by: Option<u64>,
}

/// One input of a job: a commit, or the job whose output it will be.
#[derive(Debug, Clone, Serialize)]
pub struct JobInput {
    /// The input's name in the stage.
    pub name: String,
    /// The branch.
    pub branch: String,
    /// The commit's id, once it is there.
    pub commit: Option<String>,
    /// Until then, the job that makes it.
    pub job: Option<u64>,
}

impl From<&job::JobInput> for JobInput {
    fn from(input: &job::JobInput) -> Self {
        let (commit, job) = match input.source {
            job::JobSource::Commit(commit) => (Some(commit.to_string()), None),
            job::JobSource::Job(id) => (None, Some(id)),
        };
        Self { name: input.name.clone(), branch: input.branch.clone(), commit, job }
    }
}

/// The number of datums that a job is done with.
fn done(job: &job::Job) -> u64 {
    let datums = job.datums;
    datums.processed + datums.reused + datums.recovered + datums.failed
}

impl From<&job::Job> for Job {
    fn from(job: &job::Job) -> Self {
        let until = match job.state {
            State::Running(_) => Some(Utc::now().timestamp_millis()),
            _ => job.ended,
        };
        Self {
            id: job.id,
            run: job.run,
            stage: job.stage_name(),
            version: job.version,
            branch: job.branch.clone(),
            cause: job.cause.clone(),
            inputs: job.inputs.iter().map(JobInput::from).collect(),
            state: job.state.word(),
            done: done(job),
            total: if job.state == State::Succeeded { Some(done(job)) } else { job.conduct.planned },
            processed: job.datums.processed,
            reused: job.datums.reused,
            failed: job.datums.failed,
            recovered: job.datums.recovered,
            created: time(job.created),
            started: job.started.map(time),
            ended: job.ended.map(time),
            bytes_read: job.bytes.map(|bytes| bytes.read),
            bytes_written: job.bytes.map(|bytes| bytes.written),
            milliseconds: job.started.zip(until).map(|(from, to)| to - from),
            isolation: job.conduct.isolation.as_ref().map(Isolation::word),
            isolation_obstacle: job
                .conduct
                .isolation
                .as_ref()
                .and_then(Isolation::obstacle)
                .map(str::to_owned),
            output: job.output.map(|id| id.to_string()),
            reason: job.error.clone(),
            superseded_by: match job.state {
                State::Superseded(by) => Some(by),
                _ => None,
            },
        }
    }
}
