//! `vds job cancel` and `vds job retry`: what a person does to jobs.

use std::collections::BTreeSet;

use serde_json::json;

use super::answer::document;
use super::context::{Answer, Context, Made};
use crate::pipeline::job::{Job, State};
use crate::pipeline::{self, Cancelled, Retried};
use crate::view;

/// The exit code when a job was not there any more to be cancelled.
const TOO_LATE: u8 = 1;

pub(super) fn cancel(ids: &[u64], cx: &Context) -> Answer {
    let ids: BTreeSet<u64> = ids.iter().copied().collect();
    let Cancelled { cancelled, skipped, over, stopping } = pipeline::cancel(&cx.store()?, &cx.author, &ids)?;
    let views = |jobs: &[Job]| jobs.iter().map(view::Job::from).collect::<Vec<_>>();
    let document =
        json!({ "cancelled": views(&cancelled), "skipped": views(&skipped), "over": views(&over) });
    let name = |job: &Job| format!("job {} {}@{}", job.id, job.stage_name(), job.branch);
    let text = || {
        let cancelled = cancelled.iter().map(|job| format!("cancelled {}\n", name(job)));
        let skipped = skipped.iter().map(|job| format!("skipped {}, which waited for it\n", name(job)));
        let over = over.iter().map(|job| format!("{} was {} before\n", name(job), job.state.word()));
        cancelled.chain(skipped).chain(over).collect()
    };
    let quiet = || cancelled.iter().chain(&skipped).map(|job| format!("{}\n", job.id)).collect();
    cx.tell(&document, text, quiet)?;
    for id in stopping {
        cx.note(&format!("the process that runs job {id} has not stopped yet; it publishes nothing"));
    }
    let too_late = over.iter().any(|job| job.state != State::Cancelled);
    Ok(if too_late { TOO_LATE } else { 0 })
}

/// Which job to run again
#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    /// Its number
    id: u64,
    /// Leave the jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

pub(super) fn retry(args: &RetryArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let Retried { run, id, jobs } = pipeline::retry(&store, &cx.author, args.id)?;
    let document = document(&json!({ "retried": args.id, "job": id, "run": run }));
    let text = format!("job {} again, as job {id} of run {run}\n", args.id);
    let (quiet, done) = (format!("{id}\n"), "the jobs are queued");
    cx.made(&store, Made { document, text, quiet, done, operation: None }, jobs, args.no_run)
}
