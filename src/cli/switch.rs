//! `vds switch`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::document;
use super::context::{Answer, Context, Made};
use super::here;
use crate::history::{self, Target};
use crate::marker::Position;
use crate::object::BranchName;
use crate::workspace::{Loss, Moved, Workspace};
use crate::{refs, view};

/// Bring this workspace to another branch
///
/// Only the files that differ are touched. Local changes elsewhere are carried along; a local change to a file that differs
/// makes the command fail, unless --force is given. The workspace's own branch is brought to its head.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds switch bbg
  vds switch -c cleaned        # a new branch, with the changes that are here
  vds switch -c retry main~3")]
pub(super) struct Args {
    /// The branch
    branch: BranchName,
    /// Where a new branch begins [default: here]
    #[arg(value_name = "REV", requires = "create")]
    from: Option<String>,
    /// Begin the branch
    #[arg(short, long)]
    create: bool,
    /// Lose local changes that are in the way
    #[arg(long)]
    force: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long, requires = "create")]
    no_run: bool,
}

pub(super) fn loss(force: bool) -> Loss {
    if force { Loss::Accept } else { Loss::Refuse }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let mut workspace = cx.workspace()?;
    let held = workspace.hold()?;
    let target = Target { repo: workspace.marker().repo.clone(), branch: args.branch.clone() };
    let commit = {
        let facts = workspace.store().session()?;
        let repo = history::load_repo(&facts, &target.repo)?;
        if args.create {
            repo.writable()?;
            history::check_free(&facts, &repo, target.branch.as_str())?;
            workspace.marker().at.commit
        } else {
            Some(history::load_head(&facts, &repo, &target.branch)?)
        }
    };
    let commit = match &args.from {
        Some(text) => Some(here::commit(&workspace, text)?),
        None => commit,
    };
    if args.create && args.from.is_none() {
        workspace.check_settled()?;
    }
    let to = Position { branch: Some(target.branch.clone()), commit };
    let moved = workspace.switch(&held, &to, &BTreeMap::new(), loss(args.force), cx.progress())?;
    // The workspace is free while jobs run.
    drop(held);
    let (said, text, quiet) = arrived(&workspace, moved);
    let Some(commit) = commit.filter(|_| args.create) else {
        return cx.tell(&said, || text, || quiet);
    };
    let created = refs::create_branch(workspace.store(), &cx.author, &target, commit)?;
    let operation = Some(created.operation);
    let made = Made { document: document(&said), text, quiet, done: "the branch is made", operation };
    cx.made(workspace.store(), made, created.caused, args.no_run)
}

/// What is said of a workspace that has come to another version.
pub(super) fn arrived(workspace: &Workspace, moved: Moved) -> (Value, String, String) {
    let at = &workspace.marker().at;
    let commit = at.commit.map(|id| id.to_string());
    let Moved { written, removed, .. } = moved;
    let document = json!({
        "repo": workspace.marker().repo, "branch": at.branch, "commit": commit, "written": written, "removed": removed,
    });
    let at = at.commit.map(|id| format!(" at {id:.12}")).unwrap_or_default();
    let on = workspace
        .target()
        .map_or_else(|| format!("{}, on no branch,", workspace.marker().repo), |on| on.to_string());
    let text = format!("{on}{at}: {} written, {removed} removed\n", view::count(written, "file"));
    (document, text, commit.map(|id| format!("{id}\n")).unwrap_or_default())
}
