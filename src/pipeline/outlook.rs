//! What the jobs that are queued would do if they were run now.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::base;
use super::builtin;
use super::command::{self, Reason};
use super::error::Error;
use super::flight::{Flight, Flights};
use super::job::{self, Job, Results};
use super::perform;
use super::spec::{PiledUp, Work};
use super::supersede::Queue;
use super::task::Task;
use crate::history::{self, Author};
use crate::object::ObjectWrite;
use crate::progress::Silent;
use crate::store::Store;
use crate::tree;

/// A queued job, and what it would do.
#[derive(Debug)]
pub struct Outlook {
    /// The job.
    pub job: Job,
    /// What it would do.
    pub work: Prospect,
}

/// What a queued job would do.
#[derive(Debug)]
pub enum Prospect {
    /// It waits for what this job makes.
    Waits(u64),
    /// This newer job of its branch does its work as well.
    GivesWay(u64),
    /// A built-in stage would work on so many datums; it does not list them.
    Count(u64),
    /// These would run, and so many known results be used.
    Datums {
        /// Each datum that would run, and why.
        run: Vec<(String, Reason)>,
        /// How many results would be used again.
        reused: u64,
    },
}

/// What the queued jobs that are `meant` would do. Nothing is changed; what has to be written to find out goes to `sink`.
pub fn outlook(
    store: &Store,
    sink: &dyn ObjectWrite,
    author: &Author,
    meant: impl Fn(&Job) -> bool,
) -> Result<Vec<Outlook>, Error> {
    let (queued, ways) = {
        let facts = store.session()?;
        let living = job::living(&facts)?;
        let mut rules = Queue::new(&facts, &living);
        let mut newest = BTreeMap::new();
        for job in living.iter().filter(|job| job.results == Results::Reused) {
            if rules.rule(job)? == PiledUp::Together {
                newest.insert((&job.pipeline, &job.stage, &job.branch), job.id);
            }
        }
        let way = |job: &Job| {
            let newest = newest.get(&(&job.pipeline, &job.stage, &job.branch)).copied();
            newest.filter(|newest| *newest > job.id && job.results == Results::Reused)
        };
        let ways: Vec<Option<u64>> = living.iter().map(way).collect();
        (living, ways)
    };
    let mut all = Vec::new();
    for (job, way) in queued.into_iter().zip(ways) {
        if !meant(&job) {
            continue;
        }
        let waits = job.awaited().next();
        let work = match (way, waits) {
            (Some(newer), _) => Prospect::GivesWay(newer),
            (None, Some(id)) => Prospect::Waits(id),
            (None, None) => look(store, sink, author, &job)?,
        };
        all.push(Outlook { job, work });
    }
    Ok(all)
}

fn look(store: &Store, sink: &dyn ObjectWrite, author: &Author, job: &Job) -> Result<Prospect, Error> {
    let name = job.stage.parse().map_err(history::Error::from)?;
    let (pipeline, output, table) = base::surroundings(store, job)?;
    let Some(stage) = pipeline.spec.stages.get(&name) else {
        return Err(Error::StageGone { stage: job.stage_name() });
    };
    let flights = Flights::default();
    let task = Task {
        store,
        job,
        pipeline: &pipeline,
        stage,
        output: &output,
        inputs: &perform::inputs(job, stage),
        table,
        code: pipeline.code_digest(stage),
        plan: pipeline.plan_digest(stage),
        author,
        progress: &Silent,
        flight: Flight { all: &flights, repo: output.id, job: job.id },
        over: &AtomicBool::new(false),
        record: Mutex::new(job.clone()),
        looked: Mutex::new(Instant::now()),
    };
    if let Work::Command(command) = &stage.work {
        let (run, reused) = command::foresee(&task, command, sink)?;
        return Ok(Prospect::Datums { run, reused });
    }
    let now = base::roots(sink, task.commits())?;
    let nothing = vec![tree::empty(sink)?; now.len()];
    let base = if task.is_anew() { None } else { task.base()? };
    let (then, table) = match base {
        Some(base) => (base.inputs, table),
        None => (nothing, table.filter(|_| !task.is_anew())),
    };
    Ok(Prospect::Count(builtin::count(sink, table, task.code, stage, &then, &now)?))
}
