//! Bringing a workspace to another version.
//!
//! The paths that differ are looked at; where one holds what neither version has, the change is refused, unless it may be
//! lost. Then the way is announced in the marker, the files are changed, and the marker says where the workspace has
//! arrived. One that was interrupted is between two versions, both of which its files may be of: any change of version takes
//! it on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use super::error::Error;
use super::index::{Edit, Index};
use super::place::{Held, Workspace, name_of};
use super::probe::State;
use crate::checkout::{self, Stamped};
use crate::interrupt::{self, Parting};
use crate::marker::Position;
use crate::object::{Entry, TreePath};
use crate::progress::Progress;
use crate::stamp::{Begun, Stamp};

/// What becomes of local changes that are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The change is refused before anything is touched.
    Refuse,
    /// They are lost.
    Accept,
}

/// What a change of version did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many files were written.
    pub written: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many were removed.
    pub removed: u64,
}

/// What a path is to become, and what it may be before.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub(super) may_be: Vec<Option<Entry>>,
    pub(super) wanted: Option<Entry>,
}

/// What a path is to hold, and the stamp by which that is known.
pub(super) type Known = (Option<Entry>, Option<Stamp>);

/// Which files are to be changed, and what is to be remembered of all.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) edits: BTreeMap<TreePath, Option<Entry>>,
    pub(super) known: BTreeMap<TreePath, Known>,
    pub(super) lost: BTreeSet<String>,
}

impl Workspace {
    /// Brings the workspace to another position. Local changes where both versions are the same are carried along. The files
    /// of `own` are there as the new commit has them.
    pub fn switch(
        &mut self,
        _held: &Held,
        to: &Position,
        own: &BTreeMap<TreePath, Option<Stamp>>,
        loss: Loss,
        progress: &dyn Progress,
    ) -> Result<Moved, Error> {
        let wanted = self.tree(to.commit)?;
        let mut wishes: BTreeMap<TreePath, Wish> = BTreeMap::new();
        let origins = [Some(self.marker.at.clone()), self.marker.moving.clone()];
        for origin in origins.into_iter().flatten() {
            for change in self.changes(self.tree(origin.commit)?, wanted)? {
                let wish = wishes.entry(change.path).or_default();
                wish.may_be.push(change.before);
                wish.wanted = change.after;
            }
        }
        let index = self.index()?;
        let mut plan = Plan::default();
        for (path, stamp) in own {
            if let Some(wish) = wishes.remove(path) {
                plan.known.insert(path.clone(), (wish.wanted, *stamp));
            }
        }
        self.plan(&index, &wishes, &mut plan, progress)?;
        if loss == Loss::Refuse && !plan.lost.is_empty() {
            return Err(Error::WouldLose { paths: plan.lost.into_iter().collect() });
        }
        let Plan { edits, mut known, .. } = plan;
        let edits: Vec<(TreePath, Option<Entry>)> = edits.into_iter().collect();
        let was = self.marker.moving.clone();
        if !edits.is_empty() {
            self.mark(self.marker.at.clone(), Some(to.clone()))?;
            interrupt::part_with(Parting::Cut(format!("`vds checkout {}` goes on with it", name_of(to))));
        }
        let (moved, stamped) = match self.apply(&edits, progress) {
            Err(error @ Error::Checkout(checkout::Error::NoRoom { .. })) => {
                // Nothing has been touched.
                self.mark(self.marker.at.clone(), was)?;
                return Err(error);
            }
            done => done?,
        };
        known.extend(edits.into_iter().map(|(path, entry)| (path, (entry, None))));
        for (path, stamp) in stamped {
            known.entry(path).and_modify(|(_, known)| *known = Some(stamp));
        }
        let learn = |(path, (entry, stamp)): (TreePath, Known)| (path, entry.map(|entry| (entry, stamp)));
        let learnt: Vec<Edit> = known.into_iter().map(learn).collect();
        let key = self.key(wanted);
        if !learnt.is_empty() || index.key() != key {
            self.remember(&index.amended(key, &learnt))?;
        }
        self.mark(to.clone(), None)?;
        Ok(moved)
    }

    /// Decides what is to be done at each path.
    pub(super) fn plan(
        &self,
        index: &Index,
        wishes: &BTreeMap<TreePath, Wish>,
        plan: &mut Plan,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let paths: Vec<&TreePath> = wishes.keys().collect();
        let goes = |path: &str| {
            path.parse()
                .is_ok_and(|path: TreePath| wishes.get(&path).is_some_and(|wish| wish.wanted.is_none()))
        };
        for ((path, wish), state) in wishes.iter().zip(self.probe(index, &paths, progress)?) {
            let is_lost = match &state {
                State::Is(entry, seen) if Some(*entry) == wish.wanted => {
                    plan.known.insert(path.clone(), (wish.wanted, *seen));
                    continue;
                }
                State::Is(entry, _) => !wish.may_be.contains(&Some(*entry)),
                State::Other => true,
                // What was interrupted may have made the directories of a file, which go with it.
                State::Absent if wish.wanted.is_none() && self.marker.moving.is_some() => false,
                // Nothing is there, and nothing is to be.
                State::Absent | State::Blocked(_) | State::Directory(_) if wish.wanted.is_none() => {
                    plan.known.insert(path.clone(), (None, None));
                    continue;
                }
                // What was interrupted may have been just between the old file and the new one.
                State::Absent => !wish.may_be.contains(&None) && self.marker.moving.is_none(),
                State::Blocked(above) if goes(above) => false,
                State::Blocked(above) => {
                    plan.lost.insert(above.clone());
                    plan.edits.insert(above.parse()?, None);
                    false
                }
                State::Directory(inside) => {
                    let others = inside.iter().filter(|path| !goes(path));
                    let before = plan.lost.len();
                    plan.lost.extend(others.cloned());
                    plan.lost.len() == before && !wish.may_be.contains(&None)
                }
            };
            if is_lost {
                plan.lost.insert(path.to_string());
            }
            plan.edits.insert(path.clone(), wish.wanted);
        }
        Ok(())
    }

    /// Changes the files, and gives the stamps by which those that were written are known from now on.
    pub(super) fn apply(
        &self,
        edits: &[(TreePath, Option<Entry>)],
        progress: &dyn Progress,
    ) -> Result<(Moved, Vec<Stamped>), Error> {
        if edits.is_empty() {
            return Ok((Moved::default(), Vec::new()));
        }
        let scratch = self.tmp.own_dir().map_err(|source| {
            let path = self.tmp.dir().to_owned();
            Error::Io { verb: "make a directory in", path, source }
        })?;
        let mut stamped = checkout::amend(&self.objects, &self.dir, edits, &self.stay(), &scratch, progress)?;
        // A change after this moment shows in the times of a file that lies well before it.
        let ended = Begun::now(Some(&self.tmp));
        stamped.retain(|(_, stamp)| stamp.is_settled(ended));
        let mut moved = Moved::default();
        for (_, entry) in edits {
            match entry {
                None => moved.removed += 1,
                Some(entry) => (moved.written, moved.bytes) = (moved.written + 1, moved.bytes + entry.size),
            }
        }
        Ok((moved, stamped))
    }

    /// Where the process stands in the workspace: that directory is not taken away under it.
    fn stay(&self) -> String {
        let here = env::current_dir().unwrap_or_default();
        let dir = std::fs::canonicalize(&self.dir).unwrap_or_else(|_| self.dir.clone());
        here.strip_prefix(dir).map(|below| below.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
