//! How the changes between two versions are shown: kind and path, sizes, or line by line.

use serde_json::{Map, Value, json};

use super::ink::{Ink, Tone};
use crate::compare::{self, Comparison, Difference};
use crate::fault::Cause;
use crate::history;
use crate::object::{Commit, CommitId, Entry, ObjectRead};
use crate::patch::{self, Context, LineCounts};
use crate::scope::Scope;
use crate::snapshot::{Change, Snapshot};
use crate::view;

/// How much is shown of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Kind of change and path.
    Names,
    /// Sizes, and a sum.
    Sizes,
    /// The lines.
    Lines(Context),
}

/// How changes are to be shown; kind and path, unless something else is asked for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Show {
    /// Kind of change and path only
    #[arg(long)]
    pub(super) name_status: bool,
    /// Sizes, and a sum
    #[arg(long, conflicts_with = "name_status")]
    pub(super) stat: bool,
    /// The lines that differ, as a patch
    #[arg(short, long, conflicts_with_all = ["name_status", "stat"])]
    pub(super) patch: bool,
    /// With so many lines around each change [default: 3]
    #[arg(short = 'U', long, value_name = "LINES", conflicts_with_all = ["name_status", "stat"])]
    unified: Option<usize>,
}

impl Show {
    /// What was asked for, if anything was.
    pub(super) fn asked(self) -> Option<Detail> {
        let context = self.unified.map_or_else(Context::default, Context);
        if self.patch || self.unified.is_some() {
            return Some(Detail::Lines(context));
        }
        (self.stat || self.name_status).then_some(if self.stat { Detail::Sizes } else { Detail::Names })
    }
}

/// What a commit changed among the paths that `scope` means: against its first parent, if it has one. If the files of one of them were let go,
/// that is what is told.
pub(super) fn of_commit(
    objects: &dyn ObjectRead,
    id: CommitId,
    commit: &Commit,
    scope: &Scope,
) -> Result<Result<Comparison, String>, Cause> {
    for id in commit.parents.first().into_iter().chain([&id]) {
        match history::load_whole(objects, *id) {
            Err(error @ history::Error::LetGo { .. }) => return Ok(Err(error.to_string())),
            other => drop(other?),
        }
    }
    let now = Snapshot::new(objects, commit.tree);
    if let Some(parent) = commit.parents.first() {
        let before = history::load(objects, *parent)?.tree;
        return Ok(Ok(compare::compare(compare::changes(&Snapshot::new(objects, before), &now, scope)?)));
    }
    let added = |(path, entry)| Change { path, before: None, after: Some(entry) };
    Ok(Ok(compare::compare(scope.files(&now)?.into_iter().map(added).collect())))
}

/// What is said in place of the changes.
pub(super) fn untold(why: &str) -> String {
    format!(" what it changed cannot be told: {why}\n")
}

/// The changes as text, piece by piece.
pub(super) fn pieces<'a>(
    objects: &'a dyn ObjectRead,
    compared: &'a Comparison,
    detail: Detail,
    ink: Ink,
) -> impl Iterator<Item = Result<Vec<u8>, Cause>> + use<'a> {
    let sum = (detail == Detail::Sizes).then(|| format!(" {}\n", view::Counts::from(compared)));
    let piece = move |difference: &Difference| match detail {
        Detail::Names => Ok(status_line(difference, ink).into_bytes()),
        Detail::Sizes => {
            let lines = patch::line_counts(objects, difference)?;
            Ok(stat_line(difference, lines).into_bytes())
        }
        Detail::Lines(context) => Ok(ink.patch(patch::text(objects, difference, context)?)),
    };
    compared.differences.iter().map(piece).chain(sum.map(|sum| Ok(sum.into_bytes())))
}

/// The changes for a document, with their patches if these are asked for.
pub(super) fn documents(
    objects: &dyn ObjectRead,
    compared: &Comparison,
    detail: Detail,
) -> Result<Vec<Value>, Cause> {
    let document = |difference| {
        let mut document = json!(view::Change::from(difference));
        let more = match detail {
            Detail::Names => None,
            Detail::Sizes => patch::line_counts(objects, difference)?.map(|LineCounts { added, removed }| {
                ("lines", json!({ "added": added, "removed": removed }))
            }),
            Detail::Lines(context) => {
                let patch = patch::text(objects, difference, context)?;
                Some(("patch", json!(String::from_utf8_lossy(&patch))))
            }
        };
        if let (Some((name, value)), Some(fields)) = (more, document.as_object_mut()) {
            fields.insert(name.to_owned(), value);
        }
        Ok(document)
    };
    compared.differences.iter().map(document).collect()
}

/// Adds the changes of a commit to its document; they are null if they cannot be told.
pub(super) fn changes_in(
    fields: &mut Map<String, Value>,
    objects: &dyn ObjectRead,
    compared: &Result<Comparison, String>,
    detail: Detail,
) -> Result<(), Cause> {
    let (changes, counts) = match compared {
        Ok(compared) => (json!(documents(objects, compared, detail)?), json!(view::Counts::from(compared))),
        Err(_) => (Value::Null, Value::Null),
    };
    fields.insert("changes".to_owned(), changes);
    fields.insert("counts".to_owned(), counts);
    Ok(())
}

/// A kind of change in its colour.
pub(super) fn painted(letter: char, ink: Ink) -> String {
    let tone = match letter {
        'A' => Tone::New,
        'D' => Tone::Gone,
        'R' => Tone::Place,
        _ => Tone::Changed,
    };
    ink.paint(tone, &letter.to_string())
}

/// The change as a line: its kind and its path.
pub(super) fn status_line(difference: &Difference, ink: Ink) -> String {
    let path = view::path(difference.path.as_str());
    let letter = painted(difference.letter(), ink);
    match &difference.renamed_from {
        Some(from) => format!("{letter}\t{}\t{path}\n", view::path(from.as_str())),
        None => format!("{letter}\t{path}\n"),
    }
}

fn stat_line(difference: &Difference, lines: Option<LineCounts>) -> String {
    let Difference { path, before, after, renamed_from } = difference;
    let size = |entry: &Option<Entry>| entry.map_or_else(|| "-".to_owned(), |entry| entry.size.to_string());
    let (name, old, new) = (view::path(path.as_str()), size(before), size(after));
    let mut text = match renamed_from {
        Some(from) => format!(" {} => {name} | {new} bytes, renamed", view::path(from.as_str())),
        None if before.map(|entry| entry.blob) == after.map(|entry| entry.blob) => {
            format!(" {name} | {new} bytes")
        }
        None => format!(" {name} | {old} -> {new} bytes"),
    };
    if let Some(LineCounts { added, removed }) = lines {
        text += &format!(", lines +{added} -{removed}");
    }
    if let Some((before, after)) = before.zip(*after).filter(|(before, after)| before.kind != after.kind) {
        text += &format!(", mode change {} => {}", patch::mode(&before), patch::mode(&after));
    }
    text + "\n"
}
