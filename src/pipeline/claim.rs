//! Which jobs are next: of each branch the newest whose inputs are there, or the first where each is to be run, if nobody is at
//! work on that branch.

use std::collections::BTreeMap;

use crate::history;
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId};
use crate::process::Process;
use crate::store::Store;

use super::changes;
use super::error::Error;
use super::job::{self, Job, JobInput, JobSource, Results, State};
use super::lease::Lease;
use super::perform::Shift;
use super::registry;
use super::spec::PiledUp;
use super::supersede::Queue;
use super::which::Asked;

/// What there is to do next.
#[derive(Default)]
pub(super) struct Claimed {
    /// Jobs that are now this process's to run.
    pub(super) begun: Vec<(Job, Lease)>,
    /// Jobs that have ended without being run: there is nothing for them to read, or another one takes their place.
    pub(super) ended: Vec<Job>,
    /// Whether jobs wait for others now than they did, so that it is to be looked again.
    pub(super) again: bool,
    pub(super) rest: Rest,
}

/// What is to be done later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    #[default]
    Nothing,
    /// Jobs that wait for those of this process.
    Own,
    /// Jobs that may have to wait for other processes.
    Others,
}

/// A job that can be begun.
struct Ready<'a> {
    job: &'a Job,
    inputs: Vec<CommitId>,
    /// Those of its branch whose place it takes.
    before: &'a [&'a Job],
}

/// The next jobs that can be run, at most `free`, now marked as this process's. Those of pipelines that have few at work come first.
/// This process is at work on `busy`, each with its pipeline.
pub(super) fn claim(
    shift: Shift<'_>,
    asked: &mut Asked,
    busy: &BTreeMap<u64, String>,
    free: usize,
) -> Result<Claimed, Error> {
    let Shift { store, author, .. } = shift;
    let time = author.now().time;
    let mut facts = store.session()?;
    let living = job::living(&facts)?;
    asked.note(store, &facts, &living)?;
    let needed = asked.needed(&living);
    let (mut claimed, mut batch) = (Claimed::default(), Batch::default());
    let mut queue = Queue::new(&facts, &living);
    let (mut ready, mut left, mut others) = (Vec::new(), false, false);
    let branches = by_branch(&living);
    for branch in &branches {
        let meant = |job: &&&Job| needed.contains(&job.id) && !busy.contains_key(&job.id);
        let mut meant = branch.iter().filter(meant).peekable();
        let Some(first) = branch.first().filter(|_| meant.peek().is_some()) else { continue };
        // A job that another process runs is none of ours when all that is queued is to be run.
        left |= meant.any(|job| !asked.is_all() || job.state == State::Queued);
        if busy.contains_key(&first.id) {
            continue;
        }
        if matches!(first.state, State::Running(_)) && Lease::is_held(store, first.id)? {
            others = true;
            continue;
        }
        let together = branch.len() > 1 && queue.rule(first)? == PiledUp::Together;
        // What is to be made anew is not left to another job.
        let anew = branch.iter().position(|job| job.results == Results::Anew);
        let may_be_next = if together { anew.map_or(branch.len(), |at| at + 1) } else { 1 };
        for (at, job) in branch.iter().enumerate().take(may_be_next).rev() {
            match resolve(store, &facts, job)? {
                Waiting::No(inputs) => {
                    ready.push(Ready { job, inputs, before: branch.get(..at).unwrap_or_default() });
                    break;
                }
                Waiting::InVain(id) if at == 0 => {
                    let mut skipped = (*job).clone();
                    skipped.skip_for(id, time);
                    queue.change(skipped);
                }
                Waiting::For(inputs) => {
                    queue.change(Job { inputs, ..(*job).clone() });
                    claimed.again = true;
                }
                Waiting::Yes | Waiting::InVain(_) => {}
            }
        }
    }
    let mut at_work: BTreeMap<&str, usize> = BTreeMap::new();
    for pipeline in busy.values() {
        *at_work.entry(pipeline).or_default() += 1;
    }
    while claimed.begun.len() < free && !ready.is_empty() {
        let held = |job: &Job| at_work.get(job.pipeline.as_str()).copied().unwrap_or_default();
        let next = (0..).zip(&ready).min_by_key(|(_, ready)| (held(ready.job), ready.job.id));
        let Some((at, _)) = next else { break };
        let Ready { job, inputs, before } = ready.remove(at);
        let Some(lease) = Lease::take(store, job.id)? else {
            others = true;
            continue;
        };
        for old in before {
            queue.supersede(old, job.id, time);
        }
        let mut begun = job.clone();
        begin(&facts, &mut begun, inputs, time)?;
        queue.change(begun.clone());
        claimed.begun.push((begun, lease));
        *at_work.entry(&job.pipeline).or_default() += 1;
    }
    claimed.rest = match (left, others) {
        (false, _) => Rest::Nothing,
        (true, false) => Rest::Own,
        (true, true) => Rest::Others,
    };
    claimed.ended = queue.save(&mut batch)?;
    if batch == Batch::default() {
        return Ok(claimed);
    }
    match facts.commit(&author.housekeeping(), &batch)? {
        Outcome::Done { .. } => {
            // Nobody asks again for a job that has ended, though a dead process may have left it.
            claimed.ended.iter().for_each(|job| Lease::forget(store, job.id));
            Ok(claimed)
        }
        Outcome::Stale { .. } => Err(Error::Raced { verb: "begin the next jobs" }),
    }
}

/// The jobs of each output branch, in their order.
fn by_branch(living: &[Job]) -> Vec<Vec<&Job>> {
    let mut places = BTreeMap::new();
    let mut branches: Vec<Vec<&Job>> = Vec::new();
    for job in living {
        let place = *places.entry((&job.pipeline, &job.stage, &job.branch)).or_insert(branches.len());
        match branches.get_mut(place) {
            Some(branch) => branch.push(job),
            None => branches.push(vec![job]),
        }
    }
    branches
}

/// Puts on record that this process runs the job, on these inputs.
fn begin(facts: &Session, job: &mut Job, inputs: Vec<CommitId>, time: i64) -> Result<(), Error> {
    for (input, commit) in job.inputs.iter_mut().zip(inputs) {
        input.source = JobSource::Commit(commit);
    }
    job.forget_attempt();
    job.version = version(facts, job)?.unwrap_or(job.version);
    job.state = State::Running(Process::me());
    job.started = Some(time);
    Ok(())
}

/// The version of the pipeline that the job will be run by.
fn version(facts: &Session, job: &Job) -> Result<Option<u64>, Error> {
    let name = job.pipeline.parse().map_err(history::Error::from)?;
    Ok(registry::find(facts, &name)?.map(|pipeline| pipeline.record.version))
}

enum Waiting {
    No(Vec<CommitId>),
    Yes,
    /// For something else than before: these are its inputs now.
    For(Vec<JobInput>),
    InVain(u64),
}

fn resolve(store: &Store, facts: &Session, job: &Job) -> Result<Waiting, Error> {
    let mut commits = Vec::new();
    for input in &job.inputs {
        match input.source {
            JobSource::Commit(commit) => commits.push(commit),
            JobSource::Job(id) => {
                let upstream = job::last_of(store, facts, id)?;
                match (upstream.state, upstream.output) {
                    (State::Succeeded, Some(commit)) => commits.push(commit),
                    (State::Queued | State::Running(_), _) => return Ok(Waiting::Yes),
                    // What another run was to bring has not come: what is there counts, or what yet another one brings.
                    _ if upstream.run != job.run => match stands(facts, input)? {
                        Some(JobSource::Commit(commit)) => commits.push(commit),
                        Some(other @ JobSource::Job(_)) => {
                            let mut inputs = job.inputs.clone();
                            let waiting = inputs.iter_mut().filter(|other| *other == input);
                            waiting.for_each(|input| input.source = other);
                            return Ok(Waiting::For(inputs));
                        }
                        None => return Ok(Waiting::InVain(id)),
                    },
                    _ => return Ok(Waiting::InVain(id)),
                }
            }
        }
    }
    Ok(Waiting::No(commits))
}

/// Where the branch that is read stands now.
fn stands(facts: &Session, input: &JobInput) -> Result<Option<JobSource>, Error> {
    let branch: BranchName = input.branch.parse().map_err(history::Error::from)?;
    let repo = history::list(facts)?.into_iter().find(|repo| repo.id == input.repo);
    repo.map_or(Ok(None), |repo| changes::stands(facts, &repo, &branch))
}
