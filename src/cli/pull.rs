//! `vds pull`.

use serde_json::{Value, json};

use super::complaint::failure;
use super::context::{Answer, Context, Made};
use super::fetch::{fields_of, other, parsed, text};
use crate::history::Target;
use crate::object::CommitId;
use crate::transfer::{self, Choice, Desk, Gone, Pulled, Relation, Scope};

/// Bring what is new in another store, and let your branches follow
///
/// This is `vds fetch`, and then each branch that is behind goes on to where that of the remote stands. A branch that has
/// commits of its own is left alone, and so is one that has gone apart, which makes the exit code 1. Without REPO all branches
/// are meant that are in both stores; REPO alone is its branch main.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds pull
  vds pull origin ticks truth@cleaned")]
pub(super) struct Args {
    /// The remote [default: origin], and REPO or REPO@BRANCH for branches of it
    #[arg(value_name = "REMOTE|REPO")]
    names: Vec<String>,
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

fn shape(pulled: &Pulled) -> Value {
    json!({
        "repo": pulled.target.repo, "branch": pulled.target.branch, "change": word(pulled.relation),
        "before": pulled.before.map(|id| id.to_string()), "theirs": pulled.theirs.to_string(),
    })
}

fn line(pulled: &Pulled) -> String {
    told(&pulled.target.to_string(), pulled.before, pulled.theirs, pulled.relation)
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
    let (pulled, moves) = transfer::pull(&desk, remote, &targets)?;
    let apart = pulled.iter().try_for_each(|pulled| pulled.check(remote));
    let apart: Result<(), crate::fault::Cause> = apart.map_err(Into::into);
    let mut document = json!({ "remote": remote, "branches": pulled.iter().map(shape).collect::<Value>() });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(fields_of(&fetched, remote));
        if let Err(cause) = &apart {
            fields.insert("error".to_owned(), failure(cause));
        }
    }
    let moved = |pulled: &&Pulled| matches!(pulled.relation, Relation::Absent | Relation::Behind);
    let made = Made {
        document,
        text: text(&fetched, remote) + &pulled.iter().map(line).collect::<String>(),
        quiet: pulled.iter().filter(moved).map(|pulled| format!("{}\n", pulled.target)).collect(),
        done: "what is new is here",
        operation: moves.operation,
    };
    let code = cx.made(&store, made, moves.jobs, args.no_run)?;
    apart.map(|()| code)
}
