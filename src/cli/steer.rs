//! `vds job cancel`: what a person does to jobs.

use std::collections::BTreeSet;

use serde_json::json;

use super::context::{Answer, Context};
use crate::pipeline::job::{Job, State};
use crate::pipeline::{self, Cancelled};
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
