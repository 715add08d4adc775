//! What an earlier job of a stage left, from which the next one starts: so that a job costs what has changed.

use std::collections::BTreeSet;

use super::command;
use super::error::Error;
use super::job::{Job, JobSource};
use super::pattern::PathPattern;
use super::registry::{self, Pipeline, output_name};
use super::spec::{Stage, Work};
use crate::history::{self, Repo};
use crate::object::{CommitId, Digest, NodeId, ObjectRead, Provenance};
use crate::snapshot::{Change, Snapshot};
use crate::store::Store;
use crate::tree;

/// How far back in an input's history an earlier output is looked for.
const HORIZON: usize = 1000;

/// What an earlier job of the stage read and left.
#[derive(Debug, Clone)]
pub(super) struct Base {
    /// The trees of its inputs, in the order of the stage's sources.
    pub(super) inputs: Vec<NodeId>,
    pub(super) output: NodeId,
    pub(super) state: NodeId,
}

/// Which earlier outputs a job may start from.
pub(super) struct Wanted<'a> {
    pub(super) store: &'a Store,
    pub(super) output: &'a Repo,
    pub(super) branch: &'a str,
    /// What the stage does and how it cuts its inputs.
    pub(super) plan: Digest,
    /// What it is to read.
    pub(super) inputs: &'a [CommitId],
}

/// The trees of these commits.
pub(super) fn roots(
    objects: &dyn ObjectRead,
    commits: impl IntoIterator<Item = CommitId>,
) -> Result<Vec<NodeId>, Error> {
    commits.into_iter().map(|commit| Ok(history::load(objects, commit)?.tree)).collect()
}

/// The nearest output of the same plan: the branch's own newest, or that of the nearest ancestor of the first input.
pub(super) fn find(wanted: &Wanted<'_>) -> Result<Option<Base>, Error> {
    let objects: &dyn ObjectRead = wanted.store.objects();
    let branch = wanted.branch.parse().map_err(history::Error::from)?;
    let head = {
        let facts = wanted.store.session()?;
        history::head(&facts, wanted.output, &branch)?
    };
    let usable = |id: CommitId| -> Result<Option<Base>, Error> {
        let commit = history::load(objects, id)?;
        match commit.provenance {
            Some(Provenance { code, inputs, state, .. })
                if code == wanted.plan && inputs.len() == wanted.inputs.len() =>
            {
                let inputs = roots(objects, inputs.iter().map(|input| input.commit))?;
                Ok(Some(Base { inputs, output: commit.tree, state }))
            }
            _ => Ok(None),
        }
    };
    if let Some(base) = head.map_or(Ok(None), usable)? {
        return Ok(Some(base));
    }
    let Some(first) = wanted.inputs.first() else { return Ok(None) };
    let ancestors: Vec<CommitId> = history::Log::new(objects, [*first])
        .take(HORIZON)
        .map(|item| item.map(|(id, _)| id))
        .collect::<Result<_, _>>()?;
    let facts = wanted.store.session()?;
    let mut found = None;
    for ancestor in &ancestors {
        found = history::derived(&facts, wanted.output, ancestor)?;
        if found.is_some() {
            break;
        }
    }
    drop(facts);
    found.map_or(Ok(None), usable)
}

/// The paths that a pattern covers and that differ between two trees.
pub(super) fn changes(
    objects: &dyn ObjectRead,
    then: NodeId,
    now: NodeId,
    glob: &PathPattern,
) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for change in Snapshot::new(objects, then).diff(&Snapshot::new(objects, now), glob.prefix()) {
        let change = change?;
        if glob.unit(change.path.as_str()).is_some() {
            changes.push(change);
        }
    }
    Ok(changes)
}

/// How many units of the first input these changes touch, and at least one.
pub(super) fn count_units(glob: Option<&PathPattern>, changes: Option<&Vec<Change>>) -> u64 {
    let (Some(glob), Some(changes)) = (glob, changes) else { return 1 };
    let units: BTreeSet<&str> = changes.iter().filter_map(|change| glob.unit(change.path.as_str())).collect();
    (units.len() as u64).max(1)
}

/// How many datums a queued job will have to look at, because what they read has changed; `None` while one of its inputs is
/// still to be made. Reads what has changed, not what is there.
pub fn count(store: &Store, job: &Job) -> Result<Option<u64>, Error> {
    let commit = |source| match source {
        JobSource::Commit(commit) => Some(commit),
        JobSource::Job(_) => None,
    };
    let inputs: Option<Vec<CommitId>> = job.inputs.iter().map(|input| commit(input.source)).collect();
    let Some(inputs) = inputs else { return Ok(None) };
    let name = job.stage.parse().map_err(history::Error::from)?;
    let (pipeline, output) = {
        let facts = store.session()?;
        let pipeline = registry::load(&facts, &job.pipeline.parse().map_err(history::Error::from)?)?;
        let output = history::load_repo(&facts, &output_name(&pipeline.spec.name, &name)?)?;
        (pipeline, output)
    };
    let Some(stage) = pipeline.spec.stages.get(&name) else { return Ok(None) };
    count_for(store, &pipeline, stage, &output, &job.branch, &inputs).map(Some)
}

fn count_for(
    store: &Store,
    pipeline: &Pipeline,
    stage: &Stage,
    output: &Repo,
    branch: &str,
    inputs: &[CommitId],
) -> Result<u64, Error> {
    let objects: &dyn ObjectRead = store.objects();
    let wanted = Wanted { store, output, branch, plan: pipeline.plan_digest(stage), inputs };
    let base = find(&wanted)?;
    let now = roots(objects, inputs.iter().copied())?;
    let writer = store.writer();
    let empty = tree::empty(&writer)?;
    let then = base.map_or_else(|| vec![empty; now.len()], |base| base.inputs);
    if let Work::Command(_) = stage.work {
        return Ok(command::plan(&writer, &stage.input, &then, &now)?.datums.len() as u64);
    }
    let sources = stage.input.sources();
    let glob = sources.first().map(|(_, source)| &source.glob);
    let changed = match (glob, then.first(), now.first()) {
        (Some(glob), Some(then), Some(now)) => Some(changes(&writer, *then, *now, glob)?),
        _ => None,
    };
    Ok(count_units(glob, changed.as_ref()))
}
