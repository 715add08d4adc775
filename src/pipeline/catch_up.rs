//! Which jobs bring a pipeline to where its inputs stand, whatever has happened since its last ones.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{self, Changes};
use super::error::Error;
use super::job::{self, Job, JobInput, JobSource, Numbers, Results};
use super::made;
use super::order::order;
use super::registry::{self, Pipeline, output_name};
use super::trigger;
use crate::history::{self, Target};
use crate::ledger::{Origin, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, ObjectRead, PipelineName, RepoName, StageName};

/// What is to be brought to where its inputs stand.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) pipeline: PipelineName,
    /// Only this stage, and what follows from it.
    pub(super) stage: Option<StageName>,
    /// Only this branch.
    pub(super) branch: Option<BranchName>,
    /// What of it is made again, though it is made of where the inputs stand.
    pub(super) again: Again,
}

/// What is made again, though it is made already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing.
    Nothing,
    /// What might come out otherwise another time.
    Unsettled,
    /// Everything, without results that are known.
    Everything,
}

/// What is to be done for that.
#[derive(Debug, Default)]
pub(super) struct CaughtUp {
    pub(super) jobs: Vec<Job>,
    /// The branches of outputs that are as they should be.
    pub(super) made: Vec<Target>,
}

impl Scope {
    fn covers(&self, pipeline: &Pipeline, stage: &StageName) -> bool {
        pipeline.spec.name == self.pipeline && self.stage.as_ref().is_none_or(|wanted| wanted == stage)
    }
}

/// Adds to `batch` one job for each output branch that the newest commits of its inputs would change, with those that follow from
/// them. Each branch is a run of its own.
pub(super) fn catch_up(
    facts: &Session,
    objects: &dyn ObjectRead,
    batch: &mut Batch,
    scope: &Scope,
    origin: &Origin,
) -> Result<CaughtUp, Error> {
    let pipelines = registry::list(facts)?;
    let mut numbers = Numbers::read(facts)?;
    let mut runs: BTreeMap<BranchName, u64> = BTreeMap::new();
    let mut new = Changes::default();
    let CaughtUp { mut jobs, made: mut fresh } = CaughtUp::default();
    for (pipeline, stage_name, stage) in order(&pipelines).unwrap_or_default() {
        if !pipeline.is_active() {
            continue;
        }
        let output = output_name(&pipeline.spec.name, stage_name)?;
        let is_own = scope.covers(pipeline, stage_name);
        let mut branches = changes::branches(facts, &output, stage, &new)?;
        if is_own {
            let all = changes::all_branches(facts, stage, &new)?.into_iter();
            branches.extend(all.filter(|branch| scope.branch.as_ref().is_none_or(|wanted| wanted == branch)));
        }
        for branch in branches {
            let Some(inputs) = changes::inputs(facts, &output, stage, &branch, &new)? else { continue };
            let is_anew = is_own && scope.again == Again::Everything;
            if is_own
                && !is_anew
                && let Some(made) = made::find(facts, objects, &output, &branch)?
                && made.is_of(pipeline, stage, &inputs)
                && (scope.again == Again::Nothing || !made.may_differ(objects, stage)?)
            {
                fresh.push(Target { repo: output.clone(), branch });
                continue;
            }
            let cause = cause(facts, &inputs, &jobs)?;
            let run = *runs.entry(branch.clone()).or_insert_with(|| numbers.run());
            let id = numbers.job();
            let mut job = trigger::job(pipeline, stage_name, &branch, inputs, (id, run), cause, origin.time);
            if is_anew {
                job.results = Results::Anew;
            }
            job::save(batch, &job)?;
            new.coming.insert((output.clone(), branch), JobSource::Job(id));
            jobs.push(job);
        }
    }
    if !jobs.is_empty() {
        numbers.save(batch);
    }
    Ok(CaughtUp { jobs, made: fresh })
}

/// What is told as the cause of a job that reads these: the newest commit of its first input, or what caused the job that makes it.
fn cause(facts: &Session, inputs: &[JobInput], jobs: &[Job]) -> Result<String, Error> {
    let Some(input) = inputs.first() else { return Ok(String::new()) };
    let commit: CommitId = match input.source {
        JobSource::Commit(commit) => commit,
        JobSource::Job(id) => {
            return Ok(jobs
                .iter()
                .find(|job| job.id == id)
                .map_or_else(String::new, |job| job.cause.clone()));
        }
    };
    let repos: BTreeSet<RepoName> = history::list(facts)?
        .into_iter()
        .filter(|repo| repo.id == input.repo)
        .map(|repo| repo.name)
        .collect();
    let branch = input.branch.parse().map_err(history::Error::from)?;
    let target = repos.into_iter().next().map(|repo| Target { repo, branch });
    Ok(target.map_or_else(String::new, |target| Job::cause(&target, commit)))
}
