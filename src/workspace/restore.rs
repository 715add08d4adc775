//! Taking back local changes.

use std::collections::BTreeMap;
use std::fs;

use super::error::Error;
use super::place::{Held, Workspace};
use super::switch::{Loss, Plan, Wish};
use crate::object::{CommitId, Entry, TreePath};
use crate::progress::Progress;
use crate::scope::Scope;

/// What was taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many files were written.
    pub written: u64,
    /// How many were removed.
    pub removed: u64,
    /// How many were as they were to be.
    pub unchanged: u64,
}

impl Workspace {
    /// Makes the files that `selection` names what they are in `source`, also while a change of version is unfinished. Files that
    /// neither the workspace's commit nor `source` has are not touched; one that only `source` has replaces nothing else, unless
    /// that may be lost.
    pub fn restore(
        &mut self,
        _held: &Held,
        selection: &Scope,
        source: Option<CommitId>,
        loss: Loss,
        progress: &dyn Progress,
    ) -> Result<Restored, Error> {
        let mut index = self.index()?;
        let mut wishes: BTreeMap<TreePath, Wish> = BTreeMap::new();
        let mut ours: BTreeMap<TreePath, Entry> = BTreeMap::new();
        for record in (0..index.len()).filter_map(|at| index.get(at)) {
            if selection.holds(record.path) {
                let path: TreePath = record.path.parse()?;
                ours.insert(path.clone(), record.entry);
                wishes.insert(path, Wish::default());
            }
        }
        for (path, entry) in self.files(self.tree(source)?)? {
            if selection.holds(path.as_str()) {
                let new = Wish { may_be: vec![None], wanted: None };
                wishes.entry(path).or_insert(new).wanted = Some(entry);
            }
        }
        self.check_restorable(selection, &wishes)?;
        let mut plan = Plan::default();
        self.plan(&index, &wishes, &mut plan, progress)?;
        // What was named is given up; what would go besides is not.
        plan.lost.retain(|path| path.parse().is_ok_and(|path: TreePath| !ours.contains_key(&path)));
        if loss == Loss::Refuse && !plan.lost.is_empty() {
            return Err(Error::WouldLose { paths: plan.lost.into_iter().collect() });
        }
        let unchanged = plan.known.len() as u64;
        let edits: Vec<(TreePath, Option<Entry>)> = plan.edits.into_iter().collect();
        let (moved, stamped) = self.apply(&edits, progress)?;
        let written: BTreeMap<TreePath, Option<Entry>> = edits.into_iter().collect();
        // Only of files that are as in the workspace's commit its index has something to learn.
        let known = plan.known.into_iter().filter_map(|(path, (entry, stamp))| Some((path, entry?, stamp?)));
        let stamped = stamped.into_iter().filter_map(|(path, stamp)| {
            let entry = (*written.get(&path)?)?;
            Some((path, entry, stamp))
        });
        let learnt = known.chain(stamped).filter(|(path, entry, _)| ours.get(path) == Some(entry));
        for (path, _, stamp) in learnt.collect::<Vec<_>>() {
            if let Ok(at) = index.search(path.as_str()) {
                index.set_stamp(at, &stamp);
            }
        }
        self.remember(&index)?;
        Ok(Restored { written: moved.written, removed: moved.removed, unchanged })
    }

    /// An error for a name that means nothing.
    fn check_restorable(&self, selection: &Scope, wishes: &BTreeMap<TreePath, Wish>) -> Result<(), Error> {
        for part in selection.parts()? {
            if wishes.keys().any(|path| part.holds(path.as_str())) {
                continue;
            }
            return Err(match part.paths() {
                [path] if fs::symlink_metadata(self.dir.join(path.as_str())).is_ok() => {
                    Error::New { path: path.clone() }
                }
                _ => self.nothing(&part),
            });
        }
        Ok(())
    }
}
