//! `vds status`.

use serde_json::{Value, json};

use super::changes::{painted, status_line};
use super::context::{Answer, Context};
use super::here;
use super::ink::Ink;
use super::merged::brought;
use super::words;
use crate::compare::Difference;
use crate::fault::Cause;
use crate::history;
use crate::integrate;
use crate::object::{CommitId, FileKind, TreePath};
use crate::view;
use crate::workspace::{self, Depth, Unread, Workspace};

/// Show what has changed in this workspace
///
/// Each line is A for new, M for changed, D for deleted or R for renamed, and the path. What a .vdsignore file names is left
/// out, unless the commit has it. Files are read only where their times do not tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds status
  vds status --short 2024/05
  vds status --json | jq '.changes[].path'")]
pub(super) struct Args {
    /// Only these files and directories, from where you are
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// The changes alone
    #[arg(short, long)]
    short: bool,
}

/// A change as it is shown.
enum Shown {
    Read(Difference),
    Unread(Unread),
}

impl Shown {
    fn path(&self) -> &TreePath {
        match self {
            Self::Read(difference) => &difference.path,
            Self::Unread(unread) => &unread.path,
        }
    }

    /// Its kind and its path.
    fn line(&self, ink: Ink) -> String {
        match self {
            Self::Read(difference) => status_line(difference, ink),
            Self::Unread(Unread { path, before, .. }) => {
                let letter = if before.is_none() { 'A' } else { 'M' };
                format!("{}\t{}\n", painted(letter, ink), view::path(path.as_str()))
            }
        }
    }

    /// The same with a word if it has become another kind of file.
    fn noted(&self, ink: Ink) -> String {
        let kinds = match self {
            Self::Read(difference) => {
                difference.before.zip(difference.after).map(|(before, after)| (before.kind, after.kind))
            }
            Self::Unread(unread) => unread.before.map(|before| (before.kind, unread.kind)),
        };
        let line = self.line(ink);
        match kinds.and_then(|(before, after)| turned(before, after)) {
            Some(word) => format!("{} ({word})\n", line.trim_end_matches('\n')),
            None => line,
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::Read(difference) => json!(view::Change::from(difference)),
            Self::Unread(Unread { path, before, kind, size }) => {
                let status = if before.is_none() { "A" } else { "M" };
                let before = before.as_ref().map(|entry| view::File::new(path, entry));
                let after = json!({ "path": path, "kind": view::kind(*kind), "size": size, "blob": null });
                json!({ "path": path, "status": status, "before": before, "after": after })
            }
        }
    }
}

/// What has become of a file that was of another kind.
fn turned(before: FileKind, after: FileKind) -> Option<&'static str> {
    match (before, after) {
        (before, after) if before == after => None,
        (FileKind::Executable, FileKind::File) => Some("no longer executable"),
        (_, FileKind::File) => Some("now a file"),
        (_, FileKind::Executable) => Some("now executable"),
        (_, FileKind::Symlink) => Some("now a link"),
    }
}

/// Where the workspace's branch is.
enum Head {
    /// It follows none.
    None,
    /// Where the workspace is.
    Here,
    /// Further on.
    At(CommitId),
    /// Set back to before the workspace, or to another line of history.
    Back(CommitId),
    /// It is no more.
    Gone,
}

fn head(workspace: &Workspace) -> Result<Head, Cause> {
    let facts = workspace.store().session()?;
    workspace::check_repo_in(&facts, workspace.marker())?;
    let at = &workspace.marker().at;
    let Some(branch) = &at.branch else { return Ok(Head::None) };
    let repo = history::load_repo(&facts, &workspace.marker().repo)?;
    Ok(match history::head(&facts, &repo, branch)? {
        head if head == at.commit => Head::Here,
        Some(head) => match at.commit {
            Some(here) if !history::is_ancestor(workspace.store().objects(), here, head)? => Head::Back(head),
            _ => Head::At(head),
        },
        None => Head::Gone,
    })
}

/// The merge into the workspace's branch that is open: what is merged, and how many conflicts are left.
fn open_merge(workspace: &Workspace) -> Result<Option<(&'static str, String, u64)>, Cause> {
    let Some(target) = workspace.target() else { return Ok(None) };
    let opened = integrate::find(workspace.store(), &target)?;
    Ok(opened.map(|opened| {
        let left = opened.left().count() as u64;
        (opened.request.action.verb(), brought(&opened.request), left)
    }))
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let workspace = cx.workspace_as_it_is()?;
    let selection = words::selection(&workspace, &args.paths)?;
    let head = head(&workspace)?;
    let look =
        workspace.look(&selection, Depth::Stats, &workspace.store().rehearsal(), None, cx.progress())?;
    workspace.check_names(&look, None)?;
    look.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
    let mut shown: Vec<Shown> = look.differences().into_iter().map(Shown::Read).collect();
    shown.extend(look.unread.iter().cloned().map(Shown::Unread));
    shown.sort_by(|a, b| a.path().cmp(b.path()));
    let merge = open_merge(&workspace)?;
    let marker = workspace.marker();
    let moved = match head {
        Head::None | Head::Gone => None,
        Head::Here => marker.at.commit,
        Head::At(head) | Head::Back(head) => Some(head),
    };
    let changes: Vec<Value> = shown.iter().map(Shown::document).collect();
    let document = json!({
        "workspace": workspace.dir().to_string_lossy(), "store": workspace.store().root().to_string_lossy(),
        "repo": marker.repo, "branch": marker.at.branch,
        "commit": marker.at.commit.map(|id| id.to_string()),
        "head": moved.map(|id| id.to_string()),
        "merge": merge.as_ref().map(|(what, from, left)| json!({ "what": what, "from": from, "left": left })),
        "interrupted": marker.moving.as_ref().map(|to| json!({
            "branch": to.branch, "commit": to.commit.map(|id| id.to_string()), "files": look.between.len(),
        })),
        "paths": marker.paths, "globs": marker.globs,
        "changes": changes, "outside": look.outside, "warnings": look.warnings,
    });
    let text = || {
        if args.short {
            return shown.iter().map(|shown| shown.line(cx.ink)).collect();
        }
        let mut text = heading(&workspace, &head, look.between.len() as u64);
        if let Some((what, from, left)) = &merge {
            let left = view::count(*left, "conflict");
            text += &format!("a {what} of {from} is open, {left} left: `vds conflicts` shows it\n");
        }
        text += &if shown.is_empty() {
            let yours = if marker.moving.is_some() { " of yours" } else { "" };
            format!("nothing{yours} has changed\n")
        } else {
            shown.iter().map(|shown| shown.noted(cx.ink)).collect()
        };
        if look.outside > 0 {
            let files = view::count(look.outside, "file");
            text += &format!("{files} outside of what this workspace holds: never committed from here\n");
        }
        text
    };
    let paths = || shown.iter().map(|shown| format!("{}\n", view::path(shown.path().as_str()))).collect();
    cx.say(&document, text, paths)
}

/// Where the workspace stands, and what is to be done about it.
fn heading(workspace: &Workspace, head: &Head, between: u64) -> String {
    let marker = workspace.marker();
    let at = marker.at.commit.map_or_else(|| "no commit yet".to_owned(), |id| format!("at {id:.12}"));
    let branch = marker.at.branch.as_ref().map_or("", |branch| branch.as_str());
    let mut text = match workspace.target() {
        Some(target) => format!("on {target}, {at}\n"),
        None => format!("on no branch of {}, {at}\n", marker.repo),
    };
    text += &match head {
        Head::None | Head::Here => String::new(),
        Head::At(head) => {
            format!("the branch has moved on to {head:.12}: `vds switch {branch}` brings that here\n")
        }
        Head::Back(head) => {
            let target = workspace.target().map_or_else(String::new, |target| target.to_string());
            let here = marker.at.commit.map(|id| format!("{id:.12}")).unwrap_or_default();
            format!(
                "the branch went back to {head:.12}: `vds reset {target} {here}` brings it here again, `vds switch {branch}` goes back, too\n"
            )
        }
        Head::Gone => format!("the branch no longer exists: `vds switch -c {branch}` begins it anew\n"),
    };
    if let Some(to) = &marker.moving {
        text += &format!(
            "the way to {} was interrupted after {}: `vds checkout {0}` goes on with it, `vds checkout {}` goes back\n",
            here::name_of(to),
            view::count(between, "file"),
            here::name_of(&marker.at)
        );
    }
    if !workspace.scope().is_whole() {
        text += &format!("holds only {}\n", workspace.scope());
    }
    text
}
