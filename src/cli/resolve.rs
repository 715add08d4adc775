//! `vds resolve`.

use std::path::Path;

use serde_json::json;

use super::answer::document;
use super::complaint::{not_found, usage};
use super::context::{Answer, Context, Made};
use super::integrated::open_target;
use crate::content;
use crate::fault::Cause;
use crate::ingest::{self, Memory, Overlay};
use crate::integrate::{self, Choice, Drafts, Named, Verdict};
use crate::object::{Entry, FileKind, TreePath};
use crate::pick;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::tree;
use crate::view;

/// Say what becomes of files in conflict
///
/// Paths are those that `vds conflicts` shows, from the top of the tree. The merge itself is finished with
/// `vds merge --continue`. A choice can be changed until then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds resolve 2024/05/01.csv --with theirs
  vds resolve ref '**/*.csv' --with ours
  vds resolve --all --with theirs
  vds resolve report.md --with ./report.merged.md
  sort -u a b | vds resolve names.txt --with -
  vds resolve old.csv --with theirs --to new.csv   # the other side renamed it
  vds resolve --on ticks@main 2024/05/01.csv --undo")]
pub(super) struct Args {
    /// The paths; a directory stands for all conflicts in it, a pattern for those that it matches, and . for all
    #[arg(value_name = "PATH", required_unless_present = "all")]
    paths: Vec<Named>,
    /// All conflicts
    #[arg(long, conflicts_with = "paths")]
    all: bool,
    /// ours, theirs, base, a file on disk, - for standard input, or draft: what a strategy left, with the conflicts in it
    #[arg(long, value_name = "VERSION", required_unless_present = "undo")]
    with: Option<String>,
    /// Take a draft as it is: it always has conflicts in it, as marks or with one side's value (`vds conflicts` tells of each)
    #[arg(long, conflicts_with = "undo")]
    force: bool,
    /// Put that at another path, and remove this one: for a file that the other side renamed
    #[arg(long, value_name = "NEWPATH", value_parser = pick::path, conflicts_with = "undo")]
    to: Option<TreePath>,
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
        Some("-") => Some(Choice::File(keep_input(&store)?)),
        Some(file) => Some(Choice::File(keep(cx, &store, Path::new(file))?)),
    };
    let verdict = match (choice, &args.to) {
        (None, _) => Verdict::Forget,
        (Some(choice), None) => Verdict::Become(choice),
        (Some(choice), Some(to)) => Verdict::Move(choice, to.clone()),
    };
    let named = if args.all { vec![Named::all()] } else { args.paths.clone() };
    let drafts = if args.force { Drafts::Take } else { Drafts::Refuse };
    let resolved = integrate::resolve(&store, &cx.author, &target, &named, &verdict, drafts)?;
    let choice = match &verdict {
        Verdict::Forget => None,
        Verdict::Become(choice) => Some(choice.word()),
        Verdict::Move(..) => Some("moved"),
    };
    let document = document(&json!({
        "repo": target.repo, "branch": target.branch, "paths": resolved.paths, "choice": choice,
        "moved_to": args.to, "left": resolved.left,
    }));
    let count = view::count(resolved.paths.len() as u64, "conflict");
    let noted = if resolved.paths.len() == 1 { String::new() } else { format!("{count} noted, ") };
    let text = match resolved.left as u64 {
        0 => format!("{noted}nothing is left: `vds merge --continue {target}`\n"),
        left => format!("{noted}{} left\n", view::count(left, "conflict")),
    };
    let quiet = resolved.paths.iter().map(|path| format!("{path}\n")).collect();
    cx.changed(Made {
        document,
        text,
        quiet,
        done: "the choice is noted",
        operation: Some(resolved.operation),
    })
}

/// Stores what comes from standard input.
fn keep_input(store: &Store) -> Result<Entry, Cause> {
    let writer = store.writer();
    let kept = content::keep(&writer, std::io::stdin().lock())?;
    writer.finish()?;
    Ok(Entry { kind: FileKind::File, blob: kept.blob, size: kept.size })
}

/// Stores a file that is to stand in place of the versions.
fn keep(cx: &Context, store: &Store, file: &Path) -> Result<Entry, Cause> {
    if !file.exists() {
        let hint = "name ours, theirs, base, draft, a file that exists, or - for standard input";
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
