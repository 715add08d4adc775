//! Runs as outsiders see them.

use std::collections::BTreeMap;

use chrono::Utc;
use serde::Serialize;

use super::text::{count, time};
use crate::pipeline::job::{self, Phase};

/// A run: all jobs that one commit caused.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Its number.
    pub id: u64,
    /// What caused it.
    pub cause: String,
    /// What its jobs come to: `running` or `queued` while one is; else `failed`, `cancelled`, `skipped` or `superseded` if one did; else `succeeded`.
    pub state: &'static str,
    /// How many of its jobs are in each state.
    pub states: BTreeMap<&'static str, u64>,
    /// Datums whose result its jobs made.
    pub processed: u64,
    /// Datums whose result was found again.
    pub reused: u64,
    /// Datums that failed.
    pub failed: u64,
    /// Datums that failed, which their stage's `err_cmd` says is no failure of the job.
    pub recovered: u64,
    /// When it was queued, RFC 3339.
    pub created: String,
    /// How long it took from then on, or has taken until now if it runs, in milliseconds.
    pub milliseconds: Option<i64>,
}

impl From<&job::Run> for Run {
    fn from(run: &job::Run) -> Self {
        let datums = run.datums();
        let until = match run.phase() {
            Phase::Running => Some(Utc::now().timestamp_millis()),
            _ => run.ended(),
        };
        let states = Phase::ALL.into_iter().map(|phase| (phase.word(), run.count(phase)));
        Self {
            id: run.id,
            cause: run.cause(),
            state: run.phase().word(),
            states: states.filter(|(_, count)| *count > 0).collect(),
            processed: datums.processed,
            reused: datums.reused,
            failed: datums.failed,
            recovered: datums.recovered,
            created: time(run.created()),
            milliseconds: until.map(|until| until - run.created()),
        }
    }
}

impl Run {
    /// Its jobs and datums, counted: `3 jobs: 2 succeeded, 1 failed; 5 datums processed, 2 reused`.
    pub fn counts(&self) -> String {
        let states: Vec<String> = self.states.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let mut datums = vec![format!("{} processed", count(self.processed, "datum"))];
        for (number, what) in
            [(self.reused, "reused"), (self.recovered, "recovered"), (self.failed, "failed")]
        {
            if number > 0 {
                datums.push(format!("{number} {what}"));
            }
        }
        let jobs = count(self.states.values().sum(), "job");
        format!("{jobs}: {}; {}", states.join(", "), datums.join(", "))
    }
}
