//! `vds op`.

use serde_json::json;

use super::answer::Listing;
use super::context::{Answer, Context};
use super::undo::{How, turned};
use crate::fault::Cause;
use crate::history;
use crate::object::RepoName;
use crate::operation::{self, Filter, Noun, Scope, Told};
use crate::store::Store;
use crate::view;

/// Look at what was done to the store, and go back
///
/// Every change is an operation with a number. Nothing that is undone is lost: going back is an operation too.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List operations, newest first
    #[command(after_help = "Examples:\n  vds op log -n 10\n  vds op log ticks\n  vds op log --all --json")]
    Log {
        /// Only those that changed this repo
        repo: Option<RepoName>,
        /// At most so many
        #[arg(short = 'n', long, value_name = "COUNT")]
        max_count: Option<usize>,
        /// Those that vds made for its own bookkeeping of jobs, too
        #[arg(long)]
        all: bool,
    },
    /// Show an operation: what it changed, the commits it brought, the jobs it queued
    #[command(after_help = "Example:\n  vds op show 12")]
    Show {
        /// Its number
        number: u64,
    },
    /// Make repos, branches, tags and pipelines what they were after an operation
    ///
    /// Stages follow, and find their results again. What is on no branch then stays in the store, and `vds undo` brings all of
    /// it back.
    #[command(after_help = "Examples:\n  vds op restore 12 --dry-run\n  vds op restore 12")]
    Restore {
        /// The number of the operation
        number: u64,
        #[command(flatten)]
        how: How,
    },
}

/// So many changes of an operation are listed; `op show` has all.
const LISTED: usize = 5;

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Log { repo, max_count, all } => {
            let scope = if all { Scope::All } else { Scope::People };
            let mut told = operation::log(&store, Filter { repo: repo.clone(), scope })?.peekable();
            if let (Some(name), None) = (&repo, told.peek()) {
                history::load_repo(&store.session()?, name)?;
            }
            let told = told.map(|told| Ok::<_, Cause>(brief(told?, scope)));
            cx.list(
                told.take(max_count.unwrap_or(usize::MAX)),
                &Listing {
                    name: "operations",
                    document: &|told| json!(view::Operation::from(told)),
                    text: &listed,
                    quiet: &|told| format!("{}\n", told.number),
                },
            )
        }
        Verb::Show { number } => {
            let told = operation::load(&store, number)?;
            cx.say(&view::Operation::from(&told), || shown(&store, &told), || format!("{number}\n"))
        }
        Verb::Restore { number, how } => {
            let restored = operation::restore(&store, &cx.author, number, how.mode())?;
            turned(&store, restored, &how, cx)
        }
    }
}

/// Without what belongs to any commit: that it is there, and the jobs that it queued.
fn brief(mut told: Told, scope: Scope) -> Told {
    let is_brief = scope == Scope::People;
    told.changes.retain(|changed| changed.noun != Noun::Commit && !(is_brief && changed.noun == Noun::Job));
    told
}

fn head(told: &Told) -> String {
    let view = view::Operation::from(told);
    let undone = if view.undone { "  (undone)" } else { "" };
    let (author, command) = (view::line(&view.author), view::line(&view.command));
    let mut text = format!("{:>5}  {}  {author}  {command}{undone}\n", view.number, view.time);
    if let Some(number) = view.undid {
        text += &format!("       took operation {number} back\n");
    }
    if let Some(number) = view.redid {
        text += &format!("       brought operation {number} back\n");
    }
    text
}

fn listed(told: &Told) -> String {
    let lines = told.changes.iter().take(LISTED).map(view::OperationChange::from);
    let mut text = head(told);
    text.extend(lines.map(|change| format!("       {change}\n")));
    if let Some(more) = told.changes.len().checked_sub(LISTED).filter(|more| *more > 0) {
        text += &format!("       and {more} more\n");
    }
    text
}

fn shown(store: &Store, told: &Told) -> String {
    let view = view::Operation::from(told);
    let (author, command) = (view::line(&view.author), view::line(&view.command));
    let undone = if view.undone { ", which is undone" } else { "" };
    let mut text = format!(
        "operation {}{undone}\nauthor  {author}\ndate    {}\ncommand {command}\n",
        view.number, view.time
    );
    let turned = [("took back", view.undid), ("brought back", view.redid)];
    text.extend(
        turned.into_iter().filter_map(|(what, number)| Some(format!("{what} operation {}\n", number?))),
    );
    for (changed, change) in told.changes.iter().zip(&view.changes) {
        text += &match (changed.noun, &change.before, &change.after) {
            (Noun::Commit, _, Some(id)) => {
                // It may have been collected since.
                let commit = id.parse().ok().and_then(|id| history::load(store.objects(), id).ok());
                let title = commit.map(|commit| view::line(commit.title())).unwrap_or_default();
                format!(" commit {id} of {}: {title}\n", change.name)
            }
            (Noun::Branch | Noun::Tag, before, after) => {
                let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
                format!(
                    " {} {}\n  before {}\n  after  {}\n",
                    change.what,
                    change.name,
                    side(before),
                    side(after)
                )
            }
            _ => format!(" {change}\n"),
        };
    }
    text
}
