//! `vds diff`.

use std::path::Path;

use serde_json::{Value, json};

use super::answer::{Form, stream};
use super::changes::{Detail, Show, documents, pieces};
use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::range::Range;
use super::{rows, words};
use crate::compare::{self, Comparison};
use crate::fault::{Cause, Kind};
use crate::history::{Location, Resolved, Revision};
use crate::object::{CommitId, ObjectRead, ObjectWrite, TreePath};
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::table::KeyColumns;
use crate::view;
use crate::workspace::Depth;

/// Show what differs between two revisions, or what has changed in this workspace
///
/// Without a revision, the files of the workspace that one is in are compared with its commit; with one, with that. Paths may be
/// patterns, and are meant from where one is.
///
/// Each line is A for added, M for modified, D for deleted or R for renamed, and the path. A file that went away and one
/// that came with the same content are one rename. --patch shows the lines that differ, in the form that git apply takes.
/// --key shows the rows of CSV files: those that came (+), went away (-), or have other values (~); files that
/// cannot be compared so are shown as a whole, and it is said why.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds diff ticks@main~1 ticks@main
  vds diff ticks@v1..main --stat -- 2024/05
  vds diff truth~1 truth -p
  vds diff truth~1 truth --key date,symbol -- ecb.csv
  vds diff ticks@bbg ticks@lseg --exit-code --quiet
  vds diff -p 2024/05          # in a workspace
  vds diff main~3 -- 2024/05   # in a workspace: from there to its files")]
pub(super) struct Args {
    /// A B: REPO@REV and REPO@REV or REV, or REPO@A..B; in a workspace, nothing, or A alone, or paths
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
    /// Only these files and directories, or what matches these patterns
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
        (Some(from), None) => Ok((resolve(store, from)?, before.end(store)?)),
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

/// What was named before paths, and the paths. In a workspace, what leads to no commit and is there is a path.
fn revisions<'a>(args: &'a Args, store: &Store, cx: &Context) -> Result<(&'a [String], Vec<String>), Cause> {
    let is_inside = cx.here()?.is_some();
    let leads_somewhere = |text: &String| {
        cx.named(store, Some(text)).is_ok_and(|range: Range| resolve(store, &range.to).is_ok())
    };
    let is_path = |text: &String| Path::new(text).symlink_metadata().is_ok() && !leads_somewhere(text);
    let end = args.sides.iter().position(|text| is_inside && is_path(text)).unwrap_or(args.sides.len());
    let (revisions, words) = args.sides.split_at(end);
    Ok((revisions, [words, &args.paths].concat()))
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let (revisions, mut words) = revisions(args, &store, cx)?;
    let Some((first, after)) = revisions.split_first() else { return here(args, None, &words, cx) };
    let range: Range = cx.named(&store, Some(first))?;
    let own = cx.here()?.map(|(_, marker)| marker.repo);
    if after.is_empty() && range.from.is_none() && own.as_ref() == Some(&range.to.repo) {
        let found = resolve(&store, &range.to)?;
        words.extend(found.path.iter().map(from_top));
        return here(args, Some(found.commit), &words, cx);
    }
    let (a, b) = sides(&store, &range, after)?;
    let (before, after) = (snapshot(&store, &a)?, snapshot(&store, &b)?);
    match (&a.path, &b.path) {
        (None, None) => {}
        (Some(_), _) | (_, Some(_)) if !words.is_empty() => {
            return Err(usage("paths were named twice", "name them after -- alone"));
        }
        (Some(a), Some(b)) if a != b => {
            return Err(usage(
                format!("{a} and {b} are two paths"),
                "one path is compared between two revisions: name it after --",
            ));
        }
        (Some(path), _) | (None, Some(path)) => words.push(from_top(path)),
    }
    let start = cx.start(&a.repo.name)?;
    let names = [&a, &b].map(|side| format!("{}@{:.12}", side.repo.name, side.commit));
    let scope = words::scope_in(&start, &words, &[before, after], &names)?;
    let comparison = compare::compare(compare::changes(&before, &after, &scope)?);
    let document = json!({ "before": a.commit.to_string(), "after": b.commit.to_string() });
    answer(args, store.objects(), &comparison, document, cx)
}

/// What has changed in the workspace since a commit, or since its own.
fn here(args: &Args, since: Option<CommitId>, paths: &[String], cx: &Context) -> Answer {
    let workspace = cx.workspace()?;
    let store = workspace.store().clone();
    let base = workspace.marker().at.commit;
    let since = since.or(base);
    let tree = workspace.tree(since)?;
    let selection = words::selection(&workspace, paths)?;
    let detail = args.show.asked().unwrap_or(Detail::Names);
    // What is to be shown is kept for as long as this takes.
    let (kept, passing) = (store.writer(), store.rehearsal());
    let is_shown = detail != Detail::Names || args.key.is_some();
    let sink: &dyn ObjectWrite = if is_shown { &kept } else { &passing };
    let look = workspace.look(&selection, Depth::Content, sink, None, cx.progress())?;
    workspace.check_names(&look, Some(Snapshot::new(store.objects(), tree)))?;
    look.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
    let document = json!({ "before": since.map(|id| id.to_string()), "after": null });
    let changes = workspace.changes_since(tree, look, &selection)?;
    answer(args, sink, &compare::compare(changes), document, cx)
}

/// The path as a word.
fn from_top(path: &TreePath) -> String {
    format!(":/{path}")
}

fn answer(
    args: &Args,
    objects: &dyn ObjectRead,
    comparison: &Comparison,
    mut document: Value,
    cx: &Context,
) -> Answer {
    let differences = &comparison.differences;
    let detail = args.show.asked().unwrap_or(Detail::Names);
    let paths = || differences.iter().map(|d| format!("{}\n", view::path(d.path.as_str()))).collect();
    cx.page();
    match (&args.key, cx.form) {
        (Some(key), _) => rows::show(objects, differences, key, cx)?,
        (None, Form::Text) => stream(pieces(objects, comparison, detail, cx.ink)).map(|()| 0)?,
        (None, _) => {
            if let Some(fields) = document.as_object_mut() {
                fields.insert("changes".to_owned(), json!(documents(objects, comparison, detail)?));
                fields.insert("counts".to_owned(), json!(view::Counts::from(comparison)));
            }
            cx.say(&document, String::new, paths)?
        }
    };
    Ok(u8::from(!differences.is_empty() && (args.exit_code || cx.form == Form::Quiet)))
}
