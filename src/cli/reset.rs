//! `vds reset`.

use serde_json::json;

use super::answer::document;
use super::context::{Answer, Context, Made, commit_of};
use super::undo::{How, finish};
use crate::history::{Log, Revision, Target};
use crate::refs::{self, Mode};
use crate::view;

/// Set a branch back to an earlier commit, or to any other
///
/// The commits that it leaves behind stay in the store. Stages follow, and find their results again. The output of a stage is not
/// reset. In a workspace on this branch the files stay as they are, and what they differ from the commit by is a local change; with
/// --hard they follow.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds reset ticks@main main~1 --dry-run
  vds reset ticks@main 'main@{2 hours ago}'
  vds reset ticks@main 'main@{1}'")]
pub(super) struct Args {
    /// REPO@BRANCH
    target: Target,
    /// Where it is to point
    #[arg(value_name = "REV")]
    to: Revision,
    /// Bring the files of the workspace that one is in along, if it is on this branch; local changes that are in the way are not lost
    #[arg(long)]
    hard: bool,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let Args { target, to, hard, how } = args;
    let id = commit_of(&store, &target.repo, to)?;
    let refs::Reset { operation, before, caused } =
        refs::reset_branch(&store, &cx.author, &target, id, how.mode())?;
    let mut left = 0_u64;
    for item in Log::new(store.objects(), [before]).without(id) {
        item?;
        left += 1;
    }
    if how.mode() == Mode::Make && cx.stands_at(&target, before)? {
        if hard { cx.follow(&target, id)? } else { cx.stay(&target, id)? }
    }
    let text = match how.mode() {
        _ if before == id => format!("{target} is at {id:.12} already\n"),
        Mode::Make => format!("{target} reset from {before:.12} to {id:.12}\n"),
        Mode::DryRun => format!("{target} would be reset from {before:.12} to {id:.12}\n"),
    };
    let left_behind = format!(" {} left behind\n", view::count(left, "commit"));
    let text = text + if left > 0 { &left_behind } else { "" };
    let document = document(&json!({
        "name": target.branch, "before": before.to_string(), "commit": id.to_string(), "left_behind": left,
        "dry_run": how.mode() == Mode::DryRun,
    }));
    let made = Made { document, text, quiet: format!("{id}\n"), done: "the branch is reset", operation };
    finish(&store, made, caused, &how, cx)
}
