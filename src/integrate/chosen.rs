//! What was chosen for an open merge, and whether it still counts: the branch may have moved on meanwhile.

use std::collections::BTreeMap;

use super::error::Error;
use super::open::Finishing;
use super::record::{Choice, Made};
use super::sides::{Ends, Sides};
use crate::history;
use crate::merge::{Conflict, ConflictKind, subtree};
use crate::object::{ObjectRead, TreePath};

/// What was chosen, and the commits between which it was.
#[derive(Default)]
pub(super) struct Chosen<'a> {
    found: Option<(&'a BTreeMap<TreePath, Made>, &'a Ends)>,
}

impl<'a> Chosen<'a> {
    /// What was chosen for the merge that is finished, if one is.
    pub(super) fn of(finishing: Option<&'a Finishing>) -> Self {
        Self { found: finishing.map(|finishing| (&finishing.choices, &finishing.ends)) }
    }

    /// What counts for these conflicts between `sides`: choices between the same versions.
    pub(super) fn among(
        &self,
        objects: &dyn ObjectRead,
        conflicts: &[Conflict],
        sides: &Sides,
    ) -> Result<BTreeMap<TreePath, Made>, Error> {
        let mut still = BTreeMap::new();
        let Some((choices, ends)) = self.found else { return Ok(still) };
        let before = history::load_whole(objects, ends.ours)?.tree;
        for Conflict { clash, .. } in conflicts {
            let Some(made) = choices.get(&clash.path) else { continue };
            let is_of_base = clash.kind == ConflictKind::FileDirectory && made.choice == Choice::Base;
            let mut is_same =
                made.versions == clash.versions && (!is_of_base || ends.bases == sides.ends.bases);
            // Where we have no file, we may have a directory.
            let directory = clash.versions.ours.is_none().then_some(&clash.path);
            let new = if let Choice::Moved { to, .. } = &made.choice { Some(to) } else { None };
            for place in [directory, new].into_iter().flatten() {
                is_same = is_same && subtree(objects, before, sides.trees.ours, place)?.is_empty();
            }
            if is_same {
                still.insert(clash.path.clone(), made.clone());
            }
        }
        Ok(still)
    }
}
