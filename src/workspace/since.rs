//! What a workspace's files differ in from another version than its own.

use std::collections::BTreeMap;

use super::error::Error;
use super::look::Look;
use super::place::Workspace;
use crate::object::{NodeId, TreePath};
use crate::scope::Scope;
use crate::snapshot::Change;

impl Workspace {
    /// What differs from `tree` to the files here, among those of `selection` that the workspace holds. `look` has what differs
    /// from its own commit. What an interrupted change of version brought differs as well.
    pub fn changes_since(&self, tree: NodeId, look: Look, selection: &Scope) -> Result<Vec<Change>, Error> {
        let own = self.tree(self.marker.at.commit)?;
        let mut changes: BTreeMap<TreePath, Change> = BTreeMap::new();
        for change in self.changes(tree, own)? {
            if selection.holds(change.path.as_str()) {
                changes.insert(change.path.clone(), change);
            }
        }
        for Change { path, before, after } in look.changes.into_iter().chain(look.between) {
            let before = changes.get(&path).map_or(before, |change| change.before);
            changes.insert(path.clone(), Change { path, before, after });
        }
        Ok(changes.into_values().filter(|change| change.before != change.after).collect())
    }
}
