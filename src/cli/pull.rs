//! `vds pull`.

use serde_json::{Value, json};

use super::complaint::failure;
use super::context::{Answer, Context, Made, undo};
use super::fetch::{fields_of, other, parsed, text};
use super::merged::{self, Kept, Tense, Told, refusal};
use crate::fault::Cause;
use crate::history::Target;
use crate::integrate::Integrated;
use crate::object::{CommitId, RemoteName};
use crate::store::Store;
use crate::transfer::{self, Apart, Choice, Desk, Gone, Local, Merging, Pulled, Relation, Scope};

/// Bring what is new in another store, and let your branches follow
///
/// This is `vds fetch`, and then each branch that is behind goes on to where that of the remote stands. One that has commits
/// of its own is left alone; one that has gone apart is merged with that of the remote, by the rules of its repo, as `vds merge`
/// does it. With conflicts that merge stays open, and the exit code is 1. Without REPO all branches are meant that are in both
/// stores; REPO alone is its branch main.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds pull
  vds pull origin ticks truth@cleaned
  vds pull --ff-only")]
pub(super) struct Args {
    /// The remote [default: origin], and REPO or REPO@BRANCH for branches of it
    #[arg(value_name = "REMOTE|REPO")]
    names: Vec<String>,
    /// Leave branches that have gone apart as they are, with exit code 1
    #[arg(long)]
    ff_only: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

pub(super) fn word(relation: Relation) -> &'static str {
    match relation {
        Relation::Same => "same",
        Relation::Ahead => "ahead",
        Relation::Absent => "new",
        Relation::Behind => "forward",
        Relation::Apart => "apart",
    }
}

/// What became of a branch.
struct Report {
    document: Value,
    text: String,
    /// The name of the branch, if it has moved.
    quiet: String,
    error: Option<Cause>,
}

/// Tells what became of a branch.
fn report(store: &Store, pulled: Pulled, remote: &RemoteName) -> Result<Report, Cause> {
    let stays = pulled.check(remote).err().map(Cause::from);
    let Pulled { target, before, theirs, relation, merging } = pulled;
    let mut text = told(&target.to_string(), before, theirs, relation);
    let mut change = word(relation);
    let mut moved = matches!(relation, Relation::Absent | Relation::Behind);
    let mut merge = Value::Null;
    let error = match merging {
        None => stays,
        Some(Merging { request, outcome: Ok(outcome) }) => {
            let Told { mut document, text: lines, .. } =
                merged::told(store, &target, &request, &outcome, Tense::Did)?;
            if let Some(fields) = document.as_object_mut() {
                fields.insert("operation".to_owned(), json!(outcome.operation));
            }
            moved = outcome.came != Integrated::Conflicted;
            change = match outcome.came {
                Integrated::Made => "merged",
                Integrated::Conflicted => "conflicts",
                Integrated::Forwarded | Integrated::Nothing => change,
            };
            let heading = format!("{target} does not go together with {remote}/{}:\n", target.branch);
            text = if moved { lines } else { heading + &lines } + &undo(outcome.operation);
            merge = document;
            refusal(&target, &request, &outcome, Kept::Open)
        }
        Some(Merging { outcome: Err(error), .. }) => {
            let before = before.map(|id| format!("{id:.12}")).unwrap_or_default();
            text = format!("{target} stays at {before}: {error}\n");
            moved = false;
            change = word(Relation::Apart);
            Some(error.into())
        }
    };
    let document = json!({
        "repo": target.repo, "branch": target.branch, "change": change, "merge": merge,
        "before": before.map(|id| id.to_string()), "theirs": theirs.to_string(),
    });
    let quiet = if moved { format!("{target}\n") } else { String::new() };
    Ok(Report { document, text, quiet, error })
}

/// How what is called `name` stood to what came, for people.
pub(super) fn told(name: &str, before: Option<CommitId>, theirs: CommitId, relation: Relation) -> String {
    let before = before.map(|id| format!("{id:.12}")).unwrap_or_default();
    match relation {
        Relation::Same => format!("{name} is up to date\n"),
        Relation::Ahead => format!("{name} is ahead of {theirs:.12}\n"),
        Relation::Absent => format!("{name} begins at {theirs:.12}\n"),
        Relation::Behind => format!("{name} went on from {before} to {theirs:.12}\n"),
        Relation::Apart => format!("{name} stays at {before}, which {theirs:.12} does not follow\n"),
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let (other, names) = other(&store, &args.names, cx)?;
    let targets: Vec<Target> = parsed(names)?;
    let choices = targets.iter().map(|t| Choice { repo: t.repo.clone(), name: Some(t.branch.clone()) });
    let scope = if targets.is_empty() { Scope::Shared } else { Scope::Chosen(choices.collect()) };
    let desk = Desk { store: &store, author: &cx.author, progress: cx.progress() };
    let remote = &other.remote.name;
    let fetched = transfer::fetch(&desk, remote, &*other.peer, &scope, Gone::Keep)?;
    let apart = if args.ff_only { Apart::Refuse } else { Apart::Merge };
    let local = match cx.target_here()? {
        Some(target) => cx.local(&target)?.map(|changes| Local { target, changes }),
        None => None,
    };
    let (pulled, mut moves) = transfer::pull(&desk, remote, &targets, apart, local.as_ref())?;
    for pulled in &pulled {
        let merged = pulled.merging.as_ref().and_then(|merging| merging.outcome.as_ref().ok());
        merged.into_iter().for_each(|outcome| moves.caused.add(outcome.caused.clone()));
        if let Some(outcome) = merged.filter(|outcome| outcome.came != Integrated::Conflicted) {
            cx.follow(&pulled.target, outcome.commit)?;
        }
    }
    let reports: Result<Vec<Report>, Cause> =
        pulled.into_iter().map(|pulled| report(&store, pulled, remote)).collect();
    let mut reports = reports?;
    let error = reports.iter_mut().find_map(|report| report.error.take());
    let documents: Vec<&Value> = reports.iter().map(|report| &report.document).collect();
    let mut document = json!({ "remote": remote, "branches": documents });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(fields_of(&fetched, remote));
        if let Some(cause) = &error {
            fields.insert("error".to_owned(), failure(cause));
        }
    }
    let made = Made {
        document,
        text: text(&fetched, remote) + &reports.iter().map(|report| report.text.as_str()).collect::<String>(),
        quiet: reports.iter().map(|report| report.quiet.as_str()).collect(),
        done: "what is new is here",
        operation: moves.operation,
    };
    let code = cx.made(&store, made, moves.caused, args.no_run)?;
    error.map_or(Ok(code), Err)
}
