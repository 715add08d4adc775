//! Files that one side renamed while the other side changed them, or gave them another name.
//!
//! A rename is known by identical content. Of several places with that content none is the right one: a person has to say.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::trees::{Clash, Plan, Side, Touched, Trees};
use super::versions::{ConflictKind, Decision, Versions};
use crate::object::{BlobId, Entry, ObjectRead, TreePath};
use crate::snapshot::{self, Change, Snapshot};
use crate::tree::Cursor;

/// So many places of one content are told.
const TOLD: usize = 100;

/// What is done about files that one side renamed and the other changed. A rename is known by identical content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Renames {
    /// It is told with the conflict.
    Tell,
    /// What was changed under the old name goes to the new one, if it is the only one.
    Follow,
}

/// A file that one side renamed: what the other side changed in it went to its new name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its old name.
    pub from: TreePath,
    /// Its new one.
    pub to: TreePath,
}

/// A file to which each side gave another name. It is kept under both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// Its old name.
    pub from: TreePath,
    /// Where our side has it.
    pub ours: Vec<TreePath>,
    /// Where their side has it.
    pub theirs: Vec<TreePath>,
}

/// What content each side has at new places, and how many files with it each side deleted.
struct Places<'a> {
    new: HashMap<(Side, BlobId), Vec<&'a TreePath>>,
    gone: HashMap<(Side, BlobId), u64>,
}

impl<'a> Places<'a> {
    fn new(touched: &'a Touched) -> Self {
        let mut places = Self { new: HashMap::new(), gone: HashMap::new() };
        for (path, versions) in touched {
            for side in [Side::Ours, Side::Theirs] {
                match (versions.base, versions.of(side)) {
                    (None, Some(entry)) if entry.size > 0 => {
                        let paths = places.new.entry((side, entry.blob)).or_default();
                        if paths.len() < TOLD {
                            paths.push(path);
                        }
                    }
                    (Some(base), None) => *places.gone.entry((side, base.blob)).or_default() += 1,
                    _ => {}
                }
            }
        }
        places
    }

    fn of(&self, side: Side, blob: BlobId) -> Vec<TreePath> {
        self.new.get(&(side, blob)).into_iter().flatten().map(|path| (*path).clone()).collect()
    }

    /// Whether both sides have this content at new places.
    fn are_on_both(&self, blob: BlobId) -> bool {
        [Side::Ours, Side::Theirs].iter().all(|side| self.new.contains_key(&(*side, blob)))
    }
}

impl Plan {
    /// Finds what was renamed, and follows it if that is wanted.
    pub(super) fn find_renames(
        &mut self,
        objects: &dyn ObjectRead,
        trees: Trees,
        touched: &Touched,
        renames: Renames,
    ) -> Result<(), snapshot::Error> {
        let places = Places::new(touched);
        for clash in self.clashes.iter_mut().filter(|clash| clash.kind == ConflictKind::ModifyDelete) {
            let deleter = clash.deleter();
            clash.renamed_to =
                clash.versions.base.map(|base| places.of(deleter, base.blob)).unwrap_or_default();
        }
        if renames == Renames::Follow {
            self.follow(touched, &places);
        }
        self.parted = parted(objects, trees, &places)?;
        Ok(())
    }

    fn follow(&mut self, touched: &Touched, places: &Places<'_>) {
        // Where something else is at odds already, or comes from both sides, nothing is put.
        let mut taken: HashSet<String> = self.clashes.iter().map(|clash| clash.path.to_string()).collect();
        let (edits, followed) = (&mut self.edits, &mut self.followed);
        self.clashes.retain(|clash| match target(clash, touched, places) {
            Some((to, entry))
                if !to.ancestors().any(|dir| taken.contains(dir)) && taken.insert(to.to_string()) =>
            {
                edits.insert(clash.path.clone(), None);
                edits.insert(to.clone(), Some(entry));
                followed.push(Followed { from: clash.path.clone(), to: to.clone() });
                false
            }
            _ => true,
        });
    }
}

/// Where the change of a file that the other side renamed goes, and what it becomes there, if that can be told.
fn target<'a>(clash: &'a Clash, touched: &Touched, places: &Places<'_>) -> Option<(&'a TreePath, Entry)> {
    let [new] = clash.renamed_to.as_slice() else { return None };
    let Versions { base, ours, theirs } = clash.versions;
    // Of several files that may have gone there, none is the right one.
    if places.gone.get(&(clash.deleter(), base?.blob)) != Some(&1) {
        return None;
    }
    let at = touched.binary_search_by(|(path, _)| path.cmp(new)).ok();
    let (_, there) = at.and_then(|at| touched.get(at))?;
    let moved = there.ours.xor(there.theirs)?;
    match (Versions { base, ours: Some(moved), theirs: ours.or(theirs) }).decide() {
        Decision::Take(entry) => Some((new, entry?)),
        Decision::Conflict(_) => None,
    }
}

/// The files that are gone on both sides, and that each has at other places.
fn parted(
    objects: &dyn ObjectRead,
    trees: Trees,
    places: &Places<'_>,
) -> Result<Vec<Parted>, snapshot::Error> {
    // Only then is it worth while to look at what was deleted.
    if !places.new.keys().any(|(_, blob)| places.are_on_both(*blob)) {
        return Ok(Vec::new());
    }
    let mut theirs = Cursor::<Entry>::new(objects, trees.theirs)?;
    let mut gone: BTreeMap<TreePath, BlobId> = BTreeMap::new();
    for change in Snapshot::new(objects, trees.base).diff(&Snapshot::new(objects, trees.ours), "") {
        let Change { path, before, after } = change?;
        if let (Some(before), None) = (before, after)
            && places.are_on_both(before.blob)
            && theirs.get(path.as_str().as_bytes())?.is_none()
        {
            gone.insert(path, before.blob);
        }
    }
    let parted = |(from, blob)| Parted {
        from,
        ours: places.of(Side::Ours, blob),
        theirs: places.of(Side::Theirs, blob),
    };
    Ok(gone.into_iter().map(parted).collect())
}
