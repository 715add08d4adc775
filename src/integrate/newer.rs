//! On which side a path was changed last.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::error::Error;
use super::sides::Ends;
use crate::history::{self, Log};
use crate::merge::Side;
use crate::object::{CommitId, ObjectRead, TreePath};
use crate::snapshot::{Snapshot, below};

/// The time of a commit, and its id, so that no two are alike.
type When = (i64, CommitId);

/// When each path was last changed on either side since their common ancestors, found out when it is first asked for.
pub(super) struct Times<'a> {
    objects: &'a dyn ObjectRead,
    ends: &'a Ends,
    found: OnceCell<[HashMap<TreePath, When>; 2]>,
}

impl<'a> Times<'a> {
    pub(super) fn new(objects: &'a dyn ObjectRead, ends: &'a Ends) -> Self {
        Self { objects, ends, found: OnceCell::new() }
    }

    /// The side whose commit that changed the path, or what lies below it, has the later time.
    pub(super) fn newer(&self, path: &TreePath) -> Result<Side, Error> {
        let found = if let Some(found) = self.found.get() {
            found
        } else {
            let found = [self.changes(Some(self.ends.ours))?, self.changes(self.ends.theirs)?];
            self.found.get_or_init(|| found)
        };
        let [ours, theirs] = found.each_ref().map(|times| latest(times, path));
        Ok(if theirs > ours { Side::Theirs } else { Side::Ours })
    }

    /// When each path was last changed in the history of `head`, as far back as the common ancestors.
    fn changes(&self, head: Option<CommitId>) -> Result<HashMap<TreePath, When>, Error> {
        let mut log = Log::new(self.objects, head);
        for base in &self.ends.bases {
            log = log.without(*base);
        }
        let mut times: HashMap<TreePath, When> = HashMap::new();
        for item in log {
            let (id, commit) = item?;
            // A merge changes nothing that its parents did not.
            let before = match commit.parents.as_slice() {
                [] => None,
                [parent] => Some(history::load_whole(self.objects, *parent)?.tree),
                _ => continue,
            };
            let now = Snapshot::new(self.objects, history::load_whole(self.objects, id)?.tree);
            let mut note = |path: TreePath| {
                let when = times.entry(path).or_insert((commit.time, id));
                *when = (*when).max((commit.time, id));
            };
            match before {
                Some(before) => {
                    for change in Snapshot::new(self.objects, before).diff(&now, "") {
                        note(change?.path);
                    }
                }
                None => {
                    for file in now.scan("")? {
                        note(file?.0);
                    }
                }
            }
        }
        Ok(times)
    }
}

fn latest(times: &HashMap<TreePath, When>, path: &TreePath) -> Option<When> {
    let inside = below(Some(path));
    let lower =
        || times.iter().filter(|(other, _)| other.as_str().starts_with(&inside)).map(|(_, when)| *when);
    times.get(path).copied().or_else(|| lower().max())
}
