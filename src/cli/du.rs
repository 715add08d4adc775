//! `vds du`.

use serde_json::{Value, json};

use super::complaint::usage as misuse;
use super::context::{Answer, Context, resolve, snapshot};
use super::ls::missing;
use crate::fault::Cause;
use crate::history::{self, Location, Resolved};
use crate::object::RepoName;
use crate::pack::Stock;
use crate::store::Store;
use crate::usage::{self, Share, Subject};
use crate::view;

/// Show how many files and bytes a revision or a path in it has, and what only it keeps in the store
///
/// What is counted is what the files hold; in the store it takes less, since equal content is kept once, compressed. With --unique: how
/// much that is in the store, compressed, and how much of it nothing else keeps, so that it would be free without it. A branch is
/// measured with its history, any other revision without; --all measures a repo with all its branches and tags. Then all that the store keeps is
/// looked at.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds du ticks
  vds du ticks@v1:2024/05
  vds du ticks@feature/x --unique
  vds du settlement/bin --all --unique")]
pub(super) struct Args {
    /// REPO@REV:PATH
    #[arg(value_name = "LOCATION")]
    location: Option<String>,
    /// All branches of the repo, each for itself
    #[arg(long)]
    all: bool,
    /// What it keeps in the store, and what of that nothing else keeps
    #[arg(long)]
    unique: bool,
}

/// What was counted.
struct Counted {
    /// What it is.
    what: String,
    /// What it is, to those who know what is kept.
    subject: Option<Subject>,
    files: u64,
    bytes: u64,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let counted = if args.all { repo(args, &store, cx)? } else { revision(args, &store, cx)? };
    let share = match (args.unique, &counted.subject) {
        (false, _) => None,
        (true, Some(subject)) => Some(usage::share(&store, subject, cx.progress())?),
        (true, None) => {
            let hint = "leave the path away: what a part of a tree shares with others cannot be told";
            return Err(misuse("--unique measures repos, branches and commits", hint));
        }
    };
    let Counted { what, files, bytes, .. } = &counted;
    let text = || {
        let line = format!("{}  {}  {what}\n", view::bytes(*bytes), view::count(*files, "file"));
        line + &share.as_ref().map(told).unwrap_or_default()
    };
    let document = json!({
        "location": what,
        "files": files,
        "bytes": bytes,
        "stored": share.map(|share| shape(share.all)),
        "unique": share.map(|share| shape(share.unique)),
    });
    let quiet = share.map_or(*bytes, |share| share.unique.stored);
    cx.say(&document, text, || format!("{quiet}\n"))
}

fn shape(Stock { objects, bytes, stored }: Stock) -> Value {
    json!({ "objects": objects, "bytes": bytes, "stored_bytes": stored })
}

fn told(Share { all, unique }: &Share) -> String {
    let each = [("in the store", all), ("only its own", unique)];
    each.map(|(what, stock)| {
        let (stored, bytes) = (view::bytes(stock.stored), view::bytes(stock.bytes));
        format!("{stored}  {what}, {bytes} before compression\n")
    })
    .concat()
}

/// The repo that is named alone, or that of the workspace.
fn repo(args: &Args, store: &Store, cx: &Context) -> Result<Counted, Cause> {
    let name: RepoName = match &args.location {
        Some(text) => text.parse().map_err(|_| {
            misuse(format!("{text} is not a repo"), "with --all name the repo alone, or leave --all away")
        })?,
        None => cx.named::<Location>(store, None)?.repo,
    };
    let (id, held) = usage::held(store, &name)?;
    let (files, bytes) = (held.totals.count, held.totals.weight);
    Ok(Counted { what: name.to_string(), subject: Some(Subject::Repo(id)), files, bytes })
}

fn revision(args: &Args, store: &Store, cx: &Context) -> Result<Counted, Cause> {
    let location: Location = cx.named(store, args.location.as_deref())?;
    let found = resolve(store, &location)?;
    let tree = snapshot(store, &found)?;
    let file = found.path.as_ref().map_or(Ok(None), |path| tree.find(path.as_str()))?;
    let (files, bytes) = if let Some(entry) = file {
        (1, entry.size)
    } else {
        let totals = tree.totals(found.path.as_ref())?;
        (totals.count, totals.weight)
    };
    if files == 0 && found.path.is_some() {
        return Err(missing(tree, &location));
    }
    let subject = if args.unique { subject(store, found)? } else { None };
    Ok(Counted { what: location.to_string(), subject, files, bytes })
}

/// What a revision without a path is: a branch, if it is the name of one, else its commit.
fn subject(store: &Store, found: Resolved) -> Result<Option<Subject>, Cause> {
    let Resolved { repo, commit, branch, path } = found;
    if path.is_some() {
        return Ok(None);
    }
    let head = match &branch {
        Some(branch) => history::head(&store.session()?, &repo, branch)?,
        None => None,
    };
    Ok(Some(match (branch, head) {
        (Some(branch), Some(_)) => Subject::Branch(repo.id, branch),
        _ => Subject::Commit(commit),
    }))
}
