//! The pipelines of a store.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::cancel;
use super::condition::Condition;
use super::error::Error;
use super::job::{self, State};
use super::order::order;
use super::outputs;
use super::spec::{Clock, Command, Leaf, Spec, Stage, Work, place};
use crate::history;
use crate::ledger::{Origin, Session};
use crate::meta::Batch;
use crate::object::{Digest, Entry, PipelineName, RepoName, StageName, TreePath, codec};
use crate::store::Store;

pub(super) const PIPELINES: &[u8] = b"pipeline/";
pub(super) const VERSIONS: &[u8] = b"pipeline-version/";
const VERSION: u8 = 1;

/// A registered pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// What its file says.
    pub spec: Spec,
    /// What is kept of it.
    pub record: Record,
}

/// An input with a trigger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Triggered<'a> {
    pub(super) stage: &'a StageName,
    pub(super) leaf: &'a Leaf,
    pub(super) condition: &'a Condition,
}

/// A pipeline as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Its version, counted from 1.
    pub version: u64,
    /// Its file, as it was given.
    pub source: String,
    /// The name of that file, for messages.
    pub file: String,
    /// When this version came, in milliseconds since 1970.
    pub updated: i64,
    /// The files that its commands declared: name and content.
    pub code: Vec<(String, Entry)>,
    /// Whether it follows its inputs.
    pub standing: Standing,
}

/// Whether a pipeline follows its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It does.
    Active,
    /// It queues nothing and runs nothing.
    Paused,
}

impl Standing {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

fn key(name: &PipelineName) -> Vec<u8> {
    [PIPELINES, name.as_str().as_bytes()].concat()
}

/// Where an older version of a pipeline lies.
fn version_key(name: &PipelineName, version: u64) -> Vec<u8> {
    [VERSIONS, name.as_str().as_bytes(), b"\0", &version.to_be_bytes()].concat()
}

/// The newest version that a pipeline of this name ever had, though it is not the one that counts now; 0 if there was none.
fn last_version(facts: &Session, name: &PipelineName) -> Result<u64, Error> {
    let prefix = [VERSIONS, name.as_str().as_bytes(), b"\0"].concat();
    let mut last = 0;
    facts.scan(&prefix, &mut |key, _| {
        let number = key.get(prefix.len()..).and_then(|number| number.try_into().ok());
        last = last.max(number.map_or(0, u64::from_be_bytes));
        ControlFlow::Continue(())
    })?;
    Ok(last)
}

/// The repo that a stage writes.
pub fn output_name(pipeline: &PipelineName, stage: &StageName) -> Result<RepoName, Error> {
    Ok(format!("{pipeline}/{stage}").parse().map_err(history::Error::from)?)
}

impl Record {
    /// The record, from the fact's value.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        codec::decode(VERSION, bytes).map_err(|source| Error::Record { what: "a pipeline", source })
    }
}

impl Pipeline {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let record = Record::read(bytes)?;
        Ok(Self { spec: Spec::parse(&record.file, &record.source)?, record })
    }

    /// The files that a command declares: those it names, and those in directories that it names.
    pub fn code_of(&self, command: &Command) -> impl Iterator<Item = &(String, Entry)> {
        let paths: Vec<TreePath> = command.code.iter().map(|declared| declared.path.clone()).collect();
        let is_in = |name: &str, of: &str| {
            name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.record.code.iter().filter(move |(name, _)| paths.iter().any(|of| is_in(name, of.as_str())))
    }

    /// The digest of what a stage does.
    pub fn code_digest(&self, stage: &Stage) -> Digest {
        let Work::Command(command) = &stage.work else { return stage.code_digest(&[]) };
        let files = self.code_of(command).map(|(name, entry)| (name.clone(), *entry.blob.digest()));
        stage.code_digest(&files.collect::<Vec<_>>())
    }

    /// The digest of what a stage does and of how it cuts its inputs: outputs that agree in it can be made from each other.
    pub fn plan_digest(&self, stage: &Stage) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vds stage plan 1\0").update(self.code_digest(stage).as_bytes());
        hasher.update(stage.plan_text().as_bytes());
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Whether it follows its inputs.
    pub(super) fn is_active(&self) -> bool {
        self.record.standing == Standing::Active
    }

    /// All inputs, each with its stage.
    fn leaves(&self) -> impl Iterator<Item = (&StageName, &Leaf)> {
        let of = |(name, stage)| Stage::leaves(stage).map(move |leaf| (name, leaf));
        self.spec.stages.iter().flat_map(of)
    }

    /// The inputs with a trigger.
    pub(super) fn triggers(&self) -> impl Iterator<Item = Triggered<'_>> {
        self.leaves()
            .filter_map(|(stage, leaf)| Some(Triggered { stage, leaf, condition: leaf.trigger.as_ref()? }))
    }

    /// The inputs that are clocks, each with its stage.
    pub fn clocks(&self) -> impl Iterator<Item = (&StageName, &Leaf, &Clock)> {
        self.leaves().filter_map(|(name, leaf)| Some((name, leaf, leaf.clock.as_ref()?)))
    }

    /// The stages, each after those whose output it reads.
    pub fn stages_in_order(&self) -> Vec<(&StageName, &Stage)> {
        let ordered = order(std::slice::from_ref(self)).unwrap_or_default();
        ordered.into_iter().map(|(_, name, stage)| (name, stage)).collect()
    }

    /// How messages name the byte `at` of the file.
    fn place(&self, at: usize) -> String {
        let (line, column) = place(&self.record.source, at);
        format!("{}:{line}:{column}", self.record.file)
    }
}

/// Whether `repo` is what this stage writes.
pub(super) fn is_output(repo: &RepoName, pipeline: &PipelineName, stage: &StageName) -> bool {
    repo.as_str().rsplit_once('/').is_some_and(|(p, s)| p == pipeline.as_str() && s == stage.as_str())
}

/// All pipelines, by name.
pub fn list(facts: &Session) -> Result<Vec<Pipeline>, Error> {
    let mut raw = Vec::new();
    facts.scan(PIPELINES, &mut |_, value| {
        raw.push(value.to_vec());
        ControlFlow::Continue(())
    })?;
    raw.iter().map(|bytes| Pipeline::read(bytes)).collect()
}

/// The pipelines that have inputs with a trigger, or clocks. Files that do not speak of such are not looked at closely.
pub(super) fn with_triggers(facts: &Session) -> Result<Vec<Pipeline>, Error> {
    // A key of a file may be written with escapes.
    const WORDS: [&str; 3] = ["trigger", "cron", "\\u"];
    let mut records = Vec::new();
    facts.scan(PIPELINES, &mut |_, value| {
        records.push(Record::read(value));
        ControlFlow::Continue(())
    })?;
    let mut found = Vec::new();
    for record in records {
        let record = record?;
        if WORDS.iter().any(|word| record.source.contains(word)) {
            let spec = Spec::parse(&record.file, &record.source)?;
            found.push(Pipeline { spec, record });
        }
    }
    found.retain(|pipeline| pipeline.triggers().next().is_some() || pipeline.clocks().next().is_some());
    Ok(found)
}

/// The pipeline with this name, if there is one.
pub fn find(facts: &Session, name: &PipelineName) -> Result<Option<Pipeline>, Error> {
    facts.get(&key(name))?.map(|bytes| Pipeline::read(&bytes)).transpose()
}

/// The pipeline with this name.
pub fn load(facts: &Session, name: &PipelineName) -> Result<Pipeline, Error> {
    find(facts, name)?.ok_or_else(|| Error::Unknown { name: name.clone() })
}

/// The pipeline as it was in this version, though it may be gone since.
pub fn version(facts: &Session, name: &PipelineName, version: u64) -> Result<Option<Pipeline>, Error> {
    facts.get(&version_key(name, version))?.map(|bytes| Pipeline::read(&bytes)).transpose()
}

/// All versions that a pipeline of this name had, the newest first, though it may be gone since.
pub fn versions(facts: &Session, name: &PipelineName) -> Result<Vec<Pipeline>, Error> {
    let mut raw = Vec::new();
    facts.scan(&[VERSIONS, name.as_str().as_bytes(), b"\0"].concat(), &mut |_, value| {
        raw.push(value.to_vec());
        ControlFlow::Continue(())
    })?;
    raw.iter().rev().map(|bytes| Pipeline::read(bytes)).collect()
}

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
    let spec = Spec::parse(&submission.file, &submission.source)?;
    let is_same =
        |old: &Pipeline| old.record.source == submission.source && old.record.code == submission.code;
    Ok(find(facts, &spec.name)?.filter(is_same))
}

/// Adds the pipeline and the output repos of its stages to `batch`. Repos that an earlier pipeline of the same name left are its
/// own again; those of stages that are no more become ordinary ones, and their jobs that wait are skipped.
pub fn submit(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    submission: Submission,
    submit: Submit,
    origin: &Origin,
) -> Result<Pipeline, Error> {
    let spec = Spec::parse(&submission.file, &submission.source)?;
    let at = key(&spec.name);
    let before = facts.get(&at)?;
    match (&before, submit) {
        (Some(_), Submit::Create) => return Err(Error::Exists { name: spec.name }),
        (None, Submit::Update) => return Err(Error::Unknown { name: spec.name }),
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
    skip_jobs(store, facts, batch, &pipeline.spec.name, Some(&pipeline.spec), origin)?;
    let bytes = codec::encode(VERSION, &pipeline.record)
        .map_err(|source| Error::Record { what: "a pipeline", source })?;
    batch.put(version_key(&pipeline.spec.name, version), bytes.clone());
    batch.expect(at.clone(), before).put(at, bytes);
    Ok(pipeline)
}

fn has_stage(spec: &Spec, stage: &str) -> bool {
    spec.stages.keys().any(|kept| kept.as_str() == stage)
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
    let bytes = codec::encode(VERSION, &Record { standing, ..record })
        .map_err(|source| Error::Record { what: "a pipeline", source })?;
    batch.expect(key(name), facts.get(&key(name))?).put(key(name), bytes);
    Ok(true)
}

/// Adds to `batch` that the jobs of the pipeline are skipped that wait and whose stage is not, or no longer, in `spec`; of a paused
/// pipeline, that all are cancelled.
pub fn skip_jobs(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    pipeline: &PipelineName,
    spec: Option<&Spec>,
    origin: &Origin,
) -> Result<(), Error> {
    if find(facts, pipeline)?.is_some_and(|pipeline| pipeline.record.standing == Standing::Paused) {
        return cancel::stop_pipeline(facts, batch, pipeline, origin).map(drop);
    }
    for job in job::living(facts)? {
        let is_kept = spec.is_some_and(|spec| has_stage(spec, &job.stage));
        if job.pipeline != pipeline.as_str() || is_kept {
            continue;
        }
        let mut skipped = job::as_it_stands(store, facts, job.clone())?;
        if skipped.state == State::Queued {
            skipped.state = State::Skipped;
            skipped.ended = Some(origin.time);
            skipped.error = Some(Error::StageGone { stage: job.stage_name() }.to_string());
            job::replace(batch, &job, &skipped)?;
        }
    }
    Ok(())
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

/// An error unless all pipelines together are as [`submit`] would let them be.
pub fn check(facts: &Session) -> Result<(), Error> {
    for pipeline in list(facts)? {
        check_graph(facts, &pipeline)?;
        outputs::check(facts, &pipeline)?;
    }
    Ok(())
}

/// Adds the removal of the pipeline to `batch`. Its output repos stay, and become ordinary ones; its jobs that wait are skipped.
pub fn delete(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    name: &PipelineName,
    origin: &Origin,
) -> Result<(), Error> {
    load(facts, name)?;
    let at = key(name);
    batch.expect(at.clone(), facts.get(&at)?).remove(at);
    outputs::release(facts, batch, name, &[])?;
    skip_jobs(store, facts, batch, name, None, origin)
}
