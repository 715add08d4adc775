//! Jobs that piled up are taken together: the newest does the work, and those before it end with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::error::Error;
use super::job::{self, Job, JobSource, Results, State};
use super::registry;
use super::spec::PiledUp;
use crate::history;
use crate::ledger::Session;
use crate::meta::Batch;

/// The queue, and how it is to be changed in one step.
pub(super) struct Queue<'a> {
    facts: &'a Session,
    /// By their numbers.
    living: &'a [Job],
    /// By the number of a job, the places of those that wait for it, or did.
    waiting: HashMap<u64, BTreeSet<usize>>,
    /// Jobs that are changed.
    changed: BTreeMap<u64, Job>,
    /// What becomes of jobs of a stage that pile up, as far as it was asked.
    rules: BTreeMap<String, PiledUp>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(facts: &'a Session, living: &'a [Job]) -> Self {
        let mut waiting: HashMap<u64, BTreeSet<usize>> = HashMap::new();
        for (at, job) in living.iter().enumerate() {
            for id in job.awaited() {
                waiting.entry(id).or_default().insert(at);
            }
        }
        Self { facts, living, waiting, changed: BTreeMap::new(), rules: BTreeMap::new() }
    }

    /// What becomes of jobs of this job's stage that pile up.
    pub(super) fn rule(&mut self, job: &Job) -> Result<PiledUp, Error> {
        let name = job.stage_name();
        if let Some(rule) = self.rules.get(&name) {
            return Ok(*rule);
        }
        let pipeline = job.pipeline.parse().map_err(history::Error::from)?;
        let stage = job.stage.parse().map_err(history::Error::from)?;
        let found = registry::find(self.facts, &pipeline)?;
        let found = found.as_ref().and_then(|pipeline| pipeline.spec.stages.get(&stage));
        let rule = found.map_or(PiledUp::OneByOne, |stage| stage.piled_up);
        self.rules.insert(name, rule);
        Ok(rule)
    }

    /// The job as it will be.
    fn now<'q>(&'q self, job: &'q Job) -> &'q Job {
        self.changed.get(&job.id).unwrap_or(job)
    }

    /// Changes a job.
    pub(super) fn change(&mut self, job: Job) {
        self.changed.insert(job.id, job);
    }

    /// Lets `by` take the place of `old`. What waits for `old` gives way to what does the same after `by`, also where the jobs of its
    /// stage are not taken together: it would read what is not of its commits. Where there is no such job, it waits for `by` instead.
    pub(super) fn supersede(&mut self, old: &Job, by: u64, time: i64) {
        let mut open = vec![(old.id, by)];
        while let Some((id, by)) = open.pop() {
            let Some(old) = self.job(id) else { continue };
            let mut ended = self.now(old).clone();
            ended.state = State::Superseded(by);
            ended.ended = Some(time);
            self.change(ended);
            for at in self.waiting.get(&id).cloned().unwrap_or_default() {
                let Some(job) = self.living.get(at) else { continue };
                let now = self.now(job);
                if !now.state.is_living() || now.awaited().all(|other| other != id) {
                    continue;
                }
                if job.results == Results::Reused
                    && let Some(heir) = self.heir(job, by)
                {
                    open.push((job.id, heir));
                    continue;
                }
                let mut now = now.clone();
                for input in &mut now.inputs {
                    if input.source == JobSource::Job(id) {
                        input.source = JobSource::Job(by);
                    }
                }
                self.change(now);
                self.waiting.entry(by).or_default().insert(at);
            }
        }
    }

    fn job(&self, id: u64) -> Option<&'a Job> {
        self.living.get(self.living.binary_search_by_key(&id, |job| job.id).ok()?)
    }

    /// The next job after this one that does the same once `by` has ended.
    fn heir(&self, job: &Job, by: u64) -> Option<u64> {
        let follows = |other: &&Job| {
            let is_same =
                (&other.pipeline, &other.stage, &other.branch) == (&job.pipeline, &job.stage, &job.branch);
            is_same && other.id > job.id && self.now(other).awaited().any(|id| id == by)
        };
        let waiting = self.waiting.get(&by)?.iter().filter_map(|at| self.living.get(*at));
        waiting.filter(follows).map(|heir| heir.id).next()
    }

    /// Adds the changes to `batch`, and returns the jobs that end by them.
    pub(super) fn save(self, batch: &mut Batch) -> Result<Vec<Job>, Error> {
        let mut ended = Vec::new();
        for job in self.living {
            let Some(now) = self.changed.get(&job.id) else { continue };
            job::replace(batch, job, now)?;
            if !now.state.is_living() {
                ended.push(now.clone());
            }
        }
        Ok(ended)
    }
}
