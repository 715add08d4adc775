//! `vds log`.

use serde_json::json;

use super::answer::Listing;
use super::context::{Answer, Context, resolve};
use super::ink::{Ink, Tone};
use super::range::Range;
use crate::compare;
use crate::fault::Cause;
use crate::history::{self, Log};
use crate::object::{Commit, CommitId, TreePath};
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::{pick, view};

/// Show the history of a revision, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds log ticks -n 10
  vds log ticks@v1..main --oneline
  vds log ticks@bbg --json -- 2024/05/01")]
pub(super) struct Args {
    /// REPO@REV, or REPO@A..B for what B has and A has not
    #[arg(value_name = "REPO@REV")]
    range: Range,
    /// At most so many commits
    #[arg(short = 'n', long, value_name = "COUNT")]
    max_count: Option<usize>,
    /// One line a commit
    #[arg(long)]
    oneline: bool,
    /// Only commits that changed these files and directories
    #[arg(last = true, value_name = "PATH", value_parser = pick::path)]
    paths: Vec<TreePath>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let head = resolve(&store, &args.range.to)?;
    let mut scopes = args.paths.clone();
    scopes.extend(head.path);
    let mut log = Log::new(store.objects(), [head.commit]);
    if let Some(from) = &args.range.from {
        log = log.without(resolve(&store, from)?.commit);
    }
    let touching = log.filter_map(|item| match item {
        Err(error) => Some(Err(Cause::from(error))),
        Ok((id, commit)) => match touches(&store, &commit, &scopes) {
            Ok(false) => None,
            Ok(true) => Some(Ok((id, commit))),
            Err(cause) => Some(Err(cause)),
        },
    });
    let text = |(id, commit): &(CommitId, Commit)| {
        if args.oneline {
            format!("{id:.12} {}\n", view::line(commit.title()))
        } else {
            format!("{}\n", commit_text(*id, commit, cx.ink))
        }
    };
    cx.page();
    cx.list(
        touching.take(args.max_count.unwrap_or(usize::MAX)),
        &Listing {
            name: "commits",
            document: &|(id, commit)| json!(view::Commit::new(*id, commit)),
            text: &text,
            quiet: &|(id, _)| format!("{id}\n"),
        },
    )
}

/// Whether the commit differs from its first parent in what lies at or below these paths.
fn touches(store: &Store, commit: &Commit, scopes: &[TreePath]) -> Result<bool, Cause> {
    if scopes.is_empty() {
        return Ok(true);
    }
    let now = Snapshot::new(store.objects(), commit.tree);
    if let Some(parent) = commit.parents.first() {
        let before = history::load(store.objects(), *parent)?.tree;
        return Ok(compare::differs(&Snapshot::new(store.objects(), before), &now, scopes)?);
    }
    for scope in scopes {
        if now.totals(Some(scope))?.count > 0 || now.find(scope.as_str())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn commit_text(id: CommitId, commit: &Commit, ink: Ink) -> String {
    let view = view::Commit::new(id, commit);
    let mut text = format!("{}\n", ink.paint(Tone::Id, &format!("commit {id}")));
    if commit.parents.len() > 1 {
        let parents: Vec<String> = commit.parents.iter().map(|parent| format!("{parent:.12}")).collect();
        text += &format!("parents {}\n", parents.join(" "));
    }
    text += &format!("author {}\ndate   {}\n", view::line(&view.author), view.time);
    if let Some(made) = &view.made_by {
        text +=
            &format!("made by {} version {}, job {}, run {}\n", made.stage, made.version, made.job, made.run);
        for input in &made.inputs {
            text += &format!("  from {}@{} {}\n", input.repo, input.branch, input.commit);
        }
    }
    let message = view::text(&commit.message);
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    text + "\n" + &message.lines().map(line).collect::<String>()
}
