//! `vds revert` and `vds cherry-pick`.

use super::context::{Answer, Context};
use super::integrated::{Brought, How, Lacking, bring, named, onto};
use crate::fault::Cause;
use crate::history::{self, Target};
use crate::integrate::{Action, Request};
use crate::object::{Commit, CommitId};
use crate::store::Store;

/// Take back what a commit changed, by a new commit
///
/// What was changed since stays; where that is the same files, it is a conflict as in a merge. Pipelines find the results of
/// earlier versions again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds revert ticks@main 4c9f21ab
  vds revert ticks@main main~2 --dry-run
  vds revert ticks@main MERGE --mainline 1")]
pub(super) struct RevertArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Bring what one commit changed onto a branch, by a new commit
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds cherry-pick ticks@main bbg
  vds cherry-pick ticks@main 4c9f21ab -x -s text")]
pub(super) struct CherryPickArgs {
    #[command(flatten)]
    which: Which,
    /// Say in the message from which commit it comes
    #[arg(short = 'x')]
    say_origin: bool,
    #[command(flatten)]
    how: How,
}

/// The branch and the commit.
#[derive(Debug, clap::Args)]
struct Which {
    /// REPO@BRANCH [default: the workspace's], and the commit
    #[arg(value_names = ["REPO@BRANCH", "COMMIT"], num_args = 1..=2, required = true)]
    names: Vec<String>,
    /// Of a merge: from which of its parents, counted from 1, it is looked at
    #[arg(long, value_name = "NUMBER")]
    mainline: Option<usize>,
    /// What is to be said of the commit
    #[arg(short, long)]
    message: Option<String>,
}

impl Which {
    fn find(
        &self,
        cx: &Context,
        store: &Store,
        lacking: Lacking,
    ) -> Result<(Target, CommitId, Commit), Cause> {
        let (target, text) = onto(cx, &self.names, lacking)?;
        history::load_repo(&store.session()?, &target.repo)?;
        let id = named(store, &target.repo, &text)?;
        Ok((target, id, history::load(store.objects(), id)?))
    }
}

pub(super) fn run(args: &RevertArgs, cx: &Context) -> Answer {
    let RevertArgs { which, how } = args;
    let store = cx.store()?;
    let (target, id, commit) = which.find(cx, &store, Lacking::Revert)?;
    let action = Action::Revert { commit: id, mainline: which.mainline };
    let manner = how.manner(&store, &target, format!("before {id:.12}"), Brought::Change)?;
    let message = format!("revert \"{}\"\n\nThis takes back commit {id}.", commit.title());
    let message = which.message.clone().unwrap_or(message);
    bring(cx, &store, &target, &Request { action, manner, message }, how)
}

pub(super) fn run_cherry_pick(args: &CherryPickArgs, cx: &Context) -> Answer {
    let CherryPickArgs { which, say_origin, how } = args;
    let store = cx.store()?;
    let (target, id, commit) = which.find(cx, &store, Lacking::CherryPick)?;
    let action = Action::CherryPick { commit: id, mainline: which.mainline };
    let manner = how.manner(&store, &target, format!("{id:.12}"), Brought::Change)?;
    let mut message = which.message.clone().unwrap_or(commit.message);
    if *say_origin {
        message = format!("{}\n\n(cherry picked from commit {id})", message.trim_end());
    }
    bring(cx, &store, &target, &Request { action, manner, message }, how)
}
