//! The pipelines of a store.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::error::Error;
use super::order::order;
use super::pachyderm;
use super::spec::{Clock, Command, Leaf, Spec, Stage, Work, place};
use crate::history;
use crate::ledger::Session;
use crate::object::{Digest, Entry, PipelineName, RepoName, StageName, TreePath, codec};

pub(super) const PIPELINES: &[u8] = b"pipeline/";
pub(super) const VERSIONS: &[u8] = b"pipeline-version/";
const VERSION: u8 = 1;

/// A registered pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// What its file says.
    pub spec: Arc<Spec>,
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

/// Where a pipeline lies.
pub(super) fn key(name: &PipelineName) -> Vec<u8> {
    [PIPELINES, name.as_str().as_bytes()].concat()
}

/// Where an older version of a pipeline lies.
pub(super) fn version_key(name: &PipelineName, version: u64) -> Vec<u8> {
    [VERSIONS, name.as_str().as_bytes(), b"\0", &version.to_be_bytes()].concat()
}

/// The newest version that a pipeline of this name ever had, though it is not the one that counts now; 0 if there was none.
pub(super) fn last_version(facts: &Session, name: &PipelineName) -> Result<u64, Error> {
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

    /// The fact's value.
    pub(super) fn write(&self) -> Result<Vec<u8>, Error> {
        codec::encode(VERSION, self).map_err(|source| Error::Record { what: "a pipeline", source })
    }
}

/// How many pipeline files this process remembers.
const REMEMBERED: usize = 64;

/// What the files say that were read last, by what they are. Every job asks for its pipeline again and again.
static PARSED: LazyLock<Cache<Digest, Arc<Spec>>> = LazyLock::new(|| Cache::new(REMEMBERED));

/// What this pipeline file says, whose name is for messages.
pub(super) fn parse(file: &str, source: &str) -> Result<Arc<Spec>, Error> {
    let id = Digest::of([file, source].join("\0").as_bytes());
    if let Some(spec) = PARSED.get(&id) {
        return Ok(spec);
    }
    let spec = Arc::new(Spec::parse(file, source)?);
    PARSED.insert(id, Arc::clone(&spec));
    Ok(spec)
}

impl Pipeline {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let record = Record::read(bytes)?;
        Ok(Self { spec: parse(&record.file, &record.source)?, record })
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
    pub(super) fn place(&self, at: usize) -> String {
        // Nobody but vds has seen the lines of a translation.
        if pachyderm::is_translation(&self.record.source) {
            return self.record.file.clone();
        }
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
            let spec = parse(&record.file, &record.source)?;
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
    find(facts, name)?.ok_or_else(|| unknown(facts, name))
}

/// The error that no pipeline has this name, with the names that are most like it.
pub fn unknown(facts: &Session, name: &PipelineName) -> Error {
    match list(facts) {
        Ok(all) => {
            let names = all.into_iter().map(|pipeline| pipeline.spec.name.to_string());
            let near = history::nearest(name.as_str(), names);
            Error::NoSuch { noun: "pipeline", name: name.to_string(), near, list: "vds pipeline list" }
        }
        Err(error) => error,
    }
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
