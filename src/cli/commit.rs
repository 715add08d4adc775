//! `vds commit`.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::context::{Answer, Context, usage};
use crate::change::{self, Empty};
use crate::history::Target;
use crate::ingest::{self, Gathered, Overlay};
use crate::object::TreePath;
use crate::pipeline::job::{Job, State};
use crate::pipeline::{self, Which};
use crate::snapshot::Snapshot;
use crate::view;

/// Put files on top of a branch, as a new commit
///
/// Directories give their contents, files keep their names. Unchanged files are not read again. What the commit
/// triggers is run before the command returns.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds commit ticks day-2/ -m 'day 2 of May'
  vds commit ticks@bbg export/ --mirror -m 'as Bloomberg has it'
  curl ... | vds commit truth - --to ecb.csv -m 'rates of today'")]
pub(super) struct Args {
    /// REPO or REPO@BRANCH; a branch that does not exist is begun
    target: Target,
    /// Files and directories; - is standard input
    paths: Vec<PathBuf>,
    /// What is to be said of it
    #[arg(short, long)]
    message: String,
    /// Put everything below this path; for standard input, the file's path
    #[arg(long)]
    to: Option<TreePath>,
    /// Make the tree (or what lies below --to) equal to the directory, deletions included
    #[arg(long)]
    mirror: bool,
    /// Commit even if nothing differs
    #[arg(long)]
    allow_empty: bool,
    /// Say what would be committed, and commit nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let writer = store.writer();
    let base = change::open(&store, &args.target, &writer)?;
    let tree = Snapshot::new(&writer, base.tree);
    let gathered = match args.paths.as_slice() {
        [] if args.allow_empty => {
            ingest::gather(&writer, tree, None, &[], None, Overlay::Keep, cx.progress())?
        }
        [] => {
            return Err(usage(
                "nothing to commit was named",
                "name files or directories; - is standard input",
            ));
        }
        [only] if only == Path::new("-") => {
            let path = args
                .to
                .clone()
                .ok_or_else(|| usage("standard input has no name", "say with --to PATH where it is to go"))?;
            ingest::gather_reader(&writer, tree, io::stdin().lock(), path)?
        }
        paths => {
            let overlay = if args.mirror { Overlay::Mirror } else { Overlay::Keep };
            ingest::gather(
                &writer,
                tree,
                Some(store.root()),
                paths,
                args.to.as_ref(),
                overlay,
                cx.progress(),
            )?
        }
    };
    gathered.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
    let Gathered { draft, files, bytes, new_bytes, .. } = gathered;
    if args.dry_run {
        let (_, tally) = draft.finish(&writer)?;
        let counts = view::Counts::from(tally);
        let text = || format!("would commit to {}\n {}\n", args.target, counted(files, counts));
        cx.say(
            &json!({ "dry_run": true, "target": args.target.to_string(), "counts": counts }),
            text,
            String::new,
        );
        return Ok(0);
    }
    let empty = if args.allow_empty { Empty::Allow } else { Empty::Skip };
    let published = change::publish(&store, &cx.author, base, draft, writer, &args.message, empty)?;
    let Some(id) = published.commit else {
        cx.note(&format!("nothing differs from {}: no commit was made", args.target));
        cx.say(&json!({ "commit": null, "target": args.target.to_string() }), String::new, String::new);
        return Ok(0);
    };
    let counts = view::Counts::from(published.tally);
    let title = args.message.lines().next().unwrap_or("");
    let text = || {
        let size = format!("{} new of {}", view::bytes(new_bytes), view::bytes(bytes));
        let mut text = format!("[{} {id:.12}] {title}\n {}  ({size})\n", args.target, counted(files, counts));
        text += &triggered(&store, &published.jobs);
        text
    };
    let document = json!({
        "commit": id.to_string(), "target": args.target.to_string(), "files": files, "bytes": bytes,
        "new_bytes": new_bytes, "stored_bytes": published.stored,
        "counts": counts,
        "jobs": published.jobs.iter().map(view::Job::from).collect::<Vec<_>>(),
    });
    cx.say(&document, text, || format!("{id}\n"));
    finish_jobs(cx, &store, &published.jobs, args.no_run)
}

fn counted(files: u64, counts: view::Counts) -> String {
    format!("{}: {counts}", view::count(files, "file"))
}

/// What a commit triggered, with the number of datums where that can be told before anything has run.
fn triggered(store: &crate::store::Store, jobs: &[Job]) -> String {
    let name = |job: &Job| {
        let name = format!("{}/{}", job.pipeline, job.stage);
        // What stands in the way of counting stands in the way of the job, which tells of it.
        match pipeline::count(store, job) {
            Ok(Some(count)) => format!("{name} ({})", view::count(count, "datum")),
            Ok(None) | Err(_) => name,
        }
    };
    let names: Vec<String> = jobs.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!(" triggered: {}\n", names.join(", ")) }
}

/// Runs the jobs that a change queued, and answers with the exit code that they deserve.
pub(super) fn finish_jobs(cx: &Context, store: &crate::store::Store, jobs: &[Job], later: bool) -> Answer {
    if later || jobs.is_empty() {
        return Ok(0);
    }
    let which = Which::of(jobs);
    let ended = cx.run(store, &which)?;
    // A job that was in the way and failed is told of, but what this command asked for may have worked.
    let failed =
        ended.iter().any(|job| which.wants(job) && matches!(job.state, State::Failed | State::Skipped));
    Ok(if failed { super::root::JOB_FAILED } else { 0 })
}
