//! What an earlier job of a stage left, from which the next one starts: so that a job costs what has changed.

use std::collections::BTreeSet;

use super::builtin;
use super::command;
use super::error::Error;
use super::job::{Job, JobSource, Results};
use super::pattern::PathPattern;
use super::registry::{self, Pipeline, output_name};
use super::results;
use super::spec::{Reprocess, Work};
use super::trigger::{self, Concerned, Moved, Runs};
use crate::history::{self, Author, Repo};
use crate::meta::Batch;
use crate::object::{AccessError, CommitId, Digest, NodeId, ObjectRead, ObjectWrite, Provenance};
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
    commits.into_iter().map(|commit| Ok(history::load_whole(objects, commit)?.tree)).collect()
}

/// The nearest output of the same plan: the branch's own newest, or that of the nearest ancestor of the first input.
pub(super) fn find(wanted: &Wanted<'_>) -> Result<Option<Base>, Error> {
    let objects: &dyn ObjectRead = wanted.store.objects();
    let branch = wanted.branch.parse().map_err(history::Error::from)?;
    let (head, purges) = {
        let facts = wanted.store.session()?;
        (history::head(&facts, wanted.output, &branch)?, history::purges(&facts)?)
    };
    // One that was made with what has been taken out since tells nothing of what the inputs have now.
    let usable = |id| {
        let is_stale = purges.is_stale(objects, id)?;
        if is_stale { Ok(None) } else { usable(objects, id, &wanted.plan, wanted.inputs.len()) }
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

/// What the output `id` left, if it is of this plan and so many inputs.
pub(super) fn usable(
    objects: &dyn ObjectRead,
    id: CommitId,
    plan: &Digest,
    count: usize,
) -> Result<Option<Base>, Error> {
    let commit = match history::load_whole(objects, id) {
        Err(history::Error::LetGo { .. }) => return Ok(None),
        other => other?,
    };
    match commit.provenance {
        Some(Provenance { code, inputs, state, .. }) if code == *plan && inputs.len() == count => {
            let inputs = left(objects, inputs.iter().map(|input| input.commit))?;
            Ok(inputs.map(|inputs| Base { inputs, output: commit.tree, state }))
        }
        _ => Ok(None),
    }
}

/// The trees of these commits, if all are still there: what was read and is on no branch any more may have been collected, and rules let
/// files go.
fn left(
    objects: &dyn ObjectRead,
    commits: impl IntoIterator<Item = CommitId>,
) -> Result<Option<Vec<NodeId>>, Error> {
    match roots(objects, commits) {
        Err(Error::History(
            history::Error::LetGo { .. } | history::Error::Object(AccessError::Missing { .. }),
        )) => Ok(None),
        other => other.map(Some),
    }
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

/// How many datums a queued job will have to run: what they read has changed, and no result of them is known. `None` while one of
/// its inputs is still to be made. Reads what has changed, not what is there.
pub fn count(store: &Store, job: &Job) -> Result<Option<u64>, Error> {
    let Some(inputs) = commits(job) else { return Ok(None) };
    let trees = roots(store.objects(), inputs.iter().copied())?;
    count_for(store, &store.writer(), job, &inputs, trees)
}

/// The commits that a job reads, if all are there.
pub(super) fn commits(job: &Job) -> Option<Vec<CommitId>> {
    let commit = |source| match source {
        JobSource::Commit(commit) => Some(commit),
        JobSource::Job(_) => None,
    };
    job.inputs.iter().map(|input| commit(input.source)).collect()
}

/// A stage that would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// `PIPELINE/STAGE`.
    pub stage: String,
    /// The branch of its output.
    pub branch: String,
    /// How many datums it would run, those left out whose results are known; `None` if it waits for another stage.
    pub datums: Option<u64>,
}

/// Which stages would run if the branch got a commit with the tree `tree` on top of `head`. The commit itself need not exist.
pub fn foresee(
    store: &Store,
    sink: &dyn ObjectWrite,
    author: &Author,
    moved: &Moved,
    head: Option<CommitId>,
    tree: NodeId,
) -> Result<Vec<Foreseen>, Error> {
    let caused = {
        let mut never_applied = Batch::default();
        trigger::enqueue(
            &store.session()?,
            // The commit cannot be read yet.
            None,
            &mut never_applied,
            std::slice::from_ref(moved),
            Concerned::All,
            Runs::One,
            &author.now(),
        )?
    };
    let mut foreseen = Vec::new();
    for job in caused.jobs {
        let datums = match commits(&job) {
            None => None,
            Some(inputs) => {
                let of = |id: &CommitId| {
                    if *id == moved.commit { Ok(tree) } else { Ok(history::load(sink, *id)?.tree) }
                };
                let trees = inputs.iter().map(of).collect::<Result<Vec<_>, Error>>()?;
                let known: Vec<CommitId> = inputs
                    .iter()
                    .filter_map(|id| if *id == moved.commit { head } else { Some(*id) })
                    .collect();
                count_for(store, sink, &job, &known, trees)?
            }
        };
        foreseen.push(Foreseen { stage: job.stage_name(), branch: job.branch, datums });
    }
    Ok(foreseen)
}

/// The pipeline of a job as it is now, the repo of the job's output, and the table of earlier results.
pub(super) fn surroundings(store: &Store, job: &Job) -> Result<(Pipeline, Repo, Option<NodeId>), Error> {
    let facts = store.session()?;
    let name = job.stage.parse().map_err(history::Error::from)?;
    let pipeline = registry::load(&facts, &job.pipeline.parse().map_err(history::Error::from)?)?;
    let output = history::load_repo(&facts, &output_name(&pipeline.spec.name, &name)?)?;
    let table = results::root(&facts, &output)?;
    Ok((pipeline, output, table))
}

/// How many datums a job has to run whose inputs have the trees `now`. Its earlier output is looked for in the history of `inputs`.
fn count_for(
    store: &Store,
    sink: &dyn ObjectWrite,
    job: &Job,
    inputs: &[CommitId],
    now: Vec<NodeId>,
) -> Result<Option<u64>, Error> {
    let name = job.stage.parse().map_err(history::Error::from)?;
    let (pipeline, output, table) = surroundings(store, job)?;
    let Some(stage) = pipeline.spec.stages.get(&name) else { return Ok(None) };
    let wanted =
        Wanted { store, output: &output, branch: &job.branch, plan: pipeline.plan_digest(stage), inputs };
    let empty = tree::empty(sink)?;
    let then = find(&wanted)?.map_or_else(|| vec![empty; now.len()], |base| base.inputs);
    let is_anew = job.results == Results::Anew
        || matches!(&stage.work, Work::Command(command) if command.reprocess == Reprocess::EveryJob);
    let (then, table) = if is_anew { (vec![empty; now.len()], None) } else { (then, table) };
    let code = pipeline.code_digest(stage);
    if !matches!(stage.work, Work::Command(_)) {
        return Ok(Some(builtin::count(sink, table, code, stage, &then, &now)?));
    }
    let datums = command::plan(sink, &stage.input, &then, &now)?.datums;
    let keys: Vec<Digest> = datums.iter().map(|datum| datum.key(&code)).collect();
    let outcomes = results::find_each(sink, table, &keys)?;
    Ok(Some(outcomes.iter().filter(|outcome| outcome.is_none()).count() as u64))
}
