//! Three versions of a tree, brought together path by path.
//!
//! Only paths at which the two sides differ are looked at, and of these only what the tree says: no content is read. So the
//! cost follows what differs between the sides, however much has changed since their common ancestor.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::versions::{ConflictKind, Decision, Versions};
use crate::object::{BlobId, Entry, NodeId, ObjectRead, TreePath};
use crate::snapshot::{self, Change, Snapshot};
use crate::tree::Cursor;

/// Three versions of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trees {
    /// The common ancestor's.
    pub base: NodeId,
    /// That of the side that is merged into.
    pub ours: NodeId,
    /// That of the side that is merged.
    pub theirs: NodeId,
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that is merged into.
    Ours,
    /// The one that is merged.
    Theirs,
}

/// A path at which the sides do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The path. Of a file against a directory, it stands for all that lies below it, too.
    pub path: TreePath,
    /// In what way they do not.
    pub kind: ConflictKind,
    /// What the path is; of a directory, nothing.
    pub versions: Versions,
    /// Of a file that one side deleted: where that side has its content now.
    pub renamed_to: Option<TreePath>,
}

/// What a merge of trees comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What must be done to our tree: `None` removes a file.
    pub edits: BTreeMap<TreePath, Option<Entry>>,
    /// What is left to be settled, by path. Our tree keeps its version meanwhile.
    pub clashes: Vec<Clash>,
}

/// The paths at which the sides differ, by path.
type Touched = Vec<(TreePath, Versions)>;

impl Versions {
    fn of(&self, side: Side) -> Option<Entry> {
        match side {
            Side::Ours => self.ours,
            Side::Theirs => self.theirs,
        }
    }

    /// Whether the side has a file here that the common ancestor has not.
    fn brings(&self, side: Side) -> bool {
        let entry = self.of(side);
        entry.is_some() && entry != self.base
    }
}

/// What is done about files that one side renamed and the other changed. A rename is known by identical content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Renames {
    /// It is told with the conflict.
    Tell,
    /// What was changed under the old name goes to the new one.
    Follow,
}

/// Brings two sides together.
pub fn plan(objects: &dyn ObjectRead, trees: Trees, renames: Renames) -> Result<Plan, snapshot::Error> {
    let touched = touched(objects, trees)?;
    let tops = tops(&touched);
    let mut plan = Plan::default();
    for (path, versions) in &touched {
        let kind = match versions.decide() {
            _ if tops.contains(path.as_str()) => ConflictKind::FileDirectory,
            // It is part of that conflict.
            _ if path.ancestors().any(|dir| tops.contains(dir)) => continue,
            Decision::Take(entry) if entry == versions.ours => continue,
            Decision::Take(entry) => {
                plan.edits.insert(path.clone(), entry);
                continue;
            }
            Decision::Conflict(kind) => kind,
        };
        plan.clashes.push(Clash { path: path.clone(), kind, versions: *versions, renamed_to: None });
    }
    plan.find_renames(&touched);
    if renames == Renames::Follow {
        plan.follow_renames(&touched);
    }
    Ok(plan)
}

impl Plan {
    /// Says of deleted files where the side that deleted them has their content now; a path of the same file name is preferred.
    fn find_renames(&mut self, touched: &Touched) {
        let deleted = |clash: &Clash| clash.kind == ConflictKind::ModifyDelete;
        if !self.clashes.iter().any(deleted) {
            return;
        }
        let mut new: HashMap<(Side, BlobId), Vec<&TreePath>> = HashMap::new();
        for (path, versions) in touched.iter().filter(|(_, versions)| versions.base.is_none()) {
            for side in [Side::Ours, Side::Theirs] {
                if let Some(entry) = versions.of(side).filter(|entry| entry.size > 0) {
                    new.entry((side, entry.blob)).or_default().push(path);
                }
            }
        }
        for clash in self.clashes.iter_mut().filter(|clash| deleted(clash)) {
            let deleter = if clash.versions.ours.is_none() { Side::Ours } else { Side::Theirs };
            let Some(base) = clash.versions.base else { continue };
            let paths = new.get(&(deleter, base.blob)).map(Vec::as_slice).unwrap_or_default();
            let same = paths.iter().find(|path| path.file_name() == clash.path.file_name());
            clash.renamed_to = same.or(paths.first()).map(|path| (*path).clone());
        }
    }

    fn follow_renames(&mut self, touched: &Touched) {
        // Where something else is at odds already, or comes from both sides, nothing is put.
        let mut taken: HashSet<String> = self.clashes.iter().map(|clash| clash.path.to_string()).collect();
        self.clashes.retain(|clash| {
            let Some(new) = &clash.renamed_to else { return true };
            let at = touched.binary_search_by(|(path, _)| path.cmp(new)).ok();
            let Some((_, there)) = at.and_then(|at| touched.get(at)) else { return true };
            let Versions { base, ours, theirs } = clash.versions;
            let Some(moved) = there.ours.xor(there.theirs) else { return true };
            let merged = Versions { base, ours: Some(moved), theirs: ours.or(theirs) }.decide();
            let Decision::Take(entry) = merged else { return true };
            if new.ancestors().any(|dir| taken.contains(dir)) || !taken.insert(new.to_string()) {
                return true;
            }
            self.edits.insert(clash.path.clone(), None);
            self.edits.insert(new.clone(), entry);
            false
        });
    }
}

fn touched(objects: &dyn ObjectRead, trees: Trees) -> Result<Touched, snapshot::Error> {
    let mut base = Cursor::<Entry>::new(objects, trees.base)?;
    let changes = Snapshot::new(objects, trees.ours).diff(&Snapshot::new(objects, trees.theirs), "");
    changes
        .map(|change| {
            let Change { path, before: ours, after: theirs } = change?;
            let base = base.get(path.as_str().as_bytes())?;
            Ok((path, Versions { base, ours, theirs }))
        })
        .collect()
}

/// Files that one side brings where the other brings something below them.
fn tops(touched: &Touched) -> BTreeSet<&str> {
    let brought = |side: Side| {
        let paths = touched.iter().filter(move |(_, versions)| versions.brings(side));
        paths.map(|(path, _)| path.as_str()).collect::<BTreeSet<&str>>()
    };
    let (ours, theirs) = (brought(Side::Ours), brought(Side::Theirs));
    let mut tops = BTreeSet::new();
    for (path, versions) in touched {
        for (side, others) in [(Side::Ours, &theirs), (Side::Theirs, &ours)] {
            if versions.brings(side) {
                tops.extend(path.ancestors().filter_map(|dir| others.get(dir)));
            }
        }
    }
    tops
}
