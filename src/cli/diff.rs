//! `vds diff`.

use serde_json::json;

use super::answer::{Form, stream};
use super::changes::{Detail, Show, documents, pieces};
use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::range::Range;
use super::rows;
use crate::compare::{self, Comparison};
use crate::fault::{Cause, Kind};
use crate::history::{Location, Resolved, Revision};
use crate::object::TreePath;
use crate::store::Store;
use crate::table::KeyColumns;
use crate::{pick, view};

/// Show what differs between two revisions
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
  vds diff ticks@bbg ticks@lseg --exit-code --quiet")]
pub(super) struct Args {
    /// REPO@REV, or REPO@A..B
    #[arg(value_name = "A")]
    before: Range,
    /// REPO@REV, or REV of the same repo
    #[arg(value_name = "B")]
    after: Option<String>,
    #[command(flatten)]
    show: Show,
    /// The rows and cells of CSV files that differ, found by these columns
    #[arg(long, value_name = "COLUMN,...", conflicts_with_all = ["name_status", "stat", "patch", "unified"])]
    key: Option<KeyColumns>,
    /// Exit with 1 if anything differs; --quiet does so, too
    #[arg(long)]
    exit_code: bool,
    /// Only these files and directories
    #[arg(last = true, value_name = "PATH", value_parser = pick::path)]
    paths: Vec<TreePath>,
}

/// The two sides that were named.
fn sides(store: &Store, args: &Args) -> Result<(Resolved, Resolved), Cause> {
    let Range { from, to } = &args.before;
    match (from, &args.after) {
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
    let (a, b) = sides(&store, args)?;
    let (before, after) = (snapshot(&store, &a)?, snapshot(&store, &b)?);
    let scopes = match (a.path, b.path) {
        (None, None) => args.paths.clone(),
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
    let Comparison { differences, tally } = &comparison;
    let detail = args.show.asked().unwrap_or(Detail::Names);
    let paths = || differences.iter().map(|d| format!("{}\n", view::path(d.path.as_str()))).collect();
    cx.page();
    match (&args.key, cx.form) {
        (Some(key), _) => rows::show(store.objects(), differences, key, cx)?,
        (None, Form::Text) => stream(pieces(store.objects(), &comparison, detail, cx.ink)).map(|()| 0)?,
        (None, _) => {
            let document = json!({
                "before": a.commit.to_string(), "after": b.commit.to_string(),
                "changes": documents(store.objects(), &comparison, detail)?,
                "counts": view::Counts::from(*tally),
            });
            cx.say(&document, String::new, paths)?
        }
    };
    Ok(u8::from(!differences.is_empty() && (args.exit_code || cx.form == Form::Quiet)))
}
