//! What is said of jobs that a verb caused: what they did, or would do, and whether that is well.

use super::complaint::complaint;
use crate::fault::{Cause, Kind};
use crate::pipeline::job::{Job, State};
use crate::pipeline::{self, Which};
use crate::store::Store;
use crate::view;

/// Whether all jobs that were asked for did what they should. One that was only in their way may have failed.
pub(super) fn verdict(jobs: &[Job], which: Option<&Which>) -> Result<(), Cause> {
    let asked = which.unwrap_or(&Which::All).meant(jobs);
    let bad = [State::Failed, State::Cancelled, State::Skipped];
    let Some(first) = bad.iter().find_map(|bad| asked.iter().find(|job| job.state == *bad)) else {
        return Ok(());
    };
    let Job { id, pipeline, stage, branch, error, .. } = first;
    let count = |state: &State| asked.iter().filter(|job| job.state == *state).count() as u64;
    let mut counts: Vec<String> = Vec::new();
    for state in bad.iter().filter(|state| count(state) > 0) {
        let number = count(state);
        let what = if counts.is_empty() { view::count(number, "job") } else { number.to_string() };
        counts.push(format!("{what} {}", state.word()));
    }
    let why = error.as_deref().unwrap_or("it does not say why");
    let message = format!("{}: job {id} ({pipeline}/{stage}@{branch}): {why}", counts.join(", "));
    let hint = match first.logs {
        Some(_) => format!("`vds job logs {id}` shows what it printed"),
        None => format!("`vds job show {id}` tells about it"),
    };
    Err(complaint(Kind::JobFailed, message, hint))
}

/// What a finished job did, in a few words.
pub(super) fn outcome(job: &Job) -> String {
    let took = job.started.zip(job.ended).map(|(from, to)| format!(" in {}", view::duration(to - from)));
    let took = took.unwrap_or_default();
    let mut parts = vec![format!("{} processed", view::count(job.datums.processed, "datum"))];
    let datums = job.datums;
    let more = [(datums.reused, "reused"), (datums.recovered, "recovered"), (datums.failed, "failed")];
    for (count, what) in more {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    format!("{}{took}", parts.join(", "))
}

/// What a change triggered, with the number of datums where that can be told before anything has run.
pub(super) fn triggered(store: &Store, jobs: &[Job]) -> String {
    let name = |job: &Job| {
        let alike = jobs.iter().filter(|other| other.stage_name() == job.stage_name()).count();
        let branch = if alike > 1 { format!("@{}", job.branch) } else { String::new() };
        let name = job.stage_name() + &branch;
        // What stands in the way of counting stands in the way of the job, which tells of it.
        match pipeline::count(store, job) {
            Ok(Some(count)) => format!("{name} ({})", view::count(count, "datum")),
            Ok(None) | Err(_) => name,
        }
    };
    let names: Vec<String> = jobs.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!(" triggered: {}\n", names.join(", ")) }
}

/// What a change would trigger, if it were made.
pub(super) fn would_trigger(store: &Store, jobs: &[Job]) -> String {
    triggered(store, jobs).replacen(" triggered", " would trigger", 1)
}
