//! `vds blame`.

use serde_json::{Value, json};

use super::answer::Listing;
use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::ends::Ends;
use super::ink::{Ink, Tone};
use super::ls::missing;
use crate::fault::Cause;
use crate::history::Location;
use crate::lines;
use crate::object::{Commit, CommitId, Entry, TreePath};
use crate::snapshot::{Member, Snapshot};
use crate::store::Store;
use crate::trace::{self, Follow, Setting};
use crate::view;

/// Show which commit last set each entry of a directory, a file, or each line of a file
///
/// A file is followed to the names it had before, if it was renamed without a change. `vds why` tells of an output what it was made
/// from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds blame ticks
  vds blame ticks@v1 2024/05 -r
  vds blame truth ecb.csv --lines
  vds blame :./ecb.csv         # in a workspace, from where you are")]
pub(super) struct Args {
    /// REPO@REV, or REPO@REV:PATH [default: the workspace's]
    #[arg(value_name = "LOCATION")]
    location: Option<String>,
    /// The file or directory; in a workspace of the repo, from where you are
    #[arg(value_name = "PATH")]
    path: Option<String>,
    /// Each file below, instead of each entry
    #[arg(short, long)]
    recursive: bool,
    /// Each line of the file
    #[arg(short, long, conflicts_with = "recursive")]
    lines: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let mut location: Location = cx.named(&store, args.location.as_deref())?;
    if location.path.is_some() && args.path.is_some() {
        return Err(usage("paths were named twice", "name it once: REPO@REV PATH, or REPO@REV:PATH"));
    }
    if let Some(word) = &args.path {
        location.path = cx.start(&location.repo)?.path(word)?;
    }
    let found = resolve(&store, &location)?;
    let tree = snapshot(&store, &found)?;
    let path = location.path.as_ref();
    let file = path.map(|path| tree.find(path.as_str())).transpose()?.flatten();
    cx.page();
    match (path, file) {
        (Some(path), Some(entry)) if args.lines => by_line(&store, found.commit, path, &entry, cx),
        _ if args.lines => {
            Err(usage(format!("{location} is no file"), "--lines tells of each line of a file"))
        }
        (Some(path), Some(_)) => {
            by_path(&store, found.commit, std::slice::from_ref(path), Follow::Renames, cx)
        }
        _ => {
            let paths = entries(tree, path, args)?;
            if paths.is_empty() && path.is_some() {
                return Err(missing(tree, &location));
            }
            by_path(&store, found.commit, &paths, Follow::Nothing, cx)
        }
    }
}

fn entries(tree: Snapshot<'_>, path: Option<&TreePath>, args: &Args) -> Result<Vec<TreePath>, Cause> {
    if args.recursive {
        return Ok(tree.files_at(path)?.into_iter().map(|(path, _)| path).collect());
    }
    let name = |member| match member {
        Member::File(path, _) | Member::Directory(path, _) => path,
    };
    Ok(tree.members(path)?.into_iter().map(name).collect())
}

/// What a person wants to know of a commit in one line: its id, its time, and who made it.
fn who(id: CommitId, commit: &Commit, width: usize, ink: Ink) -> String {
    let view = view::Commit::new(id, commit);
    let id = ink.paint(Tone::Id, &format!("{id:.12}"));
    format!("{id} {} {:<width$}", view.time, view::line(&view.author))
}

fn widest<T>(settings: &[Setting<T>]) -> usize {
    let width = |(_, _, commit): &Setting<T>| view::line(&commit.author).chars().count();
    settings.iter().map(width).max().unwrap_or(0)
}

/// Says where nothing can be told of what was before.
fn note_ends<T>(store: &Store, settings: &[Setting<T>], cx: &Context) -> Result<(), Cause> {
    let ends = Ends::new(store.objects());
    for (_, _, commit) in settings {
        ends.look_beyond(commit)?;
    }
    ends.tell(cx);
    Ok(())
}

fn by_path(store: &Store, head: CommitId, paths: &[TreePath], follow: Follow, cx: &Context) -> Answer {
    let settings = trace::blame(store.objects(), head, paths, follow)?;
    note_ends(store, &settings, cx)?;
    let width = widest(&settings);
    let document = |(path, id, commit): &Setting<TreePath>| json!({ "path": path.as_str(), "commit": view::Commit::new(*id, commit) });
    let text = |(path, id, commit): &Setting<TreePath>| {
        let (who, path) = (who(*id, commit, width, cx.ink), view::path(path.as_str()));
        format!("{who} {path}\t{}\n", view::line(commit.title()))
    };
    let quiet = |(_, id, _): &Setting<TreePath>| format!("{id}\n");
    let listing = Listing { name: "entries", document: &document, text: &text, quiet: &quiet };
    cx.list(settings.into_iter().map(Ok), &listing)
}

fn by_line(store: &Store, head: CommitId, path: &TreePath, entry: &Entry, cx: &Context) -> Answer {
    if entry.size > lines::MAX_BYTES {
        let most = lines::MAX_BYTES >> 20;
        return Err(usage(
            format!("{path} is too large: up to {most} MiB are compared by line"),
            "leave --lines out",
        ));
    }
    let settings = trace::blame_lines(store.objects(), head, path, entry)?;
    if settings.iter().any(|(line, ..)| !lines::is_text(line)) {
        return Err(usage(format!("{path} is no text"), "leave --lines out"));
    }
    note_ends(store, &settings, cx)?;
    let (width, digits) = (widest(&settings), settings.len().to_string().len());
    let line = |line: &[u8]| String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)).into_owned();
    let document = |(number, (text, id, commit)): &(usize, Setting<Vec<u8>>)| -> Value {
        json!({ "line": number, "text": line(text), "commit": view::Commit::new(*id, commit) })
    };
    let text = |(number, (text, id, commit)): &(usize, Setting<Vec<u8>>)| {
        format!("{} {number:>digits$}) {}\n", who(*id, commit, width, cx.ink), view::text(&line(text)))
    };
    let quiet = |(_, (_, id, _)): &(usize, Setting<Vec<u8>>)| format!("{id}\n");
    let listing = Listing { name: "lines", document: &document, text: &text, quiet: &quiet };
    cx.list((1..).zip(settings).map(Ok), &listing)
}
