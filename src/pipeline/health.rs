//! How the stages of a pipeline stand: what they have made, and whether that is what their inputs would make now.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::changes::{self, At, Changes};
use super::error::Error;
use super::job::{self, Filter, Job, JobSource, Phase};
use super::registry::{self, Pipeline, is_output, output_name};
use super::silent;
use super::spec::Stage;
use crate::history::{self, Repo};
use crate::ledger::Session;
use crate::object::{BranchName, ObjectRead, Provenance, StageName};
use crate::store::Store;

/// A stage of a pipeline, as it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The stage.
    pub stage: StageName,
    /// What it reads, as the pipeline file says it.
    pub sources: Vec<String>,
    /// The stages of the same pipeline whose output it reads.
    pub after: Vec<StageName>,
    /// The inputs at which nothing has come yet.
    pub awaits: Vec<String>,
    /// How it stands on each of its branches.
    pub branches: BTreeMap<BranchName, Health>,
}

/// How a stage stands on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Its output is what its inputs make now.
    Fresh,
    /// It is not, because these have changed since.
    Stale(BTreeSet<Cause>),
    /// It will not be, once jobs have ended that are to make these.
    Waiting(BTreeSet<Cause>),
    /// This job waits.
    Queued(u64),
    /// This job runs.
    Running(u64),
    /// This job, its newest, failed.
    Failed(u64),
    /// This job, its newest, was cancelled, and its output is not what its inputs make now, because of these.
    Cancelled(u64, BTreeSet<Cause>),
    /// The same of one that was skipped.
    Skipped(u64, BTreeSet<Cause>),
    /// It has made nothing.
    Empty,
}

/// What makes an output stale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// What the stage does.
    Code,
    /// How it cuts its inputs or puts outputs together.
    Cut,
    /// What this input holds.
    Input(String),
    /// The output of this stage before it, which is not what its inputs make now.
    Upstream(StageName),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code => f.write_str("code"),
            Self::Cut => f.write_str("parameter"),
            Self::Input(name) => write!(f, "input {name}"),
            Self::Upstream(stage) => write!(f, "upstream {stage}"),
        }
    }
}

impl Health {
    /// The state in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale(_) => "stale",
            Self::Waiting(_) => "waiting",
            Self::Queued(_) => "queued",
            Self::Running(_) => "running",
            Self::Failed(_) => "failed",
            Self::Cancelled(..) => "cancelled",
            Self::Skipped(..) => "skipped",
            Self::Empty => "empty",
        }
    }

    /// The job that it is about, if it is about one.
    pub fn job(&self) -> Option<u64> {
        match self {
            Self::Queued(id)
            | Self::Running(id)
            | Self::Failed(id)
            | Self::Cancelled(id, _)
            | Self::Skipped(id, _) => Some(*id),
            Self::Fresh | Self::Stale(_) | Self::Waiting(_) | Self::Empty => None,
        }
    }

    /// Why it is stale, or what it waits for.
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::Stale(causes)
            | Self::Waiting(causes)
            | Self::Cancelled(_, causes)
            | Self::Skipped(_, causes) => causes.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }
}

/// The stages of the pipeline, each after those whose output it reads, with how they stand.
pub fn health(store: &Store, pipeline: &Pipeline) -> Result<Vec<Node>, Error> {
    let mut newest: HashMap<(String, String), Job> = HashMap::new();
    let (known, mut nodes, mut places) = {
        let facts = store.session()?;
        let (mut nodes, mut places) = (Vec::new(), Vec::new());
        for (name, stage) in pipeline.stages_in_order() {
            let (node, heads) = node(&facts, pipeline, name, stage)?;
            places.push(heads);
            nodes.push(node);
        }
        (job::known(store, &facts)?, nodes, places)
    };
    // Newest first: the first of a branch is its newest. Jobs of branches that are gone have nothing to say.
    let places_of = |node: &Node| {
        let stage = node.stage.to_string();
        node.branches.keys().map(move |branch| (stage.clone(), branch.to_string())).collect::<Vec<_>>()
    };
    let mut open: BTreeSet<(String, String)> = nodes.iter().flat_map(places_of).collect();
    let filter = Filter { pipeline: Some(pipeline.spec.name.to_string()), ..Filter::default() };
    known.visit(store.objects(), &filter, &mut |job| {
        let place = (job.stage.clone(), job.branch.clone());
        if open.remove(&place) {
            newest.insert(place, job);
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut versions = Versions { store, pipeline, known: HashMap::new() };
    // How those stand that were looked at, by what they write.
    let mut before: HashMap<At, (StageName, Health)> = HashMap::new();
    for (node, heads) in nodes.iter_mut().zip(&mut places) {
        let Some(stage) = pipeline.spec.stages.get(&node.stage) else { continue };
        let output = output_name(&pipeline.spec.name, &node.stage)?;
        for (branch, health) in &mut node.branches {
            let job = newest.get(&(node.stage.to_string(), branch.to_string()));
            let made = heads.remove(branch);
            let own = settle(&mut versions, stage, job, made)?;
            let upstream = changes::untriggered(stage, branch).filter_map(|at| before.get(&at));
            *health = last_job(follow(own, upstream), job);
            before.insert((output.clone(), branch.clone()), (node.stage.clone(), health.clone()));
        }
    }
    Ok(nodes)
}

/// How a stage stands that is well by itself, after these.
fn follow<'a>(own: Health, upstream: impl Iterator<Item = &'a (StageName, Health)>) -> Health {
    if own != Health::Fresh {
        return own;
    }
    let (mut stale, mut waiting) = (BTreeSet::new(), BTreeSet::new());
    for (stage, health) in upstream {
        let cause = Cause::Upstream(stage.clone());
        match health {
            Health::Fresh => continue,
            Health::Queued(_) | Health::Running(_) | Health::Waiting(_) => waiting.insert(cause),
            Health::Stale(_)
            | Health::Failed(_)
            | Health::Cancelled(..)
            | Health::Skipped(..)
            | Health::Empty => stale.insert(cause),
        };
    }
    match (waiting.is_empty(), stale.is_empty()) {
        (true, true) => own,
        (true, false) => Health::Stale(stale),
        (false, _) => Health::Waiting(waiting),
    }
}

/// How a stage stands whose newest job is this: where there is something to do, whether it was not to do it.
fn last_job(health: Health, job: Option<&Job>) -> Health {
    let causes = match &health {
        Health::Stale(causes) | Health::Waiting(causes) => causes.clone(),
        Health::Empty => BTreeSet::new(),
        _ => return health,
    };
    match job.map(|job| (job.state.phase(), job.id)) {
        Some((Phase::Cancelled, id)) => Health::Cancelled(id, causes),
        Some((Phase::Skipped, id)) => Health::Skipped(id, causes),
        _ => health,
    }
}

/// What a branch of a stage's output stands on: what made it, and what its inputs are now.
struct Place {
    made: Option<crate::object::CommitId>,
    inputs: Vec<(String, JobSource)>,
}

fn node(
    facts: &Session,
    pipeline: &Pipeline,
    name: &StageName,
    stage: &Stage,
) -> Result<(Node, BTreeMap<BranchName, Place>), Error> {
    let output = output_name(&pipeline.spec.name, name)?;
    let (repo, unchanged): (Option<Repo>, _) = (history::find(facts, &output)?, Changes::default());
    let mut places = BTreeMap::new();
    for branch in changes::all_branches(facts, stage, &unchanged)? {
        let Some(inputs) = changes::inputs(facts, &output, stage, &branch, &unchanged)? else { continue };
        let made = match &repo {
            Some(repo) => history::head(facts, repo, &branch)?,
            None => None,
        };
        let inputs = inputs.into_iter().map(|input| (input.name, input.source)).collect();
        places.insert(branch, Place { made, inputs });
    }
    let sources = stage.input.sources();
    let is_read = |other: &&StageName| {
        sources.iter().any(|(_, source)| is_output(&source.repo, &pipeline.spec.name, other))
    };
    let node = Node {
        stage: name.clone(),
        sources: sources.iter().map(|(_, source)| source.to_string()).collect(),
        after: pipeline.spec.stages.keys().filter(is_read).cloned().collect(),
        awaits: silent::awaited(facts, stage)?,
        branches: places.keys().map(|branch| (branch.clone(), Health::Empty)).collect(),
    };
    Ok((node, places))
}

fn settle(
    versions: &mut Versions<'_>,
    stage: &Stage,
    job: Option<&Job>,
    place: Option<Place>,
) -> Result<Health, Error> {
    let Versions { store, pipeline, .. } = *versions;
    let objects: &dyn ObjectRead = store.objects();
    if let Some(job) = job {
        match job.state.phase() {
            Phase::Queued => return Ok(Health::Queued(job.id)),
            Phase::Running => return Ok(Health::Running(job.id)),
            Phase::Failed => return Ok(Health::Failed(job.id)),
            Phase::Succeeded | Phase::Skipped | Phase::Cancelled | Phase::Superseded => {}
        }
    }
    let Some(Place { made, inputs }) = place else { return Ok(Health::Empty) };
    let coming = inputs.iter().filter(|(_, source)| matches!(source, JobSource::Job(_)));
    let coming: BTreeSet<Cause> = coming.map(|(name, _)| Cause::Input(name.clone())).collect();
    if !coming.is_empty() {
        return Ok(Health::Waiting(coming));
    }
    let Some(head) = made else { return Ok(Health::Empty) };
    let Some(made) = history::load(objects, head)?.provenance else { return Ok(Health::Empty) };
    let mut causes = BTreeSet::new();
    if made.code != pipeline.plan_digest(stage) {
        causes.insert(versions.cause(stage, &made)?);
    }
    for (at, (name, source)) in inputs.into_iter().enumerate() {
        // Names alone do not tell: in a union, several have one.
        let in_place = made.inputs.get(at).filter(|input| input.name == name);
        let read = in_place.or_else(|| made.inputs.iter().find(|input| input.name == name));
        let is_read = |commit| read.is_some_and(|input| input.commit == commit);
        if !matches!(source, JobSource::Commit(commit) if is_read(commit)) {
            causes.insert(Cause::Input(name));
        }
    }
    Ok(if causes.is_empty() { Health::Fresh } else { Health::Stale(causes) })
}

/// Older versions of a pipeline, each looked up once.
struct Versions<'a> {
    store: &'a Store,
    pipeline: &'a Pipeline,
    known: HashMap<u64, Option<Pipeline>>,
}

impl Versions<'_> {
    /// Whether the stage does something else since it made this, or only cuts differently.
    fn cause(&mut self, stage: &Stage, made: &Provenance) -> Result<Cause, Error> {
        let name = made.stage.parse().map_err(history::Error::from)?;
        let then = match self.known.entry(made.version) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let facts = self.store.session()?;
                unknown.insert(registry::version(&facts, &self.pipeline.spec.name, made.version)?)
            }
        };
        let same = then.as_ref().is_some_and(|then| {
            let old = then.spec.stages.get(&name);
            old.is_some_and(|old| then.code_digest(old) == self.pipeline.code_digest(stage))
        });
        Ok(if same { Cause::Cut } else { Cause::Code })
    }
}
