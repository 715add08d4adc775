//! `vds merge`.

use super::complaint::usage;
use super::context::{Answer, Context, Made};
use super::integrated::{Brought, How, Lacking, bring, named, onto, open_target, tell};
use super::merged::Kept;
use crate::fault::Cause;
use crate::history::{self, Target};
use crate::integrate::{self, Action, Dropped, FastForward, Request, Unrelated};
use crate::progress::Amount;
use serde_json::json;

/// Bring the changes of one branch into another
///
/// What only one side changed since their last common commit goes together. A file that both changed is a conflict unless a
/// strategy is named for it; with conflicts, nothing is visible on the branch: the merge stays open until `vds resolve`
/// and --continue finish it, or --abort drops it. Exits with 1 if there are conflicts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds merge ticks@main bbg
  vds merge bbg                       # in a workspace: into its branch
  vds merge ticks@main bbg --dry-run
  vds merge ticks@main bbg -s 'ref/**=theirs' -s '**/*.csv=csv:key=date,symbol'
  vds merge --continue ticks@main")]
pub(super) struct Args {
    /// REPO@INTO, the branch to merge into [default: the workspace's], and FROM, a branch, tag or commit of the same repo
    #[arg(value_names = ["REPO@INTO", "FROM"], num_args = 1..=2, required_unless_present_any = ["continue", "abort"])]
    names: Vec<String>,
    /// What is to be said of the merge
    #[arg(short, long)]
    message: Option<String>,
    /// Refuse anything but moving the branch forward
    #[arg(long, conflicts_with_all = ["no_ff", "squash"])]
    ff_only: bool,
    /// Make a merge commit even where the branch could just be moved
    #[arg(long, conflicts_with = "squash")]
    no_ff: bool,
    /// Make one ordinary commit of all the changes, without the other branch's history
    #[arg(long)]
    squash: bool,
    /// Merge histories that have no commit in common
    #[arg(long, alias = "allow-unrelated-histories")]
    allow_unrelated: bool,
    #[command(flatten)]
    how: How,
    /// Finish an open merge
    #[arg(long, conflicts_with_all = ["abort", "ff_only", "no_ff", "squash", "allow_unrelated", "strategies", "dry_run"])]
    r#continue: bool,
    /// Drop an open merge
    #[arg(long, conflicts_with_all = ["message", "ff_only", "no_ff", "squash", "allow_unrelated", "strategies", "dry_run"])]
    abort: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    if (args.abort || args.r#continue) && args.names.len() > 1 {
        return Err(usage(
            "what is merged was said when the merge was begun",
            "name the branch alone: REPO@BRANCH",
        ));
    }
    if args.abort {
        let target = open_target(cx, &store, args.names.first())?;
        let Dropped { operation, action } = integrate::abort(&store, &cx.author, &target)?;
        let document = json!({ "repo": target.repo, "branch": target.branch, "vds": crate::view::VERSION });
        let text = format!("dropped the open {} into {target}, which is as it was\n", action.verb());
        let quiet = format!("{target}\n");
        return cx.changed(Made {
            document,
            text,
            quiet,
            done: "the merge is dropped",
            operation: Some(operation),
        });
    }
    if args.r#continue {
        let target = open_target(cx, &store, args.names.first())?;
        let mut request = integrate::load(&store, &target)?.request;
        if let Some(message) = &args.message {
            request.message.clone_from(message);
        }
        let local = cx.local(&target)?;
        cx.progress().begin("merging", Amount::Steps(None));
        let outcome = integrate::finish(&store, &cx.author, &target, args.message.clone(), local.as_ref());
        cx.progress().end();
        return tell(cx, &store, &target, &request, outcome?, Kept::Open, args.how.later());
    }
    let (target, from) = onto(cx, &args.names, Lacking::Merge)?;
    let request = request(args, &store, &target, &from)?;
    bring(cx, &store, &target, &request, &args.how)
}

fn request(args: &Args, store: &crate::store::Store, target: &Target, from: &str) -> Result<Request, Cause> {
    history::load_repo(&store.session()?, &target.repo)?;
    let theirs = named(store, &target.repo, from)?;
    let unrelated = if args.allow_unrelated { Unrelated::Allow } else { Unrelated::Refuse };
    let forward = match (args.ff_only, args.no_ff) {
        (true, _) => FastForward::Only,
        (_, true) => FastForward::Never,
        _ => FastForward::Allow,
    };
    let action = if args.squash {
        Action::Squash { theirs, unrelated }
    } else {
        Action::Merge { theirs, forward, unrelated }
    };
    let manner = args.how.manner(store, target, from.to_owned(), Brought::Branch)?;
    let message = args.message.clone().unwrap_or_else(|| integrate::default_message(from, target));
    Ok(Request { action, manner, message })
}
