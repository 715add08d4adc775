//! Holding another part of the commit than before.
//!
//! What comes is written first, then the workspace says that it holds the other part, and then what it no longer holds goes: a process
//! that is killed in between leaves files too many, which are not looked at, and never one that seems to have been deleted.

use std::collections::BTreeMap;

use super::error::Error;
use super::index::Edit;
use super::place::{Held, Workspace};
use super::switch::{Loss, Moved, Plan, Wish};
use crate::object::TreePath;
use crate::progress::Progress;
use crate::scope::Scope;
use crate::stamp::Stamp;

impl Workspace {
    /// Makes the workspace hold what `scope` means, of the commit that it is at. Local changes to what it then no longer holds are in the
    /// way, and files that have the place of one that comes.
    pub fn choose(
        &mut self,
        _held: &Held,
        scope: Scope,
        loss: Loss,
        progress: &dyn Progress,
    ) -> Result<Moved, Error> {
        self.check_settled()?;
        let at = self.marker.at.clone();
        let tree = self.tree(at.commit)?;
        let index = self.index()?;
        let mut wishes: BTreeMap<TreePath, Wish> = BTreeMap::new();
        for record in (0..index.len()).filter_map(|at| index.get(at)) {
            if !scope.holds(record.path) {
                wishes.insert(record.path.parse()?, Wish { may_be: vec![Some(record.entry)], wanted: None });
            }
        }
        self.scope = scope;
        for (path, entry) in self.files(tree)? {
            if index.find(path.as_str()).is_none() {
                wishes.insert(path, Wish { may_be: vec![None], wanted: Some(entry) });
            }
        }
        let mut plan = Plan::default();
        self.plan(&index, &wishes, &mut plan, progress)?;
        if loss == Loss::Refuse && !plan.lost.is_empty() {
            return Err(Error::WouldLose { paths: plan.lost.into_iter().collect() });
        }
        let (come, go): (Vec<_>, Vec<_>) = plan.edits.into_iter().partition(|(_, entry)| entry.is_some());
        let (Moved { written, bytes, .. }, stamped) = self.apply(&come, progress)?;
        let stamps: BTreeMap<TreePath, Stamp> = stamped.into_iter().collect();
        let known = |path: &TreePath| {
            let seen = plan.known.get(path).and_then(|(_, stamp)| *stamp);
            stamps.get(path).copied().or(seen)
        };
        let learnt: Vec<Edit> = wishes
            .into_iter()
            .map(|(path, wish)| {
                let stamp = known(&path);
                (path, wish.wanted.map(|entry| (entry, stamp)))
            })
            .collect();
        self.remember(&index.amended(self.key(tree), &learnt))?;
        (self.marker.paths, self.marker.globs) = (self.scope.paths().to_vec(), self.scope.globs().to_vec());
        self.mark(at, None)?;
        let (Moved { removed, .. }, _) = self.apply(&go, progress)?;
        Ok(Moved { written, bytes, removed })
    }
}
