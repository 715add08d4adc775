//! Running jobs: claim one, do its work without holding anything, publish its output all at once.
//!
//! A job that a dead process was running is taken up again, or skipped if its stage is no more. A job that fails leaves its
//! output branch where it was, and the jobs that wait for it are skipped.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::{Fault, Kind};
use crate::history::{self, Author};
use crate::interrupt;
use crate::ledger::Outcome as Commit;
use crate::meta::Batch;
use crate::object::{BranchName, InputCommit, Provenance};
use crate::progress::{Amount, Progress};
use crate::store::Store;

use super::builtin;
use super::claim::{Next, Which, claim};
use super::command;
use super::error::Error;
use super::job::{self, Job, JobInput, JobSource, State};
use super::registry::{self, output_name};
use super::results;
use super::spec::{Stage, Work};
use super::task::{Done, Failure, TRIES, Task, WhileWanted, chain};
use super::trigger;

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
            (Next::Wait(_), false) => progress.begin("waiting for another process", Amount::Steps(None)),
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
            let job = job::load(store, &store.session()?, id)?;
            ended(&job);
            done.push(job);
        }
    }
    if !done.is_empty() {
        job::archive(store, author)?;
    }
    Ok(done)
}

/// Does the job's work and publishes it. Only what concerns the store itself is an error; a failed job is a job.
fn work(store: &Store, author: &Author, job: Job, progress: &dyn Progress) -> Result<Job, Error> {
    match attempt(store, author, &job, progress) {
        Ok(job) => Ok(job),
        // Others were in the way. The job stays as it is, and is taken up again when somebody asks for it.
        Err(Failure { error, .. }) if error.kind() == Kind::Busy => Err(error),
        Err(failure) => {
            interrupt::stand_still_if_ending();
            fail(store, author, job, &failure)
        }
    }
}

/// Puts on record that the job came to nothing. Of one that was cancelled, that is there already; what it did is added.
fn fail(store: &Store, author: &Author, job: Job, failure: &Failure) -> Result<Job, Error> {
    let mut facts = store.session()?;
    let now = job::load(store, &facts, job.id)?;
    let mut failed = now.clone();
    if now.state != State::Cancelled {
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
        // It was cancelled only now, or has moved to the archive since.
        Commit::Stale { .. } => job::load(store, &facts, job.id),
    }
}

fn attempt(store: &Store, author: &Author, job: &Job, progress: &dyn Progress) -> Result<Job, Failure> {
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
    let (output, record, looked) = (&output, Mutex::new(job.clone()), Mutex::new(Instant::now()));
    let task = Task {
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
        record,
        looked,
    };
    // What the work wrote, a failed datum's log too, is on disk before anything names it.
    let done = if let Work::Command(command) = &stage.work {
        command::work(&task, command)
    } else {
        let writer = store.writer();
        let done = builtin::work(&task, &WhileWanted { task: &task, sink: &writer });
        writer.finish()?;
        done
    };
    Ok(publish(&task, &done?)?)
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
            history::check_held(&facts, output)?;
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
        match store.session()?.commit(&origin, &batch)? {
            Commit::Done { .. } => return Ok(ended),
            Commit::Stale { .. } => {}
        }
    }
    Err(Error::Contended { id: job.id, what: format!("{}@{}", output.name, job.branch) })
}
