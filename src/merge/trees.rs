//! Three versions of a tree, brought together path by path.
//!
//! Only paths at which the two sides differ are looked at, and of these only what the tree says: no content is read. So the
//! cost follows what differs between the sides, however much has changed since their common ancestor.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::renames::{Followed, Parted, Renames};
use super::versions::{ConflictKind, Decision, Versions};
use crate::object::{Entry, NodeId, ObjectRead, TreePath};
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
    /// Of a file that one side deleted: where that side has its content now, by path.
    pub renamed_to: Vec<TreePath>,
}

impl Clash {
    /// Of a file that one side deleted: which one.
    pub(super) fn deleter(&self) -> Side {
        if self.versions.ours.is_none() { Side::Ours } else { Side::Theirs }
    }
}

/// What a merge of trees comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What must be done to our tree: `None` removes a file.
    pub edits: BTreeMap<TreePath, Option<Entry>>,
    /// What is left to be settled, by path. Our tree keeps its version meanwhile.
    pub clashes: Vec<Clash>,
    /// The renamed files whose changes went to their new names, by their old ones.
    pub followed: Vec<Followed>,
    /// The files to which the sides gave different names, by their old ones.
    pub parted: Vec<Parted>,
}

/// The paths at which the sides differ, by path.
pub(super) type Touched = Vec<(TreePath, Versions)>;

impl Versions {
    pub(super) fn of(&self, side: Side) -> Option<Entry> {
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
        plan.clashes.push(Clash { path: path.clone(), kind, versions: *versions, renamed_to: Vec::new() });
    }
    plan.find_renames(objects, trees, &touched, renames)?;
    Ok(plan)
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
