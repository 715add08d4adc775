//! Jobs that came to nothing, run again on the same inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::history::{self, Author};
use crate::ledger::{Origin, Outcome, Session};
use crate::meta::Batch;
use crate::store::Store;

use super::error::Error;
use super::job::{self, Filter, Job, JobInput, JobSource, Numbers, Phase, State};
use super::registry::{self, Standing};
use super::task::TRIES;
use super::trigger;

/// Jobs that are queued again.
#[derive(Debug)]
pub struct Retried {
    /// The number of their run.
    pub run: u64,
    /// The new number of the job that was asked for.
    pub id: u64,
    /// All of them, oldest first.
    pub jobs: Vec<Job>,
}

/// Queues the job again, as a new one in a run of its own, with those that it waits for and that came to nothing, and those that were
/// skipped because of it. Refused when a newer job of its branch reads something else: it would go back in time.
pub fn retry(store: &Store, author: &Author, id: u64) -> Result<Retried, Error> {
    let origin = author.housekeeping();
    for _ in 0..TRIES {
        let mut facts = store.session()?;
        let mut batch = Batch::default();
        let retried = plan(store, &facts, &mut batch, id, &origin)?;
        if let Outcome::Done { .. } = facts.commit(&origin, &batch)? {
            return Ok(retried);
        }
    }
    Err(Error::Raced { verb: "queue the job again" })
}

fn plan(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    id: u64,
    origin: &Origin,
) -> Result<Retried, Error> {
    let set = together(store, facts, id)?;
    let all: BTreeSet<u64> = set.keys().copied().collect();
    let mut numbers = Numbers::read(facts)?;
    let run = numbers.run();
    let mut new: BTreeMap<u64, u64> = BTreeMap::new();
    let mut jobs = Vec::new();
    // Oldest first: what a job waits for is older than it.
    for (old, job) in set {
        let inputs = inputs(store, facts, &job, &all, &new)?;
        let version = check_stage(facts, &job)?;
        let id = numbers.job();
        let job = job.again(id, run, inputs, version, origin.time);
        job::save(batch, &job)?;
        new.insert(old, id);
        jobs.push(job);
    }
    numbers.save(batch);
    let id = new.get(&id).copied().unwrap_or(id);
    Ok(Retried { run, id, jobs })
}

/// The job, with those that it waits for in vain and those that wait in vain for any of them.
fn together(store: &Store, facts: &Session, id: u64) -> Result<BTreeMap<u64, Job>, Error> {
    let job = job::load(store, facts, id)?;
    let is_over = matches!(job.state, State::Succeeded | State::Superseded(_));
    if job.state.is_living() || is_over {
        return Err(Error::NotFailed { id, told: job.state.phase().told() });
    }
    let mut set = BTreeMap::new();
    let mut open = vec![job];
    while let Some(job) = open.pop() {
        for input in &job.inputs {
            if let JobSource::Job(id) = input.source {
                let upstream = job::last_of(store, facts, id)?;
                if !upstream.state.is_living() && upstream.state != State::Succeeded {
                    open.push(upstream);
                }
            }
        }
        set.insert(job.id, job);
    }
    let mut ids: BTreeSet<u64> = set.keys().copied().collect();
    let skipped = Filter { phases: [Phase::Skipped].into(), ..Filter::default() };
    let oldest = ids.first().copied().unwrap_or(id);
    for job in find(store, facts, &skipped, oldest)?.into_iter().rev() {
        if job.waits_for(&ids).is_some() {
            ids.insert(job.id);
            set.insert(job.id, job);
        }
    }
    Ok(set)
}

/// The jobs that are asked for, newest first, as far as they are newer than `after`.
fn find(store: &Store, facts: &Session, filter: &Filter, after: u64) -> Result<Vec<Job>, Error> {
    let mut found = Vec::new();
    job::known(store, facts)?.visit(store.objects(), filter, &mut |job| {
        if job.id <= after {
            return ControlFlow::Break(());
        }
        found.push(job);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// What the job is to read this time. Where one that is run again with it makes something for it, its other inputs are those that its
/// branch has come to since.
fn inputs(
    store: &Store,
    facts: &Session,
    job: &Job,
    all: &BTreeSet<u64>,
    new: &BTreeMap<u64, u64>,
) -> Result<Vec<JobInput>, Error> {
    let of_branch = Filter { branch: Some(job.branch.clone()), ..Filter::stage(job.stage_name()) };
    let newer = find(store, facts, &of_branch, job.id)?;
    let newer = newer.into_iter().find(|job| job.state.is_living() || job.state == State::Succeeded);
    let waits = job.waits_for(all).is_some();
    let mut inputs = newer.as_ref().filter(|_| waits).map_or(&job.inputs, |newer| &newer.inputs).clone();
    for (at, input) in inputs.iter_mut().enumerate() {
        // Names alone do not tell: in a union, several have one.
        let in_place = job.inputs.get(at).filter(|made| made.name == input.name);
        let made = in_place.or_else(|| job.inputs.iter().find(|made| made.name == input.name));
        let made = made.map_or(input.source, |made| made.source);
        input.source = match (made, input.source) {
            (JobSource::Job(id), _) if new.contains_key(&id) => {
                JobSource::Job(new.get(&id).copied().unwrap_or(id))
            }
            (_, JobSource::Job(id)) => match job::last_of(store, facts, id)? {
                Job { output: Some(commit), .. } => JobSource::Commit(commit),
                Job { id, .. } => JobSource::Job(id),
            },
            (_, commit) => commit,
        };
    }
    match newer {
        Some(newer) if !waits && newer.inputs != inputs => {
            Err(Error::Overtaken { id: job.id, newer: newer.id })
        }
        _ => Ok(inputs),
    }
}

/// The version of the pipeline whose stage the job will be of; an error unless the stage reads what the job does.
fn check_stage(facts: &Session, job: &Job) -> Result<u64, Error> {
    let gone = || Error::StageGone { stage: job.stage_name() };
    let pipeline = registry::find(facts, &job.pipeline.parse().map_err(history::Error::from)?)?;
    let pipeline = pipeline.ok_or_else(gone)?;
    if pipeline.record.standing == Standing::Paused {
        return Err(Error::Paused { name: pipeline.spec.name.clone() });
    }
    let stage = pipeline.spec.stages.get(&job.stage.parse().map_err(history::Error::from)?);
    trigger::check_reads(facts, stage.ok_or_else(gone)?, job)?;
    Ok(pipeline.record.version)
}
