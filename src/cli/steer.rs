//! What a person does to what runs: `vds job cancel`, `vds job retry`, `vds pipeline pause`, `vds pipeline resume`,
//! `vds pipeline delete`.

use std::collections::BTreeSet;

use serde_json::json;

use super::answer::document;
use super::context::{Answer, Context, Made};
use crate::object::PipelineName;
use crate::pipeline::job::{Job, State};
use crate::pipeline::{self, Cancelled, Deleted, Paused, Resumed, Retried};
use crate::view;

/// The exit code when a job was not there any more to be cancelled.
const TOO_LATE: u8 = 1;

fn views(jobs: &[Job]) -> Vec<view::Job> {
    jobs.iter().map(view::Job::from).collect()
}

fn name(job: &Job) -> String {
    format!("job {} {}@{}", job.id, job.stage_name(), job.branch)
}

/// What was stopped, a line for each job.
fn stopped(cancelled: &[Job], skipped: &[Job]) -> String {
    let cancelled = cancelled.iter().map(|job| format!("cancelled {}\n", name(job)));
    let skipped = skipped.iter().map(|job| format!("skipped {}, which waited for it\n", name(job)));
    cancelled.chain(skipped).collect()
}

fn note_stopping(stopping: &[u64], cx: &Context) {
    for id in stopping {
        cx.note(&format!("the process that runs job {id} has not stopped yet; it publishes nothing"));
    }
}

pub(super) fn cancel(ids: &[u64], cx: &Context) -> Answer {
    let ids: BTreeSet<u64> = ids.iter().copied().collect();
    let Cancelled { cancelled, skipped, over, stopping } = pipeline::cancel(&cx.store()?, &cx.author, &ids)?;
    let document =
        json!({ "cancelled": views(&cancelled), "skipped": views(&skipped), "over": views(&over) });
    let text = || {
        let over = over.iter().map(|job| format!("{} {} already\n", name(job), job.state.phase().told()));
        stopped(&cancelled, &skipped) + &over.collect::<String>()
    };
    let quiet = || cancelled.iter().chain(&skipped).map(|job| format!("{}\n", job.id)).collect();
    cx.tell(&document, text, quiet)?;
    note_stopping(&stopping, cx);
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

pub(super) fn pause(name: &PipelineName, cx: &Context) -> Answer {
    let Paused { operation, cancelled, skipped, stopping } = pipeline::pause(&cx.store()?, &cx.author, name)?;
    let document =
        document(&json!({ "paused": name, "cancelled": views(&cancelled), "skipped": views(&skipped) }));
    let head = match operation {
        Some(_) => format!("the pipeline {name} is paused\n"),
        None => format!("the pipeline {name} was paused before\n"),
    };
    let text = head + &stopped(&cancelled, &skipped);
    let (quiet, done) = (format!("{name}\n"), "the pipeline is paused");
    let answer = cx.changed(Made { document, text, quiet, done, operation })?;
    note_stopping(&stopping, cx);
    Ok(answer)
}

pub(super) fn resume(name: &PipelineName, no_run: bool, cx: &Context) -> Answer {
    let store = cx.store()?;
    let Resumed { operation, jobs } = pipeline::resume(&store, &cx.author, name)?;
    let document = document(&json!({ "resumed": name }));
    let text = match operation {
        Some(_) => format!("the pipeline {name} goes on\n"),
        None => format!("the pipeline {name} was not paused\n"),
    };
    let (quiet, done) = (format!("{name}\n"), "the pipeline goes on");
    cx.made(&store, Made { document, text, quiet, done, operation }, jobs, no_run)
}

pub(super) fn delete(name: &PipelineName, cx: &Context) -> Answer {
    let Deleted { operation, skipped, stopping } = pipeline::delete(&cx.store()?, &cx.author, name)?;
    let document = document(&json!({ "deleted": name, "skipped": views(&skipped) }));
    let head = format!("deleted the pipeline {name}; its outputs stay\n");
    let text = head + &skipped.iter().map(|job| format!("skipped {}\n", self::name(job))).collect::<String>();
    let (quiet, done) = (format!("{name}\n"), "the pipeline is deleted");
    let answer = cx.changed(Made { document, text, quiet, done, operation: Some(operation) })?;
    note_stopping(&stopping, cx);
    Ok(answer)
}
