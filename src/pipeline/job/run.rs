//! Runs: all jobs that one commit caused.

use super::phase::Phase;
use super::record::{BETWEEN_CAUSES, Datums, Job};

/// All jobs that one commit caused.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its number.
    pub id: u64,
    /// Its jobs, oldest first. There is at least one.
    pub jobs: Vec<Job>,
}

impl Run {
    /// How far it is: as far as the job that has most to do yet, or fared worst.
    pub fn phase(&self) -> Phase {
        let order = [
            Phase::Running,
            Phase::Queued,
            Phase::Failed,
            Phase::Cancelled,
            Phase::Skipped,
            Phase::Superseded,
        ];
        order.into_iter().find(|phase| self.count(*phase) > 0).unwrap_or(Phase::Succeeded)
    }

    /// How many of its jobs are that far.
    pub fn count(&self, phase: Phase) -> u64 {
        self.jobs.iter().filter(|job| job.state.phase() == phase).count() as u64
    }

    /// What caused it, for people: all that caused its jobs.
    pub fn cause(&self) -> String {
        let mut causes: Vec<&str> = Vec::new();
        for cause in self.jobs.iter().flat_map(Job::causes) {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        causes.join(BETWEEN_CAUSES)
    }

    /// How many datums its jobs had.
    pub fn datums(&self) -> Datums {
        self.jobs.iter().fold(Datums::default(), |sum, job| Datums {
            processed: sum.processed + job.datums.processed,
            reused: sum.reused + job.datums.reused,
            failed: sum.failed + job.datums.failed,
            recovered: sum.recovered + job.datums.recovered,
        })
    }

    /// When it was queued, in milliseconds since 1970.
    pub fn created(&self) -> i64 {
        self.jobs.iter().map(|job| job.created).min().unwrap_or_default()
    }

    /// When the last of its jobs ended; `None` while one has not.
    pub fn ended(&self) -> Option<i64> {
        let ends: Option<Vec<i64>> = self.jobs.iter().map(|job| job.ended).collect();
        ends?.into_iter().max()
    }
}
