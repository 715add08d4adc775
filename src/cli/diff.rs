//! `vds diff`.

use std::path::Path;

use serde_json::{Value, json};

use super::answer::{Form, stream};
use super::changes::{Detail, Show, documents, pieces};
use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::range::Range;
use super::rows;
use crate::compare::{self, Comparison};
use crate::fault::{Cause, Kind};
use crate::history::{Location, Resolved, Revision};
use crate::object::{ObjectRead, ObjectWrite};
use crate::store::Store;
use crate::table::KeyColumns;
use crate::workspace::Depth;
use crate::{pick, view};

/// Show what differs between two revisions, or what has changed in this workspace
///
/// Without a revision, the files of the workspace that one is in are compared with its commit; paths are then meant from where
/// one is, and may be patterns.
///
/// Each line is A for added, M for modified, D for deleted or R for renamed, and the path. A file that went away and one
/// that came with the same content are one rename. --patch shows the lines that differ, in the form that git apply takes.
/// --key shows the rows of CSV files: those that came (+), went away (-), or have other values (~).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds diff ticks@main~1 ticks@main
  vds diff ticks@v1..main --stat -- 2024/05
  vds diff truth~1 truth -p
  vds diff truth~1 truth --key date,symbol -- ecb.csv
  vds diff ticks@bbg ticks@lseg --exit-code --quiet
  vds diff -p 2024/05          # in a workspace")]
pub(super) struct Args {
    /// A B: REPO@REV and REPO@REV or REV, or REPO@A..B; in a workspace, nothing or paths
    #[arg(value_name = "A")]
    sides: Vec<String>,
    #[command(flatten)]
    show: Show,
    /// The rows and cells of CSV files that differ, found by these columns
    #[arg(long, value_name = "COLUMN,...", conflicts_with_all = ["name_status", "stat", "patch", "unified"])]
    key: Option<KeyColumns>,
    /// Exit with 1 if anything differs; --quiet does so, too
    #[arg(long)]
    exit_code: bool,
    /// Only these files and directories
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<String>,
}

/// The two sides that were named.
fn sides(store: &Store, before: &Range, after: &[String]) -> Result<(Resolved, Resolved), Cause> {
    let Range { from, to } = before;
    let after = match after {
        [] => None,
        [after] => Some(after),
        _ => return Err(usage("more than two revisions were named", "name paths after --")),
    };
    match (from, after) {
        (Some(from), None) => Ok((resolve(store, from)?, resolve(store, to)?)),
        (None, Some(after)) => Ok((resolve(store, to)?, other(store, to, after)?)),
        (Some(_), Some(_)) => Err(usage("three revisions were named", "name two: A B, or A..B")),
        (None, None) => Err(usage(
            format!("only {to} was named, and nothing to compare it with"),
            format!("`vds diff {to}~1 {to}` shows what its newest commit changed, as does `vds show {to}`"),
        )),
    }
}

/// B is REPO@REV; where that leads nowhere, a revision of A's repo.
fn other(store: &Store, first: &Location, text: &str) -> Result<Resolved, Cause> {
    let location: Location = match text.strip_prefix('@') {
        Some(rev) => format!("{}@{rev}", first.repo).parse().map_err(crate::history::Error::from)?,
        None => text.parse().map_err(crate::history::Error::from)?,
    };
    let found = resolve(store, &location);
    let rev = text.parse::<Revision>().ok();
    match (found, rev) {
        (Err(cause), Some(rev)) if cause.kind() == Kind::NotFound => {
            let inside = Location { repo: first.repo.clone(), rev, path: first.path.clone() };
            resolve(store, &inside).map_err(|_| cause)
        }
        (found, _) => found,
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let Some((first, after)) = args.sides.split_first() else { return here(args, &args.paths, cx) };
    let before: Range = match cx.named(&store, Some(first)) {
        Ok(range) => range,
        Err(cause) if cx.workspace().is_err() => return Err(cause),
        Err(_) => return here(args, &[args.sides.as_slice(), &args.paths].concat(), cx),
    };
    // In a workspace, what is no revision is a path.
    if resolve(&store, &before.to).is_err()
        && Path::new(first).symlink_metadata().is_ok()
        && cx.workspace().is_ok()
    {
        return here(args, &[args.sides.as_slice(), &args.paths].concat(), cx);
    }
    let (a, b) = sides(&store, &before, after)?;
    let (before, after) = (snapshot(&store, &a)?, snapshot(&store, &b)?);
    let scopes = match (a.path, b.path) {
        (None, None) => {
            let parsed = args.paths.iter().map(|path| pick::path(path)).collect::<Result<Vec<_>, _>>();
            parsed.map_err(pick::Error::from)?
        }
        (Some(_), _) | (_, Some(_)) if !args.paths.is_empty() => {
            return Err(usage("paths were named twice", "name them after -- alone"));
        }
        (Some(a), Some(b)) if a != b => {
            return Err(usage(
                format!("{a} and {b} are two paths"),
                "one path is compared between two revisions: name it after --",
            ));
        }
        (Some(path), _) | (None, Some(path)) => vec![path],
    };
    let comparison = compare::compare(compare::changes(&before, &after, &scopes)?);
    let document = json!({ "before": a.commit.to_string(), "after": b.commit.to_string() });
    answer(args, store.objects(), &comparison, document, cx)
}

/// What has changed in the workspace.
fn here(args: &Args, paths: &[String], cx: &Context) -> Answer {
    let workspace = cx.workspace()?;
    let store = workspace.store().clone();
    let selection = super::here::selection(&workspace, paths)?;
    let detail = args.show.asked().unwrap_or(Detail::Names);
    // What is to be shown is kept for as long as this takes.
    let (kept, passing) = (store.writer(), store.rehearsal());
    let is_shown = matches!(detail, Detail::Lines(_)) || args.key.is_some();
    let sink: &dyn ObjectWrite = if is_shown { &kept } else { &passing };
    let look = workspace.look(&selection, Depth::Content, sink, None, cx.progress())?;
    look.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
    let before = workspace.marker().at.commit.map(|id| id.to_string());
    let document = json!({ "before": before, "after": null });
    answer(args, sink, &compare::compare(look.changes), document, cx)
}

fn answer(
    args: &Args,
    objects: &dyn ObjectRead,
    comparison: &Comparison,
    mut document: Value,
    cx: &Context,
) -> Answer {
    let Comparison { differences, tally } = comparison;
    let detail = args.show.asked().unwrap_or(Detail::Names);
    let paths = || differences.iter().map(|d| format!("{}\n", view::path(d.path.as_str()))).collect();
    cx.page();
    match (&args.key, cx.form) {
        (Some(key), _) => rows::show(objects, differences, key, cx)?,
        (None, Form::Text) => stream(pieces(objects, comparison, detail, cx.ink)).map(|()| 0)?,
        (None, _) => {
            if let Some(fields) = document.as_object_mut() {
                fields.insert("changes".to_owned(), json!(documents(objects, comparison, detail)?));
                fields.insert("counts".to_owned(), json!(view::Counts::from(*tally)));
            }
            cx.say(&document, String::new, paths)?
        }
    };
    Ok(u8::from(!differences.is_empty() && (args.exit_code || cx.form == Form::Quiet)))
}
