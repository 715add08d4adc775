//! What a pipeline file would do, before it does: which datums its stages would have, which of them would run, and why.

use super::base;
use super::builtin;
use super::command;
use super::error::Error;
use super::job::Job;
use super::registry::{self, Pipeline, output_name};
use super::results;
use super::spec::{Reprocess, Stage, Work};
use super::submission::{self, Submission, Submit};
use super::trigger::{self, Concerned, Runs};
use super::why::Why;
use crate::history::{self, Author};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{Digest, NodeId, ObjectWrite};
use crate::store::Store;
use crate::tree;

/// A stage on one branch, as it would be.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// `PIPELINE/STAGE`.
    pub stage: String,
    /// The branch of its output.
    pub branch: String,
    /// What is new about it.
    pub why: Why,
    /// What it would do.
    pub work: Foresight,
}

/// What a stage would do.
#[derive(Debug, Clone)]
pub enum Foresight {
    /// It waits for another stage, which has not run yet.
    Waits,
    /// It would run so many datums; a built-in stage does not list them.
    Count(u64),
    /// All its datums, in their order.
    Datums(Vec<Datum>),
}

/// A datum that a stage would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datum {
    /// Its name.
    pub name: String,
    /// What its result is found by.
    pub key: Digest,
    /// Whether its result is known.
    pub is_known: bool,
    /// The inputs that it reads: the name, how many files, how many bytes.
    pub inputs: Vec<(String, u64, u64)>,
}

impl Foresight {
    /// How many datums would run, if that can be told.
    pub fn to_run(&self) -> Option<u64> {
        match self {
            Self::Waits => None,
            Self::Count(count) => Some(*count),
            Self::Datums(datums) => Some(datums.iter().filter(|datum| !datum.is_known).count() as u64),
        }
    }
}

/// A pipeline as it would be, with its stages on all branches that are there.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Whether the file says what there is already, so that no version would be made.
    pub is_same: bool,
    /// Its stages, each after those whose output it reads.
    pub stages: Vec<Rehearsed>,
}

/// A stage with what it would read, and what is known from earlier runs.
struct Prospect {
    job: Job,
    stage: Stage,
    code: Digest,
    why: Why,
    table: Option<NodeId>,
}

/// Which stages a rehearsal tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Those that would run if the file were submitted so.
    Submitted(Submit),
    /// All, also those whose output is made of their inputs already.
    Whole,
}

/// Finds out what the file would do if it were submitted now. Nothing is changed; what has to be written to find out goes to `sink`.
pub fn rehearse(
    store: &Store,
    sink: &dyn ObjectWrite,
    author: &Author,
    submission: Submission,
    extent: Extent,
) -> Result<Rehearsal, Error> {
    let (pipeline, prospects) = {
        let mut facts = store.session()?;
        if extent == Extent::Submitted(Submit::Update)
            && let Some(pipeline) = submission::same(&facts, &submission)?
        {
            return Ok(Rehearsal { pipeline, is_same: true, stages: Vec::new() });
        }
        let origin = author.now();
        let spec = registry::parse(&submission.file, &submission.source)?;
        let before = registry::find(&facts, &spec.name)?;
        let how = match (extent, &before) {
            (Extent::Submitted(how), _) => how,
            (Extent::Whole, Some(_)) => Submit::Update,
            (Extent::Whole, None) => Submit::Create,
        };
        let mut batch = Batch::default();
        let pipeline = submission::submit(store, &facts, &mut batch, submission, how, &origin)?;
        let prospects = facts.suppose(&batch.writes, |facts| {
            let heads = trigger::heads(facts, &pipeline)?;
            let (name, mut never) = (&pipeline.spec.name, Batch::default());
            let concerned = match extent {
                Extent::Submitted(_) => Concerned::Stale(name, sink),
                Extent::Whole => Concerned::Only(name),
            };
            let caused =
                trigger::enqueue(facts, Some(sink), &mut never, &heads, concerned, Runs::ByBranch, &origin)?;
            let prospect = |job| prospect(facts, &pipeline, before.as_ref(), job);
            caused
                .jobs
                .into_iter()
                .filter_map(|job| prospect(job).transpose())
                .collect::<Result<Vec<_>, Error>>()
        })?;
        (pipeline, prospects)
    };
    let stages = prospects.into_iter().map(|prospect| foresee(sink, prospect)).collect::<Result<_, _>>()?;
    Ok(Rehearsal { pipeline, is_same: false, stages })
}

fn prospect(
    facts: &Session,
    pipeline: &Pipeline,
    before: Option<&Pipeline>,
    job: Job,
) -> Result<Option<Prospect>, Error> {
    let name = job.stage.parse().map_err(history::Error::from)?;
    let Some(stage) = pipeline.spec.stages.get(&name) else { return Ok(None) };
    let output = history::find(facts, &output_name(&pipeline.spec.name, &name)?)?;
    let table = output.map_or(Ok(None), |output| results::root(facts, &output))?;
    let why = Why::of(before, pipeline, &name, stage);
    Ok(Some(Prospect { job, stage: stage.clone(), code: pipeline.code_digest(stage), why, table }))
}

fn foresee(sink: &dyn ObjectWrite, prospect: Prospect) -> Result<Rehearsed, Error> {
    let Prospect { job, stage, code, why, table } = prospect;
    let work = match base::commits(&job) {
        None => Foresight::Waits,
        Some(commits) => {
            let now = base::roots(sink, commits)?;
            let then = vec![tree::empty(sink)?; now.len()];
            match &stage.work {
                Work::Command(command) => {
                    let every_job = command.reprocess == Reprocess::EveryJob;
                    let planned = command::plan(sink, &stage.input, &then, &now)?.datums;
                    let keys: Vec<Digest> = planned.iter().map(|datum| datum.key(&code)).collect();
                    let outcomes = results::find_each(sink, table, &keys)?;
                    let datum = |((datum, key), outcome): ((&command::Datum, &Digest), &Option<_>)| Datum {
                        name: datum.name().to_owned(),
                        key: *key,
                        is_known: !every_job && outcome.is_some(),
                        inputs: datum.inputs(),
                    };
                    Foresight::Datums(planned.iter().zip(&keys).zip(&outcomes).map(datum).collect())
                }
                _ => Foresight::Count(builtin::count(sink, table, code, &stage, &then, &now)?),
            }
        }
    };
    Ok(Rehearsed { stage: job.stage_name(), branch: job.branch, why, work })
}
