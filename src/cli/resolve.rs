//! `vds resolve`.

use std::path::Path;

use serde_json::json;

use super::answer::document;
use super::complaint::{not_found, usage};
use super::context::{Answer, Context, Made};
use super::integrated::open_target;
use crate::fault::Cause;
use crate::ingest::{self, Memory, Overlay};
use crate::integrate::{self, Choice};
use crate::object::{Entry, TreePath};
use crate::pick;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::tree;
use crate::view;

/// Say what becomes of files in conflict
///
/// The merge itself is finished with `vds merge --continue`. A choice can be changed until then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds resolve 2024/05/01.csv --with theirs
  vds resolve ref --with ours
  vds resolve report.md --with ./report.merged.md
  vds resolve --on ticks@main 2024/05/01.csv --undo")]
pub(super) struct Args {
    /// The paths; a directory stands for all conflicts in it
    #[arg(value_name = "PATH", required = true, value_parser = pick::path)]
    paths: Vec<TreePath>,
    /// ours, theirs, base, draft (what a strategy left), or a file on disk
    #[arg(long, value_name = "VERSION", required_unless_present = "undo")]
    with: Option<String>,
    /// Forget what was chosen
    #[arg(long, conflicts_with = "with")]
    undo: bool,
    /// REPO@BRANCH [default: the only merge that is open]
    #[arg(long, value_name = "REPO@BRANCH")]
    on: Option<String>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let target = open_target(cx, &store, args.on.as_ref())?;
    let choice = match args.with.as_deref() {
        None => None,
        Some("ours") => Some(Choice::Ours),
        Some("theirs") => Some(Choice::Theirs),
        Some("base") => Some(Choice::Base),
        Some("draft") => Some(Choice::Draft),
        Some(file) => Some(Choice::File(keep(cx, &store, Path::new(file))?)),
    };
    let resolved = integrate::resolve(&store, &cx.author, &target, &args.paths, choice)?;
    let document = document(&json!({
        "repo": target.repo, "branch": target.branch, "paths": args.paths, "choice": choice.map(view::choice), "left": resolved.left,
    }));
    let text = match resolved.left as u64 {
        0 => format!("nothing is left: `vds merge --continue {target}`\n"),
        left => format!("{} left\n", view::count(left, "conflict")),
    };
    let quiet = args.paths.iter().map(|path| format!("{path}\n")).collect();
    cx.changed(Made {
        document,
        text,
        quiet,
        done: "the choice is noted",
        operation: Some(resolved.operation),
    })
}

/// Stores a file that is to stand in place of the versions.
fn keep(cx: &Context, store: &Store, file: &Path) -> Result<Entry, Cause> {
    if !file.exists() {
        let hint = "name ours, theirs, base, draft, or a file that exists";
        return Err(not_found(
            format!("there is no version and no file {:?}", file.display().to_string()),
            hint,
        ));
    }
    if file.is_dir() {
        return Err(usage(format!("{} is a directory", file.display()), "name a file"));
    }
    let writer = store.writer();
    let empty = tree::empty(&writer)?;
    // Of a link, what it leads to.
    let places = [std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())];
    let base = Snapshot::new(&writer, empty);
    let gathered = ingest::gather(&writer, base, Memory::None, &places, None, Overlay::Keep, cx.progress())?;
    let (root, _) = gathered.draft.finish(&writer)?;
    let found = Snapshot::new(&writer, root).scan("")?.next().transpose()?;
    writer.finish()?;
    found.map(|(_, entry)| entry).ok_or_else(|| usage("there is no file", "name a file"))
}
