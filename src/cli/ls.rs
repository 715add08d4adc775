//! `vds ls`.

use serde_json::{Value, json};

use super::answer::Listing;
use super::complaint::not_found;
use super::context::{Answer, Context, snapshot};
use crate::fault::Cause;
use crate::history::{self, Location};
use crate::object::TreePath;
use crate::pick;
use crate::snapshot::{Member, Snapshot, below};
use crate::store::Store;
use crate::view;

/// List files and directories of a revision
///
/// PATH is a file, a directory, or the beginning of some: ticks:2024/0 lists what starts so.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds ls ticks
  vds ls -l ticks@v1:2024/05
  vds ls -r settlement/select --json")]
pub(super) struct Args {
    /// REPO@REV:PATH [default: the workspace's]
    #[arg(value_name = "LOCATION")]
    location: Option<String>,
    /// With kind, size and blob id
    #[arg(short, long)]
    long: bool,
    /// All files below, and no directories
    #[arg(short, long)]
    recursive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Style {
    long: bool,
    recursive: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let location = cx.named(&store, args.location.as_deref())?;
    answer(&store, &location, Style { long: args.long, recursive: args.recursive }, cx)
}

/// Lists what lies in a directory, shortly.
pub(super) fn list(store: &Store, location: &Location, cx: &Context) -> Answer {
    answer(store, location, Style { long: false, recursive: false }, cx)
}

fn answer(store: &Store, location: &Location, style: Style, cx: &Context) -> Answer {
    // An empty repo is not a mistake, but has nothing to show.
    let Some(found) = history::resolve_optional(store.session()?, store.objects(), location)? else {
        return show(std::iter::empty(), style, cx);
    };
    let tree = snapshot(store, &found)?;
    let path = found.path.as_ref();
    if let Some(path) = path
        && let Some(entry) = tree.find(path.as_str())?
    {
        return show(std::iter::once(Ok(Member::File(path.clone(), entry))), style, cx);
    }
    if path.is_some() && tree.totals(path)?.count == 0 {
        return beginning(tree, location, style, cx);
    }
    if style.recursive {
        return files(tree, &below(path), style, cx);
    }
    show(tree.members(path)?.into_iter().map(Ok), style, cx)
}

/// Lists what starts with the path that was named.
fn beginning(tree: Snapshot<'_>, location: &Location, style: Style, cx: &Context) -> Answer {
    let start = location.path.as_ref().map_or("", TreePath::as_str);
    if tree.scan(start)?.next().is_none() {
        return Err(missing(tree, location));
    }
    if style.recursive {
        return files(tree, start, style, cx);
    }
    let above = start.rsplit_once('/').and_then(|(dir, _)| dir.parse::<TreePath>().ok());
    let mut members = tree.members(above.as_ref())?;
    members.retain(|member| match member {
        Member::File(path, _) | Member::Directory(path, _) => path.as_str().starts_with(start),
    });
    show(members.into_iter().map(Ok), style, cx)
}

fn files(tree: Snapshot<'_>, start: &str, style: Style, cx: &Context) -> Answer {
    let files = tree.scan(start)?.map(|file| {
        let (path, entry) = file?;
        Ok(Member::File(path, entry))
    });
    show(files, style, cx)
}

fn show(members: impl Iterator<Item = Result<Member, Cause>>, style: Style, cx: &Context) -> Answer {
    let text = |member: &Member| if style.long { long_line(member) } else { name(member) };
    cx.list(members, &Listing { name: "entries", document: &document, text: &text, quiet: &name })
}

fn name(member: &Member) -> String {
    match member {
        Member::File(path, _) => format!("{}\n", view::path(path.as_str())),
        Member::Directory(path, _) => format!("{}/\n", view::path(path.as_str())),
    }
}

fn long_line(member: &Member) -> String {
    match member {
        Member::File(path, entry) => {
            let view = view::File::new(path, entry);
            format!("{:<10} {:>12} {} {}\n", view.kind, entry.size, entry.blob, view::path(path.as_str()))
        }
        Member::Directory(path, totals) => {
            let what = view::count(totals.count, "file");
            format!("{:<10} {:>12} {what:<64} {}/\n", "directory", totals.weight, view::path(path.as_str()))
        }
    }
}

fn document(member: &Member) -> Value {
    match member {
        Member::File(path, entry) => json!(view::File::new(path, entry)),
        Member::Directory(path, totals) => {
            json!(view::Directory {
                path: path.to_string(),
                kind: "directory",
                size: totals.weight,
                files: totals.count
            })
        }
    }
}

/// That a location leads to nothing in `tree`, and what may have been meant.
pub(super) fn missing(tree: Snapshot<'_>, location: &Location) -> Cause {
    let Location { repo, rev, path } = location;
    let near = path.as_ref().and_then(|path| pick::similar(tree, path).ok()).unwrap_or_default();
    let hint = match near.as_slice() {
        [] => format!("`vds ls {repo}@{rev}` shows what there is"),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    not_found(format!("there is no {location}"), hint)
}
