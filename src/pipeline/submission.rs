//! Pipelines are made, changed and removed.

use super::cancel::{self, Stopped};
use super::error::Error;
use super::order::order;
use super::outputs;
use super::registry::{
    self, Pipeline, Record, Standing, find, is_output, key, last_version, list, load, version_key,
};
use super::spec::Spec;
use crate::history;
use crate::ledger::{Origin, Session};
use crate::meta::Batch;
use crate::object::{Entry, PipelineName, RepoName, StageName};
use crate::store::Store;

/// What a pipeline file becomes: its text, its name on disk, and its declared files, which are already stored.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The text of the file.
    pub source: String,
    /// How messages name the file.
    pub file: String,
    /// The declared files.
    pub code: Vec<(String, Entry)>,
}

/// Whether a pipeline of that name should exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submit {
    /// It must not.
    Create,
    /// It must; it gets a new version.
    Update,
}

/// The pipeline, if the submission says of it what it says already.
pub(super) fn same(facts: &Session, submission: &Submission) -> Result<Option<Pipeline>, Error> {
    let spec = registry::parse(&submission.file, &submission.source)?;
    let is_same =
        |old: &Pipeline| old.record.source == submission.source && old.record.code == submission.code;
    Ok(find(facts, &spec.name)?.filter(is_same))
}

/// Adds the pipeline and the output repos of its stages to `batch`. Repos that an earlier pipeline of the same name left are its
/// own again; those of stages that are no more become ordinary ones, and their jobs are skipped.
pub fn submit(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    submission: Submission,
    submit: Submit,
    origin: &Origin,
) -> Result<Pipeline, Error> {
    let spec = registry::parse(&submission.file, &submission.source)?;
    let at = key(&spec.name);
    let before = facts.get(&at)?;
    match (&before, submit) {
        (Some(_), Submit::Create) => return Err(Error::Exists { name: spec.name.clone() }),
        (None, Submit::Update) => return Err(registry::unknown(facts, &spec.name)),
        (Some(_), Submit::Update) | (None, Submit::Create) => {}
    }
    let version = last_version(facts, &spec.name)? + 1;
    let Submission { source, file, code } = submission;
    let standing =
        before.as_deref().map(Record::read).transpose()?.map_or(Standing::Active, |old| old.standing);
    let record = Record { version, source, file, updated: origin.time, code, standing };
    let pipeline = Pipeline { spec, record };
    check_graph(facts, &pipeline)?;
    outputs::prepare(facts, store.objects(), batch, &pipeline, origin)?;
    outputs::release(facts, batch, &pipeline.spec.name, &outputs::of(&pipeline)?)?;
    skip_jobs(facts, batch, &pipeline.spec.name, Some(&pipeline.spec), origin)?;
    let bytes = pipeline.record.write()?;
    batch.put(version_key(&pipeline.spec.name, version), bytes.clone());
    batch.expect(at.clone(), before).put(at, bytes);
    Ok(pipeline)
}

/// Adds to `batch` that the pipeline stands so from now on. False if it does already.
pub(super) fn stand(
    facts: &Session,
    batch: &mut Batch,
    name: &PipelineName,
    standing: Standing,
) -> Result<bool, Error> {
    let record = load(facts, name)?.record;
    if record.standing == standing {
        return Ok(false);
    }
    let bytes = Record { standing, ..record }.write()?;
    batch.expect(key(name), facts.get(&key(name))?).put(key(name), bytes);
    Ok(true)
}

/// Adds to `batch` that the jobs of the pipeline are skipped whose stage is not, or no longer, in `spec`, those that run too; of a
/// paused pipeline, that all are cancelled.
pub fn skip_jobs(
    facts: &Session,
    batch: &mut Batch,
    pipeline: &PipelineName,
    spec: Option<&Spec>,
    origin: &Origin,
) -> Result<(), Error> {
    if find(facts, pipeline)?.is_some_and(|pipeline| pipeline.record.standing == Standing::Paused) {
        return cancel::stop_pipeline(facts, batch, pipeline, origin).map(drop);
    }
    cancel::stop_dropped(facts, batch, pipeline, spec, origin).map(drop)
}

/// Every input must exist or be made by a stage, and no stage may wait for itself.
fn check_graph(facts: &Session, pipeline: &Pipeline) -> Result<(), Error> {
    let name = &pipeline.spec.name;
    for (stage, spec) in &pipeline.spec.stages {
        for leaf in spec.input.leaves() {
            let source = &leaf.source;
            let own = leaf.clock.is_some()
                || pipeline.spec.stages.keys().any(|stage| is_output(&source.repo, name, stage));
            if !own && history::find(facts, &source.repo)?.is_none() {
                let input = pipeline.record.source.get(spec.at..).unwrap_or_default();
                let place = pipeline.place(spec.at + input.find(&source.to_string()).unwrap_or(0));
                let (stage, repo) = (stage.clone(), source.repo.clone());
                let of_that_name = |sibling: &&StageName| sibling.as_str() == repo.as_str();
                let sibling = pipeline.spec.stages.keys().find(of_that_name);
                let sibling = sibling.and_then(|sibling| format!("{name}/{sibling}").parse().ok());
                let sibling = match sibling {
                    None => output_of(facts, &repo)?,
                    found => found,
                };
                return Err(Error::UnknownInput { place, stage, repo, sibling });
            }
        }
    }
    let others = list(facts)?.into_iter().filter(|other| other.spec.name != *name);
    let all: Vec<Pipeline> = others.chain([pipeline.clone()]).collect();
    let Err(circle) = order(&all) else { return Ok(()) };
    let own = circle.iter().find(|(of, _, _)| of.spec.name == *name);
    let place = pipeline.place(own.map_or(0, |(_, _, stage)| stage.at));
    let stages: Vec<String> =
        circle.iter().map(|(of, stage, _)| format!("{}/{stage}", of.spec.name)).collect();
    Err(Error::Cycle { place, stages: stages.join(", ") })
}

/// The output of the pipeline that has the name of this repo, if it has but one, or one of that name.
fn output_of(facts: &Session, repo: &RepoName) -> Result<Option<RepoName>, Error> {
    let Ok(name) = repo.as_str().parse::<PipelineName>() else { return Ok(None) };
    let Some(pipeline) = find(facts, &name)? else { return Ok(None) };
    let stages: Vec<&StageName> = pipeline.spec.stages.keys().collect();
    let named = stages.iter().find(|stage| stage.as_str() == name.as_str());
    let only = stages.first().filter(|_| stages.len() == 1);
    named.or(only).map(|stage| registry::output_name(&name, stage)).transpose()
}

/// An error unless all pipelines together are as [`submit`] would let them be.
pub fn check(facts: &Session) -> Result<(), Error> {
    for pipeline in list(facts)? {
        check_graph(facts, &pipeline)?;
        outputs::check(facts, &pipeline)?;
    }
    Ok(())
}

/// Adds the removal of the pipeline to `batch`. Its output repos stay, and become ordinary ones; its jobs are skipped, those that run
/// too.
pub(super) fn remove(
    facts: &Session,
    batch: &mut Batch,
    name: &PipelineName,
    origin: &Origin,
) -> Result<Stopped, Error> {
    load(facts, name)?;
    let at = key(name);
    batch.expect(at.clone(), facts.get(&at)?).remove(at);
    outputs::release(facts, batch, name, &[])?;
    cancel::stop_dropped(facts, batch, name, None, origin)
}
