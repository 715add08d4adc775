//! `vds purge`.

use serde_json::{Value, json};

use super::answer::{Listing, document};
use super::complaint::usage;
use super::context::{Answer, Context, Made};
use super::ran::would_trigger;
use crate::fault::Cause;
use crate::history::{self, Purge, Target, split_path};
use crate::object::BlobId;
use crate::purge::{self, MovedRef, Place, Purged, Reach, Wanted};
use crate::refs::Mode;
use crate::repair;
use crate::store::Store;
use crate::view;

/// Take files out of all history, for good
///
/// Every commit of the repo that has something at the path is written anew without it, and so is every commit that comes after it, in any
/// repo; branches and tags move to the new ones in one step. With --everywhere, what ever lay at the path goes from wherever it lies; with
/// --blob, what has this id. It cannot be undone, and nothing before it can. An old commit id is answered with the new one.
///
/// The bytes go with the next `vds gc`. What remotes, bundles, backups and workspaces have is not reached.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds purge desk/ticks:2024/secret.csv --dry-run
  vds purge desk/ticks:2024/secret.csv -m 'not ours to keep'
  vds purge desk/ticks:people/ --everywhere -m 'asked by the person'
  vds purge --blob 4c9f21ab03de5c3b0a1f7e9d8c6b5a493827160f5e4d3c2b1a09f8e7d6c5b4a3 -m 'a password'
  vds purge --list")]
pub(super) struct Args {
    /// REPO:PATH, a file or a directory
    #[arg(value_name = "REPO:PATH", required_unless_present_any = ["blobs", "list"])]
    places: Vec<String>,
    /// A blob, wherever it lies, by its whole id
    #[arg(long = "blob", value_name = "ID")]
    blobs: Vec<BlobId>,
    /// Take what lay at the paths from wherever else it lies, but for empty files
    #[arg(long)]
    everywhere: bool,
    /// Why, for the record
    #[arg(short, long, value_name = "REASON", required_unless_present_any = ["dry_run", "list"])]
    message: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
    /// List the purges that were made
    #[arg(long, conflicts_with_all = ["places", "blobs", "everywhere", "message", "dry_run", "no_run"])]
    list: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    if args.list {
        return list(&store, cx);
    }
    let places = args.places.iter().map(|text| place(text)).collect::<Result<Vec<_>, _>>()?;
    let named = places.iter().map(|place| format!("{}:{}", place.repo, place.path));
    let wanted = Wanted {
        asked: named.chain(args.blobs.iter().map(BlobId::to_string)).collect(),
        places,
        blobs: args.blobs.iter().copied().collect(),
        reach: if args.everywhere { Reach::Everywhere } else { Reach::Path },
        reason: args.message.clone().unwrap_or_default(),
    };
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Make };
    let purged = purge::purge(&store, &cx.author, &wanted, mode, cx.progress())?;
    if mode == Mode::Make {
        for MovedRef { name, before, after, .. } in purged.refs.iter().filter(|moved| moved.is_branch) {
            let target: Target = name.parse().map_err(history::Error::from)?;
            if cx.stands_at(&target, *before)? {
                cx.follow(&target, *after)?;
            }
        }
    }
    let aside = repair::quarantined(&store)?;
    if aside > 0 {
        let packs = view::count(aside as u64, "damaged pack");
        cx.note(&format!(
            "{packs} in quarantine/ may have it as well: delete them when all that is wanted of them is back"
        ));
    }
    let (document, text) = (shape(&purged, args.dry_run), text(&purged, mode));
    let quiet = purged.blobs.iter().map(|(blob, _)| format!("{blob}\n")).collect();
    let made = Made { document, text, quiet, done: "it is purged", operation: None };
    match mode {
        Mode::Make => cx.made(&store, made, purged.caused, args.no_run),
        Mode::DryRun => {
            let text = made.text.clone() + &would_trigger(&store, &purged.caused.jobs);
            cx.say(&made.document, || text, || made.quiet)
        }
    }
}

/// The path of a repo that `text` means.
fn place(text: &str) -> Result<Place, Cause> {
    let (repo, path) = split_path(text);
    let hint = "write it like desk/ticks:2024/secret.csv";
    if repo.contains(['@', '~', '^']) {
        return Err(usage(format!("{text:?} names one revision, and a purge goes through all"), hint));
    }
    let Some(path) = path.map(|path| path.trim_matches('/')).filter(|path| !path.is_empty()) else {
        return Err(usage(format!("{text:?} names no path"), hint));
    };
    let repo = repo.parse().map_err(history::Error::from)?;
    let path = path.parse().map_err(|error: crate::object::PathError| usage(error.to_string(), hint))?;
    Ok(Place { repo, path })
}

fn shape(purged: &Purged, dry_run: bool) -> Value {
    let Purged { operation, blobs, commits, refs, forgotten, others, workspaces, bytes, .. } = purged;
    let commits: Vec<Value> =
        commits.iter().map(|(repo, count)| json!({ "repo": repo, "count": count })).collect();
    let blobs: Vec<Value> =
        blobs.iter().map(|(blob, path)| json!({ "blob": blob.to_string(), "path": path })).collect();
    let moved = |moved: &MovedRef| {
        json!({
            "ref": moved.name, "what": if moved.is_branch { "branch" } else { "tag" },
            "before": moved.before.to_string(), "after": moved.after.to_string(),
        })
    };
    document(&json!({
        "dry_run": dry_run, "operation": operation, "blobs": blobs, "bytes": bytes, "commits": commits,
        "refs": refs.iter().map(moved).collect::<Vec<_>>(), "forgotten": forgotten,
        "workspaces": workspaces.iter().map(|dir| dir.to_string_lossy()).collect::<Vec<_>>(),
        "still_named": others.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}

fn text(purged: &Purged, mode: Mode) -> String {
    let Purged { operation, blobs, commits, refs, forgotten, others, workspaces, bytes, .. } = purged;
    let (verb, rewritten) = match mode {
        Mode::Make => ("purged", "written anew"),
        Mode::DryRun => ("would purge", "to be written anew"),
    };
    let count = view::counted(blobs.len() as u64, "content", "contents");
    let mut text = format!("{verb} {count}, which takes {} in the packs\n", view::bytes(*bytes));
    for (blob, path) in blobs {
        let path = path.as_ref().map(|path| format!("  {path}")).unwrap_or_default();
        text += &format!(" {blob}{}\n", view::line(&path));
    }
    for (repo, count) in commits {
        text += &format!("{} of {repo} {rewritten}\n", view::count(*count, "commit"));
    }
    for MovedRef { name, is_branch, before, after } in refs {
        let tag = if *is_branch { "" } else { "tag " };
        text += &format!(" {tag}{name} {before:.12}..{after:.12}\n");
    }
    for name in forgotten {
        text += &format!("{name} is not known any more; that remote has it still\n");
    }
    for other in others {
        text += &format!("still there: {}\n", view::line(&other.to_string()));
    }
    if !others.is_empty() {
        text += match mode {
            Mode::DryRun => "(with --everywhere it goes from there, too)\n",
            Mode::Make => "(`vds purge --blob ID` takes it from there, too)\n",
        };
    }
    for dir in workspaces {
        let dir = dir.to_string_lossy();
        text += &format!("{} may have it still: it is a workspace of what had it\n", view::line(&dir));
    }
    text += &match operation {
        Some(number) => format!(
            "operation {number}, and what was before it, cannot be undone; the bytes go with the next `vds gc`\n"
        ),
        None => {
            "after that nothing before it can be undone; the bytes go with the next `vds gc`\n".to_owned()
        }
    };
    text
}

fn list(store: &Store, cx: &Context) -> Answer {
    let purges = history::purges(&store.session()?)?;
    let items = purges.all().iter().rev().map(|purge| Ok(purge.clone()));
    let shape = |purge: &Purge| {
        let commits = purge.commits.iter().map(|(repo, count)| json!({ "repo": repo, "count": count }));
        json!({
            "operation": purge.operation, "time": view::time(purge.time), "author": purge.author,
            "reason": purge.reason, "asked": purge.asked, "blobs": purge.blobs, "commits": commits.collect::<Vec<_>>(),
        })
    };
    let quiet = |purge: &Purge| format!("{}\n", purge.operation);
    cx.list(items, &Listing { name: "purges", document: &shape, text: &told, quiet: &quiet })
}

fn told(purge: &Purge) -> String {
    let commits = purge.commits.iter().map(|(_, count)| count).sum();
    format!(
        "{:>5}  {}  {}  {}\n       {}: {}, {} written anew\n",
        purge.operation,
        view::time(purge.time),
        view::line(&purge.author),
        view::line(&purge.reason),
        view::line(&purge.asked.join(", ")),
        view::counted(purge.blobs, "content", "contents"),
        view::count(commits, "commit"),
    )
}
