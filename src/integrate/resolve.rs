//! What a person says of conflicts, and what that does.

use std::collections::BTreeMap;

use super::error::Error;
use super::named::Named;
use super::open::{load_record, put};
use super::record::{Choice, Made, Record, read_map, write_map};
use crate::history::{self, Author, Target};
use crate::merge::{Conflict, ConflictKind, Edits, Trees, subtree};
use crate::object::{Entry, NodeId, ObjectRead, TreePath};
use crate::snapshot::Snapshot;
use crate::store::Store;

/// What becomes of conflicts.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// What was chosen is forgotten.
    Forget,
    /// The path becomes this.
    Become(Choice),
    /// Another path becomes this, and that of the conflict is removed.
    Move(Choice, TreePath),
}

/// A verdict that was noted.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The operation that noted it.
    pub operation: u64,
    /// The conflicts of which it was, by path.
    pub paths: Vec<TreePath>,
    /// How many conflicts are left.
    pub left: usize,
}

/// Notes what becomes of the conflicts that were named. Whatever the verdict names has been written.
pub fn resolve(
    store: &Store,
    author: &Author,
    target: &Target,
    named: &[Named],
    verdict: &Verdict,
) -> Result<Resolved, Error> {
    let (repo, record, bytes) = load_record(store, target)?;
    let objects: &dyn ObjectRead = store.objects();
    let conflicts: BTreeMap<TreePath, Conflict> = read_map(objects, record.conflicts)?;
    let mut choices: BTreeMap<TreePath, Made> = read_map(objects, record.choices)?;
    let mut meant = Vec::new();
    for named in named {
        let found = named.among(conflicts.keys());
        if found.is_empty() {
            let nearest = history::nearest(named.text(), conflicts.keys().map(ToString::to_string));
            return Err(Error::NoConflict { text: named.text().to_owned(), nearest });
        }
        meant.extend(found);
    }
    meant.sort_unstable();
    meant.dedup();
    if let (Verdict::Move(_, to), [_, _, ..]) = (verdict, meant.as_slice()) {
        return Err(Error::TwoToOne { to: to.clone() });
    }
    for path in &meant {
        let Some(conflict) = conflicts.get(*path) else { continue };
        let choice = match verdict {
            Verdict::Forget => {
                choices.remove(*path);
                continue;
            }
            Verdict::Become(choice) => {
                check(conflict, choice)?;
                choice.clone()
            }
            Verdict::Move(choice, to) => {
                let is_taken = |(at, made): (&TreePath, &Made)| {
                    at != *path && matches!(&made.choice, Choice::Moved { to: taken, .. } if taken == to)
                };
                if conflicts.contains_key(to) || choices.iter().any(is_taken) {
                    return Err(Error::InTheWay { to: to.clone(), file: to.clone() });
                }
                let sides = [Some(record.ends.ours), record.ends.theirs].into_iter().flatten();
                for side in sides {
                    check_free(objects, history::load(objects, side)?.tree, to)?;
                }
                Choice::Moved { to: to.clone(), entry: version(conflict, choice)? }
            }
        };
        choices.insert((*path).clone(), Made { versions: conflict.clash.versions, choice });
    }
    let left = conflicts.keys().filter(|path| !choices.contains_key(*path)).count();
    let writer = store.writer();
    let choices = write_map(&writer, choices.iter())?;
    writer.finish()?;
    let paths = meant.into_iter().cloned().collect();
    let operation = put(store, &author.now(), &repo, target, &Record { choices, ..record }, Some(bytes))?;
    Ok(Resolved { operation, paths, left })
}

/// Whether there is such a version to choose.
fn check(conflict: &Conflict, choice: &Choice) -> Result<(), Error> {
    let none = |version| Err(Error::NoVersion { path: conflict.clash.path.clone(), version });
    match choice {
        Choice::Draft if conflict.draft.is_none() => none("draft"),
        Choice::Base if matches!(conflict.clash.kind, ConflictKind::AddAdd | ConflictKind::Mode) => {
            none("base")
        }
        _ => Ok(()),
    }
}

/// The file that is chosen.
fn version(conflict: &Conflict, choice: &Choice) -> Result<Entry, Error> {
    let versions = conflict.clash.versions;
    let (found, version) = match choice {
        Choice::Ours => (versions.ours, "ours"),
        Choice::Theirs => (versions.theirs, "theirs"),
        Choice::Base => (versions.base, "base"),
        Choice::Draft => (conflict.draft, "draft"),
        Choice::File(entry) | Choice::Moved { entry, .. } => (Some(*entry), "file"),
    };
    found.ok_or_else(|| Error::NoVersion { path: conflict.clash.path.clone(), version })
}

/// An error if a file at `to` and what the tree has could not both be.
fn check_free(objects: &dyn ObjectRead, tree: NodeId, to: &TreePath) -> Result<(), Error> {
    let tree = Snapshot::new(objects, tree);
    let fail = |file: TreePath| Err(Error::InTheWay { to: to.clone(), file });
    for dir in to.ancestors() {
        if let (Some(_), Ok(file)) = (tree.find(dir)?, dir.parse()) {
            return fail(file);
        }
    }
    match tree.files_at(Some(to))?.into_iter().find(|(path, _)| path != to) {
        Some((file, _)) => fail(file),
        None => Ok(()),
    }
}

/// What a choice does to our tree.
pub(super) fn edits_of(
    objects: &dyn ObjectRead,
    trees: Trees,
    conflict: &Conflict,
    choice: Choice,
) -> Result<Edits, Error> {
    let path = &conflict.clash.path;
    Ok(match choice {
        Choice::Ours => Edits::new(),
        Choice::Theirs => subtree(objects, trees.ours, trees.theirs, path)?,
        Choice::Base => subtree(objects, trees.ours, trees.base, path)?,
        Choice::Draft => conflict.draft.map(|entry| (path.clone(), Some(entry))).into_iter().collect(),
        Choice::File(entry) => Edits::from([(path.clone(), Some(entry))]),
        Choice::Moved { to, entry } => {
            // The branch may have moved since it was said.
            check_free(objects, trees.ours, &to)?;
            check_free(objects, trees.theirs, &to)?;
            Edits::from([(path.clone(), None), (to, Some(entry))])
        }
    })
}
