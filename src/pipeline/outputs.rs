//! The repos that a pipeline writes: the outputs of its stages, and those of its clocks.

use super::error::Error;
use super::registry::{Pipeline, output_name};
use super::results;
use crate::history::{self, NewRepo, Repo};
use crate::ledger::{Origin, Session};
use crate::meta::Batch;
use crate::object::{ObjectRead, PipelineName, RepoName, StageName};
use crate::tree::{self, Raw};

/// The names of the repos that the pipeline writes.
pub(super) fn of(pipeline: &Pipeline) -> Result<Vec<RepoName>, Error> {
    let outputs = pipeline.spec.stages.keys().map(|stage| output_name(&pipeline.spec.name, stage));
    let clocks = pipeline.clocks().map(|(_, leaf, _)| Ok(leaf.source.repo.clone()));
    outputs.chain(clocks).collect()
}

/// Adds the repos that the pipeline writes to `batch`. Those that an earlier pipeline of the same name left are its own again.
pub(super) fn prepare(
    facts: &Session,
    objects: &dyn ObjectRead,
    batch: &mut Batch,
    pipeline: &Pipeline,
    origin: &Origin,
) -> Result<(), Error> {
    let own = &pipeline.spec.name;
    let mut create = |name: RepoName, stage: &StageName, description: String| {
        let output_of = Some((own.to_string(), stage.to_string()));
        match history::find(facts, &name)? {
            Some(Repo { output_of: existing, .. }) if existing == output_of => Ok(()),
            Some(repo) if repo.output_of.is_none() && is_left_by(facts, objects, &repo, own, stage)? => {
                history::assign(facts, batch, &repo, output_of)?;
                adopt(facts, objects, batch, &repo)
            }
            Some(_) => Err(Error::OutputTaken { repo: name }),
            None => {
                history::create(
                    facts,
                    batch,
                    NewRepo { name, created: origin.time, description, output_of },
                )?;
                Ok(())
            }
        }
    };
    for stage in pipeline.spec.stages.keys() {
        create(output_name(own, stage)?, stage, output_description(own, stage))?;
    }
    for (stage, leaf, _) in pipeline.clocks() {
        create(leaf.source.repo.clone(), stage, clock_description(own, stage))?;
    }
    Ok(())
}

/// Adds to `batch` the results that came with a repo of outputs from another store, so that they are found here as well. The largest table of
/// those that its branches name has them all, or nearly so: a table only grows.
fn adopt(facts: &Session, objects: &dyn ObjectRead, batch: &mut Batch, repo: &Repo) -> Result<(), Error> {
    if results::root(facts, repo)?.is_some() || history::find_results_let_go(objects)?.is_some() {
        return Ok(());
    }
    let mut largest = None;
    for (_, head) in history::branches(facts, repo)? {
        if let Some(made) = history::load(objects, head)?.provenance {
            let count = tree::totals::<Raw>(objects, made.results)?.count;
            largest = largest.max(Some((count, made.results)));
        }
    }
    if let Some((_, table)) = largest {
        results::move_root(batch, repo, None, table);
    }
    Ok(())
}

/// An error unless all repos that the pipeline writes are its own.
pub(super) fn check(facts: &Session, pipeline: &Pipeline) -> Result<(), Error> {
    for repo in of(pipeline)? {
        let owner = history::find(facts, &repo)?.and_then(|repo| repo.output_of);
        if owner.is_none_or(|(owner, _)| owner != pipeline.spec.name.as_str()) {
            return Err(Error::OutputTaken { repo });
        }
    }
    Ok(())
}

/// Makes the repos that the pipeline writes ordinary ones, but for those that are `kept`.
pub(super) fn release(
    facts: &Session,
    batch: &mut Batch,
    pipeline: &PipelineName,
    kept: &[RepoName],
) -> Result<(), Error> {
    for repo in history::list(facts)? {
        let is_its = repo.output_of.as_ref().is_some_and(|(owner, _)| owner == pipeline.as_str());
        if is_its && !kept.contains(&repo.name) {
            history::assign(facts, batch, &repo, None)?;
        }
    }
    Ok(())
}

/// Whether this ordinary repo is what an earlier pipeline of the same name left: all its branches stand where the stage put
/// them. One that a person has committed to is that person's.
pub fn is_left_by(
    facts: &Session,
    objects: &dyn ObjectRead,
    repo: &Repo,
    pipeline: &PipelineName,
    stage: &StageName,
) -> Result<bool, Error> {
    if is_clock_of(&repo.name, pipeline, stage) && repo.description == clock_description(pipeline, stage) {
        return Ok(true);
    }
    let branches = history::branches(facts, repo)?;
    for (_, head) in &branches {
        let made = history::load(objects, *head)?.provenance;
        if !made.is_some_and(|made| made.pipeline == pipeline.as_str() && made.stage == stage.as_str()) {
            return Ok(false);
        }
    }
    Ok(!branches.is_empty() || repo.description == output_description(pipeline, stage))
}

fn output_description(pipeline: &PipelineName, stage: &StageName) -> String {
    format!("output of stage {stage} of pipeline {pipeline}")
}

fn clock_description(pipeline: &PipelineName, stage: &StageName) -> String {
    format!("clock of stage {stage} of pipeline {pipeline}")
}

/// Whether a clock of this stage may have a repo of this name.
fn is_clock_of(repo: &RepoName, pipeline: &PipelineName, stage: &StageName) -> bool {
    repo.as_str().rsplit_once('/').is_some_and(|(home, _)| home == format!("{pipeline}/{stage}"))
}
