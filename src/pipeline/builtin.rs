//! The work of a built-in stage: one function over whole trees, started from what an earlier job left.
//!
//! What the parts of the work come to is kept in the table of results as well, so that what one branch brought costs nothing on
//! another: after a merge the parts are only put together.

use super::base::{self, Base};
use super::error::Error;
use super::job::Datums;
use super::parts::Parts;
use super::pattern::PathPattern;
use super::results::{self, Outcome};
use super::spec::{Input as Sources, Stage, Work};
use super::stage::{self, Change, Earlier, Effort, Input, bin, measure, select};
use super::task::{Account, Done, Failure, Task};
use super::view::{Sink, View};
use crate::content;
use crate::draft::Draft;
use crate::object::{Digest, Entry, FileKind, NodeId, ObjectRead, ObjectWrite};
use crate::snapshot;
use crate::tree;

pub(super) fn work(task: &Task<'_>, sink: &dyn ObjectWrite) -> Result<Done, Failure> {
    let objects: &dyn ObjectRead = task.store.objects();
    let globs: Vec<&PathPattern> =
        task.stage.input.sources().into_iter().map(|(_, source)| &source.glob).collect();
    let roots = base::roots(objects, task.commits())?;
    let key = key(&task.code, &task.stage.input, &roots);
    let (base, table) = if task.is_anew() { (None, None) } else { (task.base()?, task.table) };
    let empty = tree::empty(sink)?;
    let before = base.as_ref().map_or_else(|| vec![empty; roots.len()], |base| base.inputs.clone());
    let mut changes = Vec::new();
    for ((glob, now), then) in globs.iter().zip(&roots).zip(&before) {
        changes.push(base::changes(sink, *then, *now, glob)?);
    }
    let units = base::count_units(globs.first().copied(), changes.first());
    if let Some(outcome) = results::find(objects, table, &key)? {
        let account = account(Datums { reused: units, ..Datums::default() }, Some(outcome.logs));
        return Ok(Done { outcome, account, results: Vec::new() });
    }
    let mut parts = Parts::new(sink, table, task.code)?;
    let anew = match (&task.stage.work, globs.first(), changes.first(), roots.first()) {
        (Work::Bin(_), Some(glob), Some(changes), Some(root)) => parts.count_new(*root, glob, changes)?,
        _ => units,
    };
    let changes: Vec<Vec<Change>> =
        changes.into_iter().map(|changes| changes.into_iter().map(told).collect()).collect();
    let trees = Trees { globs: &globs, now: &roots, then: &before, changes: &changes, base: base.as_ref() };
    let (outcome, effort) = apply(task, sink, &trees, &mut parts).map_err(|error| Failure {
        error,
        account: account(Datums { failed: 1, ..Datums::default() }, None),
    })?;
    let processed = if effort == Effort::Found { 0 } else { anew };
    let datums = Datums { processed, reused: units.saturating_sub(processed), ..Datums::default() };
    let results = parts.made.into_iter().chain([(key, outcome)]).collect();
    Ok(Done { outcome, account: account(datums, Some(outcome.logs)), results })
}

/// The account of a stage that keeps no books on each datum.
fn account(datums: Datums, logs: Option<NodeId>) -> Account {
    Account { datums, logs, ..Account::default() }
}

fn told(snapshot::Change { path, before, after }: snapshot::Change) -> Change {
    Change { path, before, after }
}

/// The datum key: what the stage does, and all that it reads.
fn key(code: &Digest, inputs: &Sources, roots: &[NodeId]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"vds datum 1\0").update(code.as_bytes());
    for ((name, source), root) in inputs.sources().into_iter().zip(roots) {
        let glob = source.glob.to_string();
        hasher.update(name.as_bytes()).update(b"\0").update(glob.as_bytes()).update(b"\0");
        hasher.update(root.digest().as_bytes());
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// How many units of its first input a stage would work on whose inputs were the trees `then` and are those of `now`: those of
/// which the table has nothing.
pub(super) fn count(
    sink: &dyn ObjectWrite,
    table: Option<NodeId>,
    code: Digest,
    stage: &Stage,
    then: &[NodeId],
    now: &[NodeId],
) -> Result<u64, Error> {
    if results::find(sink, table, &key(&code, &stage.input, now))?.is_some() {
        return Ok(0);
    }
    let sources = stage.input.sources();
    let (Some((_, source)), Some(then), Some(root)) = (sources.first(), then.first(), now.first()) else {
        return Ok(1);
    };
    let changes = base::changes(sink, *then, *root, &source.glob)?;
    match stage.work {
        Work::Bin(_) => Parts::new(sink, table, code)?.count_new(*root, &source.glob, &changes),
        _ => Ok(base::count_units(Some(&source.glob), Some(&changes))),
    }
}

/// What a job reads: for each source what it covers, the tree now and that of the earlier job, and what differs.
struct Trees<'a> {
    globs: &'a [&'a PathPattern],
    now: &'a [NodeId],
    then: &'a [NodeId],
    changes: &'a [Vec<Change>],
    base: Option<&'a Base>,
}

fn apply(
    task: &Task<'_>,
    sink: &dyn ObjectWrite,
    trees: &Trees<'_>,
    parts: &mut Parts<'_>,
) -> Result<(Outcome, Effort), Error> {
    let Trees { globs, now, then, changes, base } = *trees;
    let empty = tree::empty(sink)?;
    let now: Vec<View<'_>> =
        globs.iter().zip(now).map(|(glob, root)| View::new(sink, *root, Some(glob))).collect();
    let then: Vec<View<'_>> =
        globs.iter().zip(then).map(|(glob, root)| View::new(sink, *root, Some(glob))).collect();
    let inputs: Vec<Input<'_>> = now
        .iter()
        .zip(&then)
        .zip(changes)
        .map(|((now, before), changes)| Input { now, before, changes })
        .collect();
    let old_output = View::new(sink, base.map_or(empty, |base| base.output), None);
    let old_state = View::new(sink, base.map_or(empty, |base| base.state), None);
    let earlier = base.map(|_| Earlier { output: &old_output, state: &old_state });
    let mut output = Sink { objects: sink, draft: Draft::new(base.map_or(empty, |base| base.output)) };
    let mut state = Sink { objects: sink, draft: Draft::new(base.map_or(empty, |base| base.state)) };
    let report = match (&task.stage.work, inputs.as_slice()) {
        (Work::Bin(params), [input]) => bin::run(params, input, earlier, &mut output, &mut state, parts)?,
        (Work::Measure(params), [bins, truth]) => {
            measure::run(params, bins, truth, earlier, &mut output, &mut state, parts)?
        }
        (Work::Select(params), [scores]) => select::run(params, scores, earlier, &mut output, &mut state)?,
        _ => {
            let reason = "the stage's inputs are not those it needs".to_owned();
            return Err(Error::Failed { reason, hint: None });
        }
    };
    let logs = log_tree(sink, &report)?;
    let (output, _) = output.draft.finish(sink)?;
    let (state, _) = state.draft.finish(sink)?;
    Ok((Outcome { output, state, logs }, report.effort))
}

fn log_tree(sink: &dyn ObjectWrite, report: &stage::Report) -> Result<NodeId, Error> {
    let text: String = report.lines.iter().map(|line| format!("{line}\n")).collect();
    let kept = content::keep_bytes(sink, text.as_bytes())?;
    let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
    Ok(tree::build(sink, [(b"all".to_vec(), entry)])?)
}
