//! The datums of a job, one by one: what became of each, what it read and wrote, and how to run it by hand.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::base::{self, Base};
use super::command::{self, Datum};
use super::error::Error;
use super::flight::{Flight, Flights};
use super::job::Job;
use super::origin::{self, Part};
use super::perform;
use super::registry::{self, Pipeline, output_name};
use super::report::{self, Fate, Noted};
use super::results;
use super::spec::{Stage, Work};
use super::task::Task;
use crate::checkout;
use crate::history::{self, Author};
use crate::object::{CommitId, Digest, Entry, InputCommit, NodeId, ObjectRead, StageName, TreePath};
use crate::progress::Silent;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::tree::Cursor;

/// A datum of a job.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub fate: Fate,
    /// What its result is found by, if it is known: the hash of what the stage does and of all that the datum reads.
    pub key: Option<Digest>,
    /// What it reads.
    pub parts: Vec<Part>,
    /// What it wrote, if it has a result.
    pub output: Option<Vec<(TreePath, Entry)>>,
    /// What it printed.
    pub log: Option<Entry>,
}

/// A datum with all that decides what it is.
struct Found {
    pipeline: Pipeline,
    stage: StageName,
    inputs: Vec<InputCommit>,
    datum: Datum,
    key: Option<Digest>,
    fate: Fate,
}

impl Found {
    fn stage(&self) -> Option<&Stage> {
        self.pipeline.spec.stages.get(&self.stage)
    }
}

/// Visits the names of the job's datums, in their order, with what became of each, until `visit` has had enough. Of a job that published
/// nothing, those that it had to do with so far.
pub fn datums(
    store: &Store,
    job: &Job,
    visit: &mut dyn FnMut(String, Fate) -> ControlFlow<()>,
) -> Result<(), Error> {
    let objects: &dyn ObjectRead = store.objects();
    let mut noted = report::all(objects, report(job)?)?;
    let Some(state) = state(objects, job)? else {
        let mut all: Vec<(String, Noted)> = noted.into_iter().collect();
        all.sort_by(|(_, a), (_, b)| a.order.cmp(&b.order));
        for (name, Noted { fate, .. }) in all {
            if visit(name, fate).is_break() {
                break;
            }
        }
        return Ok(());
    };
    for item in command::datums(objects, state)? {
        let (_, name) = item?;
        // What the job had nothing to do with is as it was.
        let fate = noted.remove(&name).map_or(Fate::Reused, |noted| noted.fate);
        if visit(name, fate).is_break() {
            return Ok(());
        }
    }
    // Those that came to nothing, without failing.
    for (name, Noted { fate, .. }) in noted {
        if visit(name, fate).is_break() {
            break;
        }
    }
    Ok(())
}

fn report(job: &Job) -> Result<NodeId, Error> {
    let hint = if job.state.is_living() {
        "it has one when it runs and its first datums have ended"
    } else {
        "one of a built-in stage, or that did not get as far, has none; `vds why` tells what made a file"
    };
    job.report.ok_or(Error::NoDatums { id: job.id, hint })
}

/// The private state of what the job published.
fn state(objects: &dyn ObjectRead, job: &Job) -> Result<Option<NodeId>, Error> {
    let Some(output) = job.output else { return Ok(None) };
    Ok(history::load_whole(objects, output)?.provenance.map(|made| made.state))
}

fn find(store: &Store, job: &Job, name: &str) -> Result<Found, Error> {
    let objects: &dyn ObjectRead = store.objects();
    let unknown = || Error::UnknownDatum { id: job.id, name: name.to_owned() };
    let (order, key, fate) = match report::find(objects, report(job)?, name)? {
        Some(Noted { order, key, fate }) => (order, Some(key), fate),
        None => (carried_over(objects, job, name)?.ok_or_else(unknown)?, None, Fate::Reused),
    };
    let of = job.pipeline.parse().map_err(history::Error::from)?;
    let pipeline = registry::version(&store.session()?, &of, job.version)?;
    let gone = || Error::StageGone { stage: job.stage_name() };
    let (pipeline, stage) = (pipeline.ok_or_else(gone)?, job.stage.parse().map_err(history::Error::from)?);
    let (inputs, datum) = {
        let stage = pipeline.spec.stages.get(&stage).ok_or_else(gone)?;
        let inputs = perform::inputs(job, stage);
        let commits: Vec<CommitId> = inputs.iter().map(|input| input.commit).collect();
        let roots = base::roots(objects, commits)?;
        (inputs, command::read(objects, &stage.input, &roots, &order)?)
    };
    Ok(Found { pipeline, stage, inputs, datum, key, fate })
}

/// The place of a datum that the job found done, and so did not look at.
fn carried_over(objects: &dyn ObjectRead, job: &Job, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(state) = state(objects, job)? else { return Ok(None) };
    for item in command::datums(objects, state)? {
        let (order, other) = item?;
        if other == name {
            return Ok(Some(order));
        }
    }
    Ok(None)
}

/// The datum of this name of the job.
pub fn datum(store: &Store, job: &Job, name: &str) -> Result<Shown, Error> {
    let objects: &dyn ObjectRead = store.objects();
    let found = find(store, job, name)?;
    let stage = found.stage().ok_or_else(|| Error::StageGone { stage: job.stage_name() })?;
    // One that was carried over had its result from an earlier job, which found it by the same.
    let key = found.key.unwrap_or_else(|| found.datum.key(&found.pipeline.code_digest(stage)));
    let table = {
        let facts = store.session()?;
        let repo = history::find(&facts, &output_name(&found.pipeline.spec.name, &found.stage)?)?;
        repo.map_or(Ok(None), |repo| results::root(&facts, &repo))?
    };
    let has_result = matches!(found.fate, Fate::Processed | Fate::Reused);
    let outcome = results::find(objects, table, &key)?.filter(|_| has_result);
    let log = match (&outcome, job.logs) {
        (Some(outcome), _) => {
            Cursor::<Entry>::new(objects, outcome.logs)?.next().transpose()?.map(|(_, log)| log)
        }
        (None, Some(logs)) => Cursor::<Entry>::new(objects, logs)?.get(name.as_bytes())?,
        (None, None) => None,
    };
    let output = match (&outcome, state(objects, job)?) {
        (Some(outcome), _) => Some(outcome.output),
        (None, Some(state)) => command::output(objects, state, &found.datum.order)?,
        (None, None) => None,
    };
    let output = output.map(|output| files(objects, output)).transpose()?;
    let key = Some(key).filter(|_| found.key.is_some() || outcome.is_some());
    let parts = origin::parts(&found.inputs, &found.datum);
    Ok(Shown { name: name.to_owned(), fate: found.fate, key, parts, output, log })
}

fn files(objects: &dyn ObjectRead, root: NodeId) -> Result<Vec<(TreePath, Entry)>, Error> {
    Snapshot::new(objects, root).scan("")?.map(|file| Ok(file?)).collect()
}

/// Lays the datum of this name out in the directory `dir`, which is made: its inputs, the files of its code, and a script that runs
/// its command as the job did. Returns the path of the script.
pub fn lay_out(store: &Store, author: &Author, job: &Job, name: &str, dir: &Path) -> Result<PathBuf, Error> {
    let objects: &dyn ObjectRead = store.objects();
    let io = |verb| move |source| Error::io(verb, dir, source);
    let found = find(store, job, name)?;
    let gone = || Error::StageGone { stage: job.stage_name() };
    let stage = found.stage().ok_or_else(gone)?;
    let Work::Command(command) = &stage.work else { return Err(gone()) };
    let dir = &std::path::absolute(dir).map_err(io("find"))?;
    checkout::outside_stores(dir)?;
    match fs::remove_dir(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::NotEmpty { dir: dir.clone() });
        }
        Ok(()) | Err(_) => {}
    }
    if let Some(above) = dir.parent() {
        fs::create_dir_all(above).map_err(io("make"))?;
    }
    let output = {
        let facts = store.session()?;
        history::load_repo(&facts, &output_name(&found.pipeline.spec.name, &found.stage)?)?
    };
    let task = Task {
        store,
        job,
        pipeline: &found.pipeline,
        stage,
        output: &output,
        inputs: &found.inputs,
        table: None,
        code: found.pipeline.code_digest(stage),
        plan: found.pipeline.plan_digest(stage),
        author,
        progress: &Silent,
        flight: Flight { all: &Flights::default(), repo: output.id, job: job.id },
        over: &AtomicBool::new(false),
        record: Mutex::new(job.clone()),
        looked: Mutex::new(Instant::now()),
    };
    command::lay_out(&task, command, found.datum.clone(), last(objects, &task)?, dir)
}

/// What an incremental stage found of its last run: of a job that has published, that of the commit before.
fn last(objects: &dyn ObjectRead, task: &Task<'_>) -> Result<Option<Base>, Error> {
    let Some(output) = task.job.output else { return task.base() };
    let before = history::load(objects, output)?.parents.first().copied();
    before.map_or(Ok(None), |before| base::usable(objects, before, &task.plan, task.inputs.len()))
}
