//! One job: its work, done without holding anything, and its output, published all at once.
//!
//! A job that fails leaves its output branch where it was, and the jobs that wait for it are skipped.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::fault::{Fault, Kind};
use crate::history::{self, Author};
use crate::interrupt;
use crate::ledger::Outcome as Commit;
use crate::meta::Batch;
use crate::object::{BranchName, InputCommit, Provenance};
use crate::progress::Progress;
use crate::store::Store;

use super::builtin;
use super::command;
use super::error::Error;
use super::flight::{Flight, Flights};
use super::job::{self, Job, JobInput, JobSource, State};
use super::pool::{Guest, Pool};
use super::registry::{self, output_name};
use super::results;
use super::spec::{Stage, Work};
use super::task::{Done, Failure, LOOK_EVERY, TRIES, Task, WhileWanted, chain};
use super::trigger;

/// What jobs are run with.
#[derive(Clone, Copy)]
pub(super) struct Shift<'a> {
    pub(super) store: &'a Store,
    pub(super) author: &'a Author,
    pub(super) progress: &'a dyn Progress,
    /// What these jobs are making.
    pub(super) flights: &'a Flights,
    /// Set when all jobs of this process are to be given up.
    pub(super) over: &'a AtomicBool,
}

/// Does the job's work and publishes it. Only what concerns the store itself is an error; a failed job is a job.
pub(super) fn perform(shift: Shift<'_>, job: Job) -> Result<Job, Error> {
    match attempt(shift, &job) {
        Ok(job) => Ok(job),
        // Others have the store. The job stays as it is, and is taken up again when somebody asks for it.
        Err(Failure { error, .. })
            if error.kind() == Kind::Busy && !matches!(error, Error::Contended { .. }) =>
        {
            Err(error)
        }
        Err(failure) => {
            interrupt::stand_still_if_ending();
            fail(shift, job, &failure)
        }
    }
}

/// Puts on record that the job came to nothing. Of one that was stopped, that is there already; what it did is added.
fn fail(shift: Shift<'_>, job: Job, failure: &Failure) -> Result<Job, Error> {
    let Shift { store, author, .. } = shift;
    let mut facts = store.session()?;
    let now = job::load(store, &facts, job.id)?;
    let mut failed = now.clone();
    if now.state.is_living() {
        let is_gone = matches!(failure.error, Error::StageGone { .. } | Error::StageChanged { .. });
        failed.state = if is_gone { State::Skipped } else { State::Failed };
        failed.error = Some(chain(&failure.error));
        failed.ended = Some(author.now().time);
    }
    failure.account.enter(&mut failed);
    let mut batch = Batch::default();
    job::replace(&mut batch, &now, &failed)?;
    match facts.commit(&author.housekeeping(), &batch)? {
        Commit::Done { .. } => Ok(failed),
        // It was stopped only now, or has moved to the archive since.
        Commit::Stale { .. } => job::load(store, &facts, job.id),
    }
}

fn attempt(shift: Shift<'_>, job: &Job) -> Result<Job, Failure> {
    let Shift { store, author, progress, flights, over, .. } = shift;
    let name = job.stage.parse().map_err(history::Error::from)?;
    let gone = || Error::StageGone { stage: job.stage_name() };
    let (pipeline, output, table) = {
        let facts = store.session()?;
        let pipeline = registry::find(&facts, &job.pipeline.parse().map_err(history::Error::from)?)?;
        let pipeline = pipeline.filter(|pipeline| pipeline.spec.stages.contains_key(&name));
        let pipeline = pipeline.ok_or_else(gone)?;
        trigger::check_reads(&facts, pipeline.spec.stages.get(&name).ok_or_else(gone)?, job)?;
        let output = history::load_repo(&facts, &output_name(&pipeline.spec.name, &name)?)?;
        let table = results::root(&facts, &output)?;
        (pipeline, output, table)
    };
    let stage = pipeline.spec.stages.get(&name).ok_or_else(gone)?;
    let (code, plan) = (pipeline.code_digest(stage), pipeline.plan_digest(stage));
    let (pipeline, inputs) = (&pipeline, &inputs(job, stage));
    let flight = Flight { all: flights, repo: output.id, job: job.id };
    let (output, record, looked) = (&output, Mutex::new(job.clone()), Mutex::new(Instant::now()));
    let mut task = Task {
        store,
        job,
        pipeline,
        stage,
        output,
        inputs,
        table,
        code,
        plan,
        author,
        progress,
        flight,
        over,
        record,
        looked,
    };
    // What the work wrote, a failed datum's log too, is on disk before anything names it.
    let done = match &stage.work {
        Work::Command(command) => command::work(&task, command),
        _ => work_built_in(&mut task),
    };
    Ok(publish(&task, &done?)?)
}

/// Does the work of a built-in stage. Its branches share the parts that it comes to, so one after another finds what the other made.
fn work_built_in(task: &mut Task<'_>) -> Result<Done, Failure> {
    while !task.flight.begin(&task.code) {
        task.flight.wait(&[task.code], LOOK_EVERY);
        task.check_wanted()?;
    }
    task.table = results::root(&task.store.session()?, task.output)?;
    let wanted = || task.check_wanted().is_ok();
    let _place = Pool::of_process().take(&Guest::of(task.job, None), wanted);
    let writer = task.store.writer();
    let done = builtin::work(task, &WhileWanted { task, sink: &writer });
    writer.finish()?;
    done
}

/// What the job reads, in the order of the stage's sources.
pub(super) fn inputs(job: &Job, stage: &Stage) -> Vec<InputCommit> {
    let commit = |input: &JobInput| match input.source {
        JobSource::Commit(commit) => Some(commit),
        JobSource::Job(_) => None,
    };
    let sources = stage.input.sources();
    job.inputs
        .iter()
        .zip(sources)
        .filter_map(|(input, (_, source))| {
            Some(InputCommit {
                name: input.name.clone(),
                repo: source.repo.to_string(),
                branch: input.branch.clone(),
                commit: commit(input)?,
            })
        })
        .collect()
}

fn publish(task: &Task<'_>, done: &Done) -> Result<Job, Error> {
    let Task { store, job, output, author, .. } = task;
    let branch: BranchName = job.branch.parse().map_err(history::Error::from)?;
    for _ in 0..TRIES {
        let (head, table) = {
            let facts = store.session()?;
            task.check_mine(&facts)?;
            if history::find(&facts, &output.name)?.as_ref() != Some(output) {
                return Err(Error::StageGone { stage: job.stage_name() });
            }
            let head = history::head(&facts, output, &branch)?;
            if head.is_none() {
                history::check_free(&facts, output, branch.as_str())?;
            }
            (head, results::root(&facts, output)?)
        };
        let writer = store.writer();
        let origin = author.housekeeping();
        let new_table = results::add(&writer, table, &done.results, origin.time)?;
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
        let draft = history::Draft {
            parents: head.into_iter().collect(),
            tree: done.outcome.output,
            message: format!("{} of {}", job.stage, job::in_short(&job.cause)),
            provenance: Some(provenance),
        };
        let (id, _) = history::write(&writer, draft, &origin)?;
        writer.finish()?;

        let record = task.record();
        let mut ended = record.clone();
        ended.state = State::Succeeded;
        ended.ended = Some(origin.time);
        ended.output = Some(id);
        done.account.enter(&mut ended);
        let mut batch = Batch::default();
        history::hold(&mut batch, output)?;
        history::move_head(&mut batch, output, &branch, head, Some(id));
        history::record_commit(&mut batch, output, &id);
        if let Some(first) = task.inputs.first() {
            history::record_derived(&mut batch, output, &first.commit, &id);
        }
        results::move_root(&mut batch, output, table, new_table);
        job::replace(&mut batch, &record, &ended)?;
        let moved = trigger::Moved { repo: (*output).clone(), branch: branch.clone(), commit: id };
        let mut facts = store.session()?;
        history::check_quota(&facts, store.objects(), output, &branch, head, id)?;
        trigger::publish(&facts, store.objects(), &mut batch, moved, job.run, &origin)?;
        match facts.commit(&origin, &batch)? {
            Commit::Done { .. } => return Ok(ended),
            Commit::Stale { .. } => {}
        }
    }
    Err(Error::Contended { id: job.id, what: format!("{}@{}", output.name, job.branch) })
}
