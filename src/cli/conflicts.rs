//! `vds conflicts`.

use serde_json::json;

use super::answer::document;
use super::complaint::usage;
use super::context::{Answer, Context};
use super::integrated::{conflict_lines, open_target};
use crate::checkout::{self, Clash};
use crate::integrate::{self, Opened};
use crate::merge::Conflict;
use crate::object::{Entry, TreePath};
use crate::store::Store;
use crate::view;
use std::path::{Path, PathBuf};

use clap::ValueHint;

/// Show what an open merge waits for
///
/// Each conflict is told with what was chosen for it. --into writes the versions of each file beside each other, as
/// PATH.base, PATH.ours, PATH.theirs and, where a strategy left one, PATH.draft, to be looked at and edited.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds conflicts
  vds conflicts ticks@main --into /tmp/conflicts
  vds conflicts ticks@main --left --quiet")]
pub(super) struct Args {
    /// REPO@BRANCH [default: the only merge that is open]
    #[arg(value_name = "REPO@BRANCH")]
    target: Option<String>,
    /// Only those for which nothing was chosen yet
    #[arg(long)]
    left: bool,
    /// Write the versions of each file into a directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    into: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let open = integrate::list(&store)?;
    if args.target.is_none() && open.len() != 1 {
        if args.into.is_some() {
            open_target(cx, &store, None)?;
        }
        let text = || match open.as_slice() {
            [] => "no merge is open\n".to_owned(),
            several => several.iter().map(|target| format!("a merge into {target} is open\n")).collect(),
        };
        let targets: Vec<_> =
            open.iter().map(|target| json!({ "repo": target.repo, "branch": target.branch })).collect();
        return cx.say(&document(&json!({ "open": targets })), text, || {
            open.iter().map(|target| format!("{target}\n")).collect()
        });
    }
    let target = open_target(cx, &store, args.target.as_ref())?;
    let opened = integrate::load(&store, &target)?;
    if let Some(dir) = &args.into {
        write(cx, &store, &opened, dir)?;
    }
    let shown = || opened.conflicts.iter().filter(|(_, choice)| !args.left || choice.is_none());
    let conflicts: Vec<view::Conflict> =
        shown().map(|(conflict, choice)| view::Conflict::new(conflict, &opened.ends, *choice)).collect();
    let left = opened.left().count() as u64;
    let theirs = &opened.request.manner.labels.theirs;
    let document = document(&json!({
        "repo": target.repo, "branch": target.branch, "what": opened.request.action.verb(), "from": theirs,
        "author": opened.author, "time": view::time(opened.time.0), "message": opened.request.message,
        "left": left, "conflicts": conflicts,
    }));
    let text = || {
        let lines: String = shown().map(|(conflict, choice)| conflict_lines(conflict, *choice)).collect();
        let verb = opened.request.action.verb();
        let end = match left {
            0 => format!("nothing is left: `vds merge --continue {target}`"),
            left => format!("{left} of {} left", view::count(opened.conflicts.len() as u64, "conflict")),
        };
        format!("{verb} of {} into {target}\n{lines}{end}\n", view::line(theirs))
    };
    cx.say(&document, text, || shown().map(|(conflict, _)| format!("{}\n", conflict.clash.path)).collect())
}

/// Writes the versions of each conflict beside each other.
fn write(cx: &Context, store: &Store, opened: &Opened, dir: &Path) -> Result<(), crate::fault::Cause> {
    checkout::outside_stores(dir)?;
    let mut files: Vec<(TreePath, Entry)> = Vec::new();
    for (Conflict { clash, draft, .. }, _) in &opened.conflicts {
        let versions = clash.versions;
        for (name, entry) in
            [("base", versions.base), ("ours", versions.ours), ("theirs", versions.theirs), ("draft", *draft)]
        {
            if let Some(entry) = entry {
                let path = format!("{}.{name}", clash.path);
                let path = path.parse().map_err(|error: crate::object::PathError| {
                    usage(error.to_string(), "look at it with `vds cat REPO@REV:PATH`")
                })?;
                files.push((path, entry));
            }
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    checkout::checkout(store.objects(), &files, dir, Clash::Overwrite, cx.progress())?;
    Ok(())
}
