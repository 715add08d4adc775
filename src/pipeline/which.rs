//! Which jobs are asked for, as they come to be known.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::job::{self, Job, State};
use crate::ledger::Session;
use crate::store::Store;

/// Which jobs to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that can be.
    All,
    /// Some, and those that they wait for. Where another one takes the place of one of them, that.
    These {
        /// These.
        jobs: BTreeSet<u64>,
        /// And all that are queued in these runs until they have ended.
        runs: BTreeSet<u64>,
    },
}

impl Which {
    /// The runs of these jobs.
    pub fn of(jobs: &[Job]) -> Self {
        let (jobs, runs) = jobs.iter().map(|job| (job.id, job.run)).unzip();
        Self::These { jobs, runs }
    }

    /// This job.
    pub fn one(id: u64) -> Self {
        Self::These { jobs: [id].into(), runs: BTreeSet::new() }
    }

    /// Of these jobs, oldest first, those that are meant, and not only waited for by them.
    pub fn meant<'a>(&self, of: &'a [Job]) -> Vec<&'a Job> {
        let Self::These { jobs, runs } = self else { return of.iter().collect() };
        let mut jobs = jobs.clone();
        let mut meant = Vec::new();
        for job in of {
            if jobs.contains(&job.id) || runs.contains(&job.run) {
                if let State::Superseded(by) = job.state {
                    jobs.insert(by);
                }
                meant.push(job);
            }
        }
        meant
    }
}

/// What is asked for, and how much of it is known to have ended.
pub(super) struct Asked {
    which: Which,
    /// All jobs that are meant, as far as they are known.
    jobs: BTreeSet<u64>,
    /// Those that had not ended when last looked.
    open: BTreeSet<u64>,
}

impl Asked {
    pub(super) fn new(which: &Which) -> Self {
        let jobs = match which {
            Which::All => BTreeSet::new(),
            Which::These { jobs, .. } => jobs.clone(),
        };
        Self { which: which.clone(), open: jobs.clone(), jobs }
    }

    /// Whether all is asked for that is queued.
    pub(super) fn is_all(&self) -> bool {
        self.which == Which::All
    }

    /// The jobs that were asked for, or took the place of such.
    pub(super) fn into_jobs(self) -> BTreeSet<u64> {
        self.jobs
    }

    /// Takes note of what came to be queued, and of what took the place of something.
    pub(super) fn note(&mut self, store: &Store, facts: &Session, living: &[Job]) -> Result<(), Error> {
        let Which::These { runs, .. } = &self.which else { return Ok(()) };
        for job in living.iter().filter(|job| runs.contains(&job.run)) {
            self.jobs.insert(job.id);
            self.open.insert(job.id);
        }
        let living: BTreeSet<u64> = living.iter().map(|job| job.id).collect();
        let mut over: Vec<u64> = self.open.difference(&living).copied().collect();
        while let Some(id) = over.pop() {
            self.open.remove(&id);
            if let State::Superseded(by) = job::load(store, facts, id)?.state
                && self.jobs.insert(by)
            {
                self.open.insert(by);
                if !living.contains(&by) {
                    over.push(by);
                }
            }
        }
        Ok(())
    }

    /// The jobs that are asked for with all that they wait for: earlier jobs of the same branch, and those whose output they read.
    pub(super) fn needed(&self, living: &[Job]) -> BTreeSet<u64> {
        let mut newest = BTreeMap::new();
        let mut before = BTreeMap::new();
        for job in living {
            if let Some(earlier) = newest.insert((&job.pipeline, &job.stage, &job.branch), job.id) {
                before.insert(job.id, earlier);
            }
        }
        let by_id: BTreeMap<u64, &Job> = living.iter().map(|job| (job.id, job)).collect();
        let mut open: Vec<u64> = match self.which {
            Which::All => by_id.keys().copied().collect(),
            Which::These { .. } => self.open.iter().copied().collect(),
        };
        let mut needed = BTreeSet::new();
        while let Some(id) = open.pop() {
            let Some(job) = by_id.get(&id).filter(|_| needed.insert(id)) else { continue };
            open.extend(before.get(&id));
            open.extend(job.awaited());
        }
        needed
    }
}
