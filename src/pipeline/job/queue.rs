//! The queue: jobs that may still do something.

use std::ops::ControlFlow;

use super::archive;
use super::record::{Job, QUEUE, State, find, key, last_number, queued, queued_from};
use crate::history::{Repo, Target};
use crate::ledger::Session;
use crate::object::BranchName;
use crate::pipeline::Error;
use crate::pipeline::lease::Lease;
use crate::store::Store;

/// The numbers of the jobs that may still do something, oldest first, at most `limit`.
fn queue(facts: &Session, limit: usize) -> Result<Vec<u64>, Error> {
    let mut ids = Vec::new();
    facts.scan(QUEUE, &mut |key, _| {
        ids.extend(key.get(QUEUE.len()..).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes));
        if ids.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(ids)
}

/// Whether the job of this number may still do something.
pub(in crate::pipeline) fn is_living(facts: &Session, id: u64) -> Result<bool, Error> {
    Ok(facts.get(&key(QUEUE, id))?.is_some())
}

/// The number of the oldest job that may still do something.
pub(super) fn oldest_living(facts: &Session) -> Result<Option<u64>, Error> {
    Ok(queue(facts, 1)?.first().copied())
}

/// The jobs that may still do something, oldest first.
pub fn living(facts: &Session) -> Result<Vec<Job>, Error> {
    let load = |id| find(facts, id)?.ok_or(Error::UnknownJob { id });
    queue(facts, usize::MAX)?.into_iter().map(load).collect()
}

/// The job as it stands: one that is said to run, but whose process is dead, waits to be taken up.
pub(super) fn as_it_stands(store: &Store, _within: &Session, mut job: Job) -> Result<Job, Error> {
    if matches!(job.state, State::Running(_)) && !Lease::is_held(store, job.id)? {
        job.state = State::Queued;
        job.forget_attempt();
    }
    Ok(job)
}

/// The jobs that changes of this branch caused and that wait to be run, oldest first.
pub fn waiting(store: &Store, facts: &Session, target: &Target) -> Result<Vec<Job>, Error> {
    let mut waiting = Vec::new();
    for job in living(facts)? {
        let job = as_it_stands(store, facts, job)?;
        if job.state == State::Queued && job.is_caused_by(target) {
            waiting.push(job);
        }
    }
    Ok(waiting)
}

/// The newest job that will make the next commit of this branch of an output, if there is one.
pub(in crate::pipeline) fn coming(
    facts: &Session,
    repo: &Repo,
    branch: &BranchName,
) -> Result<Option<u64>, Error> {
    let Some((pipeline, stage)) = &repo.output_of else { return Ok(None) };
    let list = queued(pipeline, stage, branch.as_str());
    let mut newest = None;
    facts.scan(&list, &mut |key, _| {
        newest = last_number(key);
        ControlFlow::Break(())
    })?;
    let from = queued_from(facts)?;
    let all_are_listed = oldest_living(facts)?.is_none_or(|oldest| oldest >= from);
    if all_are_listed || newest.is_some_and(|id| id >= from) {
        return Ok(newest);
    }
    let makes = |job: &Job| job.pipeline == *pipeline && job.stage == *stage && job.branch == branch.as_str();
    Ok(living(facts)?.iter().rev().find(|job| makes(job)).map(|job| job.id))
}

/// The job of this number, or the one that took its place in the end.
pub fn last_of(store: &Store, facts: &Session, id: u64) -> Result<Job, Error> {
    let mut job = archive::load(store, facts, id)?;
    while let State::Superseded(by) = job.state
        && by > job.id
    {
        job = archive::load(store, facts, by)?;
    }
    Ok(job)
}
