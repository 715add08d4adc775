//! `vds rebuild`.

use serde_json::{Value, json};

use super::context::{Answer, Context};
use crate::repair::{self, Journal, Rebuilt};
use crate::view;

/// Make the index again from the packs, and the facts from the journal
///
/// No command needs this: what is missing or behind is made again by the next one. It helps where something is there and wrong. The facts
/// that were there are kept beside, as `meta.broken-N`. A journal that is lost or damaged is another matter: with --without-journal a new
/// one is begun from the facts, or, if they are gone too, from the part of it that is good, and commits that lie in packs without a name
/// become branches of a repo `recovered`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds rebuild
  vds rebuild --without-journal")]
pub(super) struct Args {
    /// Begin a new journal where the old one cannot be used; it is kept beside
    #[arg(long)]
    without_journal: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let journal = if args.without_journal { Journal::Begun } else { Journal::Needed };
    let rebuilt = repair::rebuild(&store, &cx.author, journal)?;
    let recovered = &rebuilt.recovered;
    let branches: Vec<view::Ref> =
        recovered.branches.iter().map(|(name, id)| view::Ref::new(name, *id)).collect();
    let shape = json!({
        "packs": rebuilt.packs, "operations": rebuilt.operations, "facts_taken": rebuilt.refounded,
        "recovered": recovered.repo.as_ref().map_or(Value::Null, |repo| json!({
            "repo": repo, "branches": branches, "commits": recovered.commits,
        })),
    });
    cx.say(&shape, || text(&rebuilt), String::new)
}

fn text(rebuilt: &Rebuilt) -> String {
    let mut text = format!("made the index again from {}\n", view::count(rebuilt.packs, "pack"));
    text += &match rebuilt.refounded {
        None => format!("made the facts again from {}\n", view::count(rebuilt.operations, "operation")),
        Some(facts) => format!("began a new journal with {}\n", view::count(facts, "fact")),
    };
    if let Some(repo) = &rebuilt.recovered.repo {
        let commits = view::count(rebuilt.recovered.commits, "commit");
        text += &format!("found {commits} without a name:\n");
        for (branch, id) in &rebuilt.recovered.branches {
            text += &format!(" {repo}@{branch} {id:.12}\n");
        }
    }
    text
}
