//! `vds conflicts`.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use serde_json::json;

use super::answer::document;
use super::complaint::usage;
use super::context::{Answer, Context};
use super::integrated::open_target;
use super::merged::{brought, conflict_lines};
use crate::checkout::{self, Clash};
use crate::fault::Cause;
use crate::history::{self, Target};
use crate::integrate::{self, Opened};
use crate::merge::{Conflict, ConflictKind};
use crate::object::{CommitId, Entry, TreePath};
use crate::snapshot::{Snapshot, below};
use crate::store::Store;
use crate::view;

/// Show what an open merge waits for
///
/// Each conflict is told with what was chosen for it. --into writes the versions of each file beside each other, as
/// PATH.base, PATH.ours, PATH.theirs and, where a strategy left one, PATH.draft, to be looked at and edited; of a file against a
/// directory, one of these is a directory. Where several merges are open, they are listed.
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
    let here = cx.target_here()?.filter(|here| open.contains(here));
    if args.target.is_none() && here.is_none() && open.len() != 1 && args.into.is_none() {
        return list(cx, &store, &open);
    }
    let target = open_target(cx, &store, args.target.as_ref())?;
    let opened = integrate::load(&store, &target)?;
    if let Some(dir) = &args.into {
        write(cx, &store, &opened, dir)?;
    }
    let sink = store.rehearsal();
    let conflicts = opened
        .conflicts
        .iter()
        .filter(|(_, choice)| !args.left || choice.is_none())
        .map(|(conflict, choice)| view::Conflict::new(&sink, conflict, &opened.ends, choice.as_ref()))
        .collect::<Result<Vec<view::Conflict>, Cause>>()?;
    let left = opened.left().count() as u64;
    let document = document(&json!({
        "repo": target.repo, "branch": target.branch, "what": opened.request.action.verb(),
        "from": brought(&opened.request), "author": opened.author, "time": view::time(opened.time.0),
        "message": opened.request.message, "left": left, "conflicts": conflicts,
    }));
    let text = || {
        let lines: String = conflicts.iter().map(conflict_lines).collect();
        let verb = opened.request.action.verb();
        let end = match left {
            0 => format!("nothing is left: `vds merge --continue {target}`"),
            left => format!("{left} of {} left", view::count(opened.conflicts.len() as u64, "conflict")),
        };
        format!("{verb} of {} into {target}\n{lines}{end}\n", brought(&opened.request))
    };
    cx.say(&document, text, || conflicts.iter().map(|conflict| format!("{}\n", conflict.path)).collect())
}

/// Tells which merges are open, where none or several are.
fn list(cx: &Context, store: &Store, open: &[Target]) -> Answer {
    let opened = open.iter().map(|target| integrate::load(store, target)).collect::<Result<Vec<_>, _>>()?;
    let shape = |opened: &Opened| {
        json!({
            "repo": opened.target.repo, "branch": opened.target.branch, "what": opened.request.action.verb(),
            "from": brought(&opened.request), "left": opened.left().count(),
        })
    };
    let line = |opened: &Opened| {
        let (target, verb, from) = (&opened.target, opened.request.action.verb(), brought(&opened.request));
        let (left, all) = (opened.left().count(), view::count(opened.conflicts.len() as u64, "conflict"));
        format!("{verb} of {from} into {target} is open, {left} of {all} left: `vds conflicts {target}`\n")
    };
    let text = || match opened.as_slice() {
        [] => "no merge is open\n".to_owned(),
        several => several.iter().map(line).collect(),
    };
    let document = document(&json!({ "open": opened.iter().map(shape).collect::<Vec<_>>() }));
    cx.say(&document, text, || open.iter().map(|target| format!("{target}\n")).collect())
}

/// Writes the versions of each conflict beside each other; a directory as one.
fn write(cx: &Context, store: &Store, opened: &Opened, dir: &Path) -> Result<(), Cause> {
    checkout::outside_stores(dir)?;
    let mut files: Vec<(TreePath, Entry)> = Vec::new();
    for (Conflict { clash, draft, .. }, _) in &opened.conflicts {
        let versions = clash.versions;
        let is_directory = clash.kind == ConflictKind::FileDirectory;
        let sides = [
            ("base", versions.base, None),
            ("ours", versions.ours, Some(opened.ends.ours).filter(|_| is_directory)),
            ("theirs", versions.theirs, opened.ends.theirs.filter(|_| is_directory)),
            ("draft", *draft, None),
        ];
        for (name, entry, commit) in sides {
            match (entry, commit) {
                (Some(entry), _) => files.push((named(&clash.path, name, "")?, entry)),
                (None, Some(commit)) => {
                    for (rest, entry) in inside(store, commit, &clash.path)? {
                        files.push((named(&clash.path, name, &rest)?, entry));
                    }
                }
                (None, None) => {}
            }
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    checkout::checkout(store.objects(), &files, dir, Clash::Overwrite, cx.progress())?;
    Ok(())
}

/// Where a version of `path`, or what lies at `rest` in it, is written.
fn named(path: &TreePath, version: &str, rest: &str) -> Result<TreePath, Cause> {
    let named = format!("{path}.{version}{rest}");
    named.parse().map_err(|error: crate::object::PathError| {
        usage(error.to_string(), "look at it with `vds cat REPO@REV:PATH`")
    })
}

/// The files below `path` in the commit, by what follows it.
fn inside(store: &Store, commit: CommitId, path: &TreePath) -> Result<Vec<(String, Entry)>, Cause> {
    let tree = history::load_whole(store.objects(), commit)?.tree;
    let inside = below(Some(path));
    let files = Snapshot::new(store.objects(), tree).files_at(Some(path))?;
    let rest =
        |(at, entry): (TreePath, Entry)| Some((format!("/{}", at.as_str().strip_prefix(&inside)?), entry));
    Ok(files.into_iter().filter_map(rest).collect())
}
