//! Running jobs: claim one, do its work without holding anything, publish its output all at once.
//!
//! A job that a dead process was running is taken up again. A job that fails leaves its output branch where it was, and
//! the jobs that wait for it are skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use crate::fault::{Fault, Kind};
use crate::history::{self, Author, Repo};
use crate::ledger::Outcome as Commit;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, Digest, InputCommit, Provenance};
use crate::process::Process;
use crate::progress::Progress;
use crate::store::Store;

use super::base::{self, Base};
use super::builtin;
use super::command;
use super::error::Error;
use super::job::{self, Datums, Job, JobSource, State};
use super::lease::Lease;
use super::registry::{self, Pipeline, output_name};
use super::results::{self, Outcome};
use super::spec::{Stage, Work};

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
    pub(super) table: Option<crate::object::NodeId>,
    /// The digest of what the stage does.
    pub(super) code: Digest,
    /// The digest of that and of how the stage cuts its inputs.
    pub(super) plan: Digest,
    pub(super) author: &'a Author,
    pub(super) progress: &'a dyn Progress,
}

impl Task<'_> {
    /// The commits to read.
    pub(super) fn commits(&self) -> impl Iterator<Item = CommitId> {
        self.inputs.iter().map(|input| input.commit)
    }

    /// What an earlier job left, to start from.
    pub(super) fn base(&self) -> Result<Option<Base>, Error> {
        let inputs: Vec<CommitId> = self.commits().collect();
        let Self { store, output, plan, .. } = *self;
        base::find(&base::Wanted { store, output, branch: &self.job.branch, plan, inputs: &inputs })
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that can be.
    All,
    /// Those of these runs, and those that they wait for.
    Runs(BTreeSet<u64>),
}

impl Which {
    /// The runs of these jobs.
    pub fn of(jobs: &[Job]) -> Self {
        Self::Runs(jobs.iter().map(|job| job.run).collect())
    }

    /// Whether the job is one of those, and not only one that they wait for.
    pub fn wants(&self, job: &Job) -> bool {
        match self {
            Self::All => true,
            Self::Runs(runs) => runs.contains(&job.run),
        }
    }
}

/// What there is to do next.
enum Next {
    /// This job, which is now this process's.
    Work(Box<Job>, Lease),
    /// Nothing for this job, which will not be run.
    Skipped(Box<Job>),
    /// Wait: other processes work on what these jobs need.
    Wait(Vec<u64>),
    /// All is done.
    Nothing,
}

/// The shortest and the longest pause between two looks at what other processes do.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];

/// Runs the jobs that are queued until all have ended, and returns them as they ended, each when it has. Where another process
/// works on one of them, or on one that they need, this waits for it.
pub fn run(
    store: &Store,
    author: &Author,
    which: &Which,
    progress: &dyn Progress,
    mut ended: impl FnMut(&Job),
) -> Result<Vec<Job>, Error> {
    let mut done: Vec<Job> = Vec::new();
    let mut awaited = BTreeSet::new();
    let [shortest, longest] = PAUSES;
    let mut pause = shortest;
    let mut waits = false;
    loop {
        let next = claim(store, author, which)?;
        match (&next, waits) {
            (Next::Wait(_), false) => progress.begin("waiting for another process", None),
            (Next::Wait(_), true) | (_, false) => {}
            (_, true) => progress.end(),
        }
        waits = matches!(next, Next::Wait(_));
        let job = match next {
            Next::Work(claimed, lease) => {
                let job = work(store, author, *claimed, progress)?;
                lease.end();
                job
            }
            Next::Skipped(job) => *job,
            Next::Wait(jobs) => {
                awaited.extend(jobs);
                thread::sleep(pause);
                pause = (pause * 2).min(longest);
                continue;
            }
            Next::Nothing => break,
        };
        pause = shortest;
        ended(&job);
        done.push(job);
    }
    if *which != Which::All {
        let others = awaited.into_iter().filter(|id| !done.iter().any(|job| job.id == *id));
        let others: Vec<u64> = others.collect();
        for id in others {
            let job = job::load(&store.session()?, store.objects(), id)?;
            ended(&job);
            done.push(job);
        }
    }
    if !done.is_empty() {
        job::archive(store, author)?;
    }
    Ok(done)
}

/// The next job that can be run, now marked as this process's.
fn claim(store: &Store, author: &Author, which: &Which) -> Result<Next, Error> {
    let mut facts = store.session()?;
    let living = job::living(&facts)?;
    let needed = needed(&living, which);
    let mut waiting = Vec::new();
    let mut begun = BTreeSet::new();
    for job in &living {
        // Jobs of one output branch go in their order.
        let is_first = begun.insert((&job.pipeline, &job.stage, &job.branch));
        if !needed.contains(&job.id) {
            continue;
        }
        let lease = if is_first { Lease::take(store, job.id)? } else { None };
        let Some(lease) = lease else {
            // A job that another process runs is none of ours when all that is queued is to be run.
            if *which != Which::All || job.state == State::Queued {
                waiting.push(job);
            }
            continue;
        };
        let mut next = job.clone();
        let skipped = match resolve(store, &facts, job)? {
            Waiting::No(inputs) => {
                for (input, commit) in next.inputs.iter_mut().zip(inputs) {
                    input.source = JobSource::Commit(commit);
                }
                next.state = State::Running(Process::me());
                next.started = Some(author.now().time);
                false
            }
            Waiting::Yes => {
                waiting.push(job);
                continue;
            }
            Waiting::InVain(id) => {
                next.state = State::Skipped;
                next.error = Some(format!("job {id}, whose output it reads, did not succeed"));
                next.ended = Some(author.now().time);
                true
            }
        };
        let mut batch = Batch::default();
        job::replace(&mut batch, job, &next)?;
        if let Commit::Stale { .. } = facts.commit(&author.housekeeping(), &batch)? {
            return Ok(Next::Wait(Vec::new()));
        }
        if skipped {
            lease.end();
            return Ok(Next::Skipped(Box::new(next)));
        }
        return Ok(Next::Work(Box::new(next), lease));
    }
    if waiting.is_empty() {
        return Ok(Next::Nothing);
    }
    Ok(Next::Wait(waiting.into_iter().filter(|job| which.wants(job)).map(|job| job.id).collect()))
}

/// The wanted jobs with all that they wait for: earlier jobs of the same branch, and those whose output they read.
fn needed(living: &[Job], which: &Which) -> BTreeSet<u64> {
    let mut newest = BTreeMap::new();
    let mut before = BTreeMap::new();
    for job in living {
        if let Some(earlier) = newest.insert((&job.pipeline, &job.stage, &job.branch), job.id) {
            before.insert(job.id, earlier);
        }
    }
    let mut needed: BTreeSet<u64> = living.iter().filter(|job| which.wants(job)).map(|job| job.id).collect();
    // Newest first, because what a job waits for is older than it.
    for job in living.iter().rev() {
        if needed.contains(&job.id) {
            needed.extend(before.get(&job.id));
            needed.extend(job.inputs.iter().filter_map(|input| match input.source {
                JobSource::Job(id) => Some(id),
                JobSource::Commit(_) => None,
            }));
        }
    }
    needed
}

enum Waiting {
    No(Vec<CommitId>),
    Yes,
    InVain(u64),
}

fn resolve(store: &Store, facts: &crate::ledger::Session, job: &Job) -> Result<Waiting, Error> {
    let mut commits = Vec::new();
    for input in &job.inputs {
        match input.source {
            JobSource::Commit(commit) => commits.push(commit),
            JobSource::Job(id) => {
                let upstream = job::load(facts, store.objects(), id)?;
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
        // Others were in the way. The job stays as it is, and is taken up again when somebody asks for it.
        Err(Failure { error, .. }) if error.kind() == Kind::Busy => Err(error),
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
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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
    let (code, plan) = (pipeline.code_digest(stage), pipeline.plan_digest(stage));
    let pipeline = &pipeline;
    let task =
        Task { store, job, pipeline, stage, output: &output, inputs, table, code, plan, author, progress };
    // What the work wrote, a failed datum's log too, is on disk before anything names it.
    let done = if let Work::Command(command) = &stage.work {
        command::work(&task, command)
    } else {
        let writer = store.writer();
        let done = builtin::work(&task, &writer);
        writer.finish()?;
        done
    };
    Ok(publish(&task, &done?)?)
}

fn publish(task: &Task<'_>, done: &Done) -> Result<Job, Error> {
    let Task { store, job, output, author, .. } = task;
    let branch: BranchName = job.branch.parse().map_err(history::Error::from)?;
    for _ in 0..TRIES {
        let (head, table) = {
            let facts = store.session()?;
            let head = history::head(&facts, output, &branch)?;
            if head.is_none() {
                history::check_free(&facts, output, branch.as_str())?;
            }
            (head, results::root(&facts, output)?)
        };
        let writer = store.writer();
        let new_table = results::add(&writer, table, &done.results)?;
        let provenance = Provenance {
            run: job.run,
            job: job.id,
            pipeline: job.pipeline.clone(),
            version: task.pipeline.record.version,
            stage: job.stage.clone(),
            code: task.plan,
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
