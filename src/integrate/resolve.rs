//! What a person says of conflicts, and what that does.

use std::collections::BTreeMap;

use super::elsewhere::{check_around, put_at};
use super::error::Error;
use super::named::Named;
use super::open::{load_record, put};
use super::record::{Choice, Made, Record, read_map, write_map};
use super::sides::Bench;
use crate::history::{self, Author, Target};
use crate::merge::{Conflict, ConflictKind, Edits, Trees, subtree};
use crate::object::{ObjectRead, TreePath};
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

/// What is done about drafts that still have conflicts in them: marks, or cells of which one side's was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafts {
    /// They are not taken.
    Refuse,
    /// They are taken as they are.
    Take,
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
    drafts: Drafts,
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
    let writer = store.writer();
    for path in &meant {
        let Some(conflict) = conflicts.get(*path) else { continue };
        if let Verdict::Become(Choice::Draft) | Verdict::Move(Choice::Draft, _) = verdict
            && drafts == Drafts::Refuse
        {
            check_draft(target, conflict)?;
        }
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
                    return Err(Error::Taken { to: to.clone() });
                }
                let (ends, bench) = (&record.ends, Bench { sink: &writer, tmp: store.tmp() });
                let trees = bench.sides(ends.ours, ends.bases.clone(), &record.request)?.trees;
                Choice::Moved { to: to.clone(), entry: put_at(&writer, trees, conflict, choice, to)? }
            }
        };
        choices.insert((*path).clone(), Made { versions: conflict.clash.versions, choice });
    }
    let left = conflicts.keys().filter(|path| !choices.contains_key(*path)).count();
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

/// An error if the draft, of which there is one, still has conflicts in it.
fn check_draft(target: &Target, conflict: &Conflict) -> Result<(), Error> {
    match conflict.details.first().filter(|_| conflict.draft.is_some()) {
        Some(first) => {
            let (path, detail) = (conflict.clash.path.clone(), first.clone());
            Err(Error::Unfinished { target: target.clone(), path, detail })
        }
        None => Ok(()),
    }
}

/// What a choice does to our tree.
pub(super) fn edits_of(
    objects: &dyn ObjectRead,
    trees: Trees,
    conflict: &Conflict,
    choice: &Choice,
) -> Result<Edits, Error> {
    let path = &conflict.clash.path;
    Ok(match choice {
        Choice::Ours => Edits::new(),
        Choice::Theirs => subtree(objects, trees.ours, trees.theirs, path)?,
        Choice::Base => subtree(objects, trees.ours, trees.base, path)?,
        Choice::Draft => conflict.draft.map(|entry| (path.clone(), Some(entry))).into_iter().collect(),
        Choice::File(entry) => Edits::from([(path.clone(), Some(*entry))]),
        Choice::Moved { to, entry } => {
            // The branch may have moved since it was said.
            check_around(objects, trees, to)?;
            Edits::from([(path.clone(), None), (to.clone(), Some(*entry))])
        }
    })
}
