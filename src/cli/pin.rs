//! `vds pin`.

use serde_json::{Value, json};

use super::answer::document;
use super::complaint::usage;
use super::context::{Answer, Context, Made, resolve};
use crate::fault::Cause;
use crate::history::{self, Location, Resolved};
use crate::object::{Commit, CommitId, RepoName};
use crate::store::Store;
use crate::{refs, view};

/// Keep a commit and what it holds, whatever rules say; list and remove pins
///
/// A pinned commit stays, with its files, when its branch is deleted and whatever the rules of `vds gc` would let go, until the pin is
/// removed. It has no name of its own (a tag is a name), and it is this store's alone: it is not pushed or cloned.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  vds pin ticks@main~3
  vds pin ticks@4c9f21ab
  vds pin list
  vds pin remove ticks@4c9f21ab"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The commit to keep
    #[arg(value_name = "REPO@REV", required = true)]
    commit: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List what is pinned, in all repos or in one, the oldest first
    #[command(after_help = "Examples:\n  vds pin list\n  vds pin list ticks")]
    List {
        /// The repo
        repo: Option<RepoName>,
    },
    /// Remove a pin; the commit stays for as long as anything else leads to it
    #[command(after_help = "Example:\n  vds pin remove ticks@4c9f21ab")]
    Remove {
        /// REPO@REV
        #[arg(value_name = "REPO@REV")]
        commit: String,
    },
}

pub(super) fn run(args: Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    match (args.verb, args.commit) {
        (Some(Verb::List { repo }), _) => list(&store, repo.as_ref(), cx),
        (Some(Verb::Remove { commit }), _) => {
            let (repo, id) = named(&store, &commit, cx)?;
            let operation = refs::unpin(&store, &cx.author, &repo, id)?;
            let text = format!("{repo}@{id:.12} is pinned no longer\n");
            let document = document(&json!({ "repo": repo, "removed": id.to_string() }));
            let quiet = format!("{id}\n");
            cx.changed(Made { document, text, quiet, done: "the pin is removed", operation: Some(operation) })
        }
        (None, commit) => {
            let (repo, id) = named(&store, &commit.unwrap_or_default(), cx)?;
            let operation = refs::pin(&store, &cx.author, &repo, id)?;
            let already = if operation.is_none() { " already" } else { "" };
            let text = format!("{repo}@{id:.12} is pinned{already}\n");
            let document = document(&json!({ "repo": repo, "commit": id.to_string() }));
            cx.changed(Made {
                document,
                text,
                quiet: format!("{id}\n"),
                done: "the commit is pinned",
                operation,
            })
        }
    }
}

/// The commit that is named; a file of it cannot be.
fn named(store: &Store, text: &str, cx: &Context) -> Result<(RepoName, CommitId), Cause> {
    let location: Location = cx.named(store, Some(text))?;
    if location.path.is_some() {
        return Err(usage("a pin is of a whole commit", "leave the path away"));
    }
    let Resolved { repo, commit, .. } = resolve(store, &location)?;
    Ok((repo.name, commit))
}

fn list(store: &Store, repo: Option<&RepoName>, cx: &Context) -> Answer {
    let mut pins = Vec::new();
    {
        let facts = store.session()?;
        let repos = match repo {
            Some(name) => vec![history::load_repo(&facts, name)?],
            None => history::list(&facts)?,
        };
        for repo in repos {
            pins.extend(history::pins(&facts, &repo)?.into_iter().map(|id| (repo.name.clone(), id)));
        }
    }
    let load = |(repo, id)| Ok((repo, id, history::load(store.objects(), id)?));
    let mut pins: Vec<(RepoName, CommitId, Commit)> =
        pins.into_iter().map(load).collect::<Result<_, Cause>>()?;
    pins.sort_by(|(a, _, one), (b, _, other)| (a, one.time).cmp(&(b, other.time)));
    let shapes: Vec<Value> =
        pins.iter().map(|(repo, id, _)| json!({ "repo": repo, "commit": id.to_string() })).collect();
    let line = |(repo, id, commit): &(RepoName, CommitId, Commit)| {
        format!("{repo}@{id:.12}  {}\n", view::line(commit.title()))
    };
    let quiet = || pins.iter().map(|(repo, id, _)| format!("{repo}@{id}\n")).collect();
    cx.say(&json!({ "pins": shapes }), || pins.iter().map(line).collect(), quiet)
}
