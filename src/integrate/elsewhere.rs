//! A conflict that is settled at another path: what may go there, so that nothing is lost which nobody looked at.

use super::error::Error;
use super::record::Choice;
use crate::merge::{Clash, Conflict, ConflictKind, Decision, Trees, Versions};
use crate::object::{Entry, NodeId, ObjectRead, TreePath};
use crate::snapshot::Snapshot;

/// The file that `choice` makes at `to`.
pub(super) fn put_at(
    objects: &dyn ObjectRead,
    trees: Trees,
    conflict: &Conflict,
    choice: &Choice,
    to: &TreePath,
) -> Result<Entry, Error> {
    let clash = &conflict.clash;
    let chosen = version(conflict, choice)?;
    check_around(objects, trees, to)?;
    let find = |root: NodeId| Snapshot::new(objects, root).find(to.as_str());
    let there = Versions { base: find(trees.base)?, ours: find(trees.ours)?, theirs: find(trees.theirs)? };
    match there.decide() {
        Decision::Take(None) => Ok(chosen),
        Decision::Take(Some(file)) if may_be_renamed(clash, there) => match choice {
            // Whoever made it has looked at both.
            Choice::File(_) => Ok(chosen),
            _ => with_mode(clash.versions.base, file, chosen)
                .ok_or_else(|| Error::HasEdits { path: clash.path.clone(), to: to.clone() }),
        },
        _ => Err(Error::Taken { to: to.clone() }),
    }
}

/// Whether the file that is `there` may be that of the conflict, under the name that it was given by the side which has it no more.
fn may_be_renamed(clash: &Clash, there: Versions) -> bool {
    let brought = if clash.versions.ours.is_none() { there.ours } else { there.theirs };
    clash.kind == ConflictKind::ModifyDelete && there.base.is_none() && brought.is_some()
}

/// What was chosen, and executable if whoever renamed the file made it so; `None` if its content was changed as well.
fn with_mode(base: Option<Entry>, renamed: Entry, chosen: Entry) -> Option<Entry> {
    if base.map(|base| base.blob) != Some(renamed.blob) {
        return None;
    }
    match (Versions { base, ours: Some(renamed), theirs: Some(chosen) }).decide() {
        Decision::Take(entry) => entry,
        Decision::Conflict(_) => None,
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

/// An error if a file at `to` and what lies above or below it on either side could not both be.
pub(super) fn check_around(objects: &dyn ObjectRead, trees: Trees, to: &TreePath) -> Result<(), Error> {
    let fail = |file: TreePath| Err(Error::InTheWay { to: to.clone(), file });
    for tree in [trees.ours, trees.theirs].map(|root| Snapshot::new(objects, root)) {
        for dir in to.ancestors() {
            if let (Some(_), Ok(file)) = (tree.find(dir)?, dir.parse()) {
                return fail(file);
            }
        }
        if let Some((file, _)) = tree.files_at(Some(to))?.into_iter().find(|(path, _)| path != to) {
            return fail(file);
        }
    }
    Ok(())
}
