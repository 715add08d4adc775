//! Running jobs: claim one, do its work without holding anything, publish its output all at once.
//!
//! A job that a dead process was running is taken up again. A job that fails leaves its output branch where it was, and
//! the jobs that wait for it are skipped.

use crate::history::{self, Author, Repo};
use crate::ledger::Outcome as Commit;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, InputCommit, Provenance};
use crate::process::Process;
use crate::progress::Progress;
use crate::store::Store;

use super::builtin;
use super::command;
use super::error::Error;
use super::job::{self, Datums, Job, JobSource, State};
use super::registry::{self, Pipeline, output_name};
use super::results::{self, Outcome};
use super::spec::{Stage, Work};

/// How often a publication is tried again when others change the same branch or table.
const TRIES: usize = 50;

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
    pub(super) table: Option<crate::object::NodeId>,
    pub(super) progress: &'a dyn Progress,
}

/// What a job's work came to.
pub(super) struct Done {
    /// The output tree, the private state, and the logs.
    pub(super) outcome: Outcome,
    pub(super) datums: Datums,
    /// New entries for the table of results.
    pub(super) results: Vec<(crate::object::Digest, Outcome)>,
}

/// Why a job's work came to nothing, with the log of the datum at fault.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) datums: Datums,
    pub(super) logs: Option<crate::object::NodeId>,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), datums: Datums::default(), logs: None }
    }
}

/// Which jobs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All that can be.
    All,
    /// Those of one run.
    Run(u64),
}

/// Runs the jobs that are queued until none can be run, and returns them as they ended, each when it has.
pub fn run(
    store: &Store,
    author: &Author,
    which: Which,
    progress: &dyn Progress,
    mut ended: impl FnMut(&Job),
) -> Result<Vec<Job>, Error> {
    let mut done = Vec::new();
    while let Some(claimed) = claim(store, author, which)? {
        let job = match claimed.state {
            State::Running(_) => work(store, author, claimed, progress)?,
            _ => claimed,
        };
        ended(&job);
        done.push(job);
    }
    Ok(done)
}

/// The next job that can be run, now marked as this process's; or one that turned out to be skipped.
fn claim(store: &Store, author: &Author, which: Which) -> Result<Option<Job>, Error> {
    let mut facts = store.session()?;
    let living = job::living(&facts)?;
    for job in &living {
        let wanted = which == Which::All || which == Which::Run(job.run);
        let taken = matches!(job.state, State::Running(owner) if owner.is_alive());
        let behind = living.iter().any(|other| other.id < job.id && same_branch(other, job));
        if !wanted || taken || behind {
            continue;
        }
        let mut next = job.clone();
        match resolve(&facts, job)? {
            Waiting::No(inputs) => {
                for (input, commit) in next.inputs.iter_mut().zip(inputs) {
                    input.source = JobSource::Commit(commit);
                }
                next.state = State::Running(Process::me());
                next.started = Some(author.now().time);
            }
            Waiting::Yes => continue,
            Waiting::InVain(id) => {
                next.state = State::Skipped;
                next.error = Some(format!("job {id}, whose output it reads, did not succeed"));
                next.ended = Some(author.now().time);
            }
        }
        let mut batch = Batch::default();
        job::replace(&mut batch, job, &next)?;
        match facts.commit(&author.housekeeping(), &batch)? {
            Commit::Done { .. } => return Ok(Some(next)),
            Commit::Stale { .. } => {}
        }
    }
    Ok(None)
}

fn same_branch(a: &Job, b: &Job) -> bool {
    (&a.pipeline, &a.stage, &a.branch) == (&b.pipeline, &b.stage, &b.branch)
}

enum Waiting {
    No(Vec<CommitId>),
    Yes,
    InVain(u64),
}

fn resolve(facts: &crate::ledger::Session, job: &Job) -> Result<Waiting, Error> {
    let mut commits = Vec::new();
    for input in &job.inputs {
        match input.source {
            JobSource::Commit(commit) => commits.push(commit),
            JobSource::Job(id) => {
                let upstream = job::load(facts, id)?;
                match (upstream.state, upstream.output) {
                    (State::Succeeded, Some(commit)) => commits.push(commit),
                    (State::Queued | State::Running(_), _) => return Ok(Waiting::Yes),
                    _ => return Ok(Waiting::InVain(id)),
                }
            }
        }
    }
    Ok(Waiting::No(commits))
}

/// Does the job's work and publishes it. Only what concerns the store itself is an error; a failed job is a job.
fn work(store: &Store, author: &Author, job: Job, progress: &dyn Progress) -> Result<Job, Error> {
    let inputs: Vec<InputCommit> = job
        .inputs
        .iter()
        .filter_map(|input| match input.source {
            JobSource::Commit(commit) => Some(InputCommit {
                name: input.name.clone(),
                repo: input.repo,
                branch: input.branch.clone(),
                commit,
            }),
            JobSource::Job(_) => None,
        })
        .collect();
    match attempt(store, author, &job, &inputs, progress) {
        Ok(job) => Ok(job),
        Err(failure) => {
            let mut failed = job.clone();
            failed.state = State::Failed;
            failed.ended = Some(author.now().time);
            failed.datums = failure.datums;
            failed.logs = failure.logs;
            failed.error = Some(chain(&failure.error));
            let mut batch = Batch::default();
            job::replace(&mut batch, &job, &failed)?;
            store.session()?.commit(&author.housekeeping(), &batch)?;
            Ok(failed)
        }
    }
}

/// An error and all that caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn attempt(
    store: &Store,
    author: &Author,
    job: &Job,
    inputs: &[InputCommit],
    progress: &dyn Progress,
) -> Result<Job, Failure> {
    let (pipeline, output, table) = {
        let facts = store.session()?;
        let pipeline = registry::load(&facts, &job.pipeline.parse().map_err(history::Error::from)?)?;
        let stage = job.stage.parse().map_err(history::Error::from)?;
        let output = history::load_repo(&facts, &output_name(&pipeline.spec.name, &stage)?)?;
        let table = results::root(&facts, &output)?;
        (pipeline, output, table)
    };
    let name = job.stage.parse().map_err(history::Error::from)?;
    let stage = pipeline.spec.stages.get(&name).ok_or_else(|| Error::Failed {
        reason: format!("the pipeline {} has no stage {name} any more", job.pipeline),
        hint: None,
    })?;
    let writer = store.writer();
    let task = Task { store, job, pipeline: &pipeline, stage, output: &output, inputs, table, progress };
    let done = match &stage.work {
        Work::Command(command) => command::work(&task, command, &writer),
        _ => builtin::work(&task, &writer),
    };
    // What the work wrote, a failed datum's log too, must be on disk before anything names it.
    writer.finish()?;
    Ok(publish(&task, author, &done?)?)
}

fn publish(task: &Task<'_>, author: &Author, done: &Done) -> Result<Job, Error> {
    let Task { store, job, output, .. } = task;
    let branch: BranchName = job.branch.parse().map_err(history::Error::from)?;
    for _ in 0..TRIES {
        let (head, table) = {
            let facts = store.session()?;
            (history::head(&facts, output, &branch)?, results::root(&facts, output)?)
        };
        let writer = store.writer();
        let new_table = results::add(&writer, table, &done.results)?;
        let provenance = Provenance {
            run: job.run,
            job: job.id,
            pipeline: job.pipeline.clone(),
            version: task.pipeline.record.version,
            stage: job.stage.clone(),
            code: task.pipeline.code_digest(task.stage),
            inputs: task.inputs.to_vec(),
            state: done.outcome.state,
            results: new_table,
        };
        let origin = author.housekeeping();
        let draft = history::Draft {
            parents: head.into_iter().collect(),
            tree: done.outcome.output,
            message: format!("{} of {}", job.stage, job.cause),
            provenance: Some(provenance),
        };
        let (id, _) = history::write(&writer, draft, &origin)?;
        writer.finish()?;

        let mut ended = (*job).clone();
        ended.state = State::Succeeded;
        ended.ended = Some(origin.time);
        ended.datums = done.datums;
        ended.output = Some(id);
        ended.logs = Some(done.outcome.logs);
        let mut batch = Batch::default();
        history::move_head(&mut batch, output, &branch, head, Some(id));
        history::record_commit(&mut batch, output, &id);
        if let Some(first) = task.inputs.first() {
            history::record_derived(&mut batch, output, &first.commit, &id);
        }
        results::move_root(&mut batch, output, table, new_table);
        job::replace(&mut batch, job, &ended)?;
        match store.session()?.commit(&origin, &batch)? {
            Commit::Done { .. } => return Ok(ended),
            Commit::Stale { .. } => {}
        }
    }
    Err(Error::Contended { id: job.id, what: format!("{}@{}", output.name, job.branch) })
}
