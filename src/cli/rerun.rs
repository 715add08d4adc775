//! `vds rerun`.

use serde_json::{Value, json};

use super::answer::document;
use super::context::{Answer, Context, Made};
use crate::object::BranchName;
use crate::pipeline::job::Results;
use crate::pipeline::{self, Rerun};

/// Run the stages of a pipeline, or one, on where their inputs stand now
///
/// What is known is used: an output that its inputs make already is left as it is, and only datums without a result run. With
/// --reprocess every datum runs anew, and what comes out is what is known from then on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds rerun settlement
  vds rerun settlement/report --branch main
  vds rerun settlement/report --reprocess")]
pub(super) struct Args {
    /// The pipeline, or a stage as PIPELINE/STAGE, with what follows from it
    #[arg(value_name = "PIPELINE[/STAGE]")]
    what: String,
    /// Only this branch
    #[arg(long)]
    branch: Option<BranchName>,
    /// Run every datum, though its result is known
    #[arg(long)]
    reprocess: bool,
    /// Leave the jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let results = if args.reprocess { Results::Anew } else { Results::Reused };
    let Rerun { jobs, made } =
        pipeline::rerun(&store, &cx.author, &args.what, args.branch.as_ref(), results)?;
    let shown: Vec<Value> =
        made.iter().map(|made| json!({ "stage": made.repo, "branch": made.branch })).collect();
    let queued: Vec<u64> = jobs.iter().map(|job| job.id).collect();
    let document = document(&json!({ "rerun": args.what, "queued": queued, "made": shown }));
    let text = made.iter().map(|made| format!("{made} is made already\n")).collect();
    let quiet = jobs.iter().map(|job| format!("{}\n", job.id)).collect();
    cx.made(
        &store,
        Made { document, text, quiet, done: "the jobs are queued", operation: None },
        jobs,
        args.no_run,
    )
}
