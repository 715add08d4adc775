//! The history of some paths, as git simplifies it.
//!
//! A commit that is like one of its parents at these paths is passed over, and of a merge that is, only that parent is followed.
//! So of two lines of work, one of which left the paths alone, only the other is told. Whether a commit is like its parent is
//! found by comparing their trees at the paths: what differs elsewhere is not read.

use std::collections::{BTreeSet, HashMap};

use super::Error;
use crate::compare;
use crate::history::{self, Log};
use crate::object::{Commit, CommitId, ObjectRead, TreePath};
use crate::scope::Scope;
use crate::snapshot::{Change, Snapshot};

/// Whether a file that was renamed is followed to its old name: that of the file which went away with the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// It is.
    Renames,
    /// A path is a path.
    Nothing,
}

/// Which parents of merges are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lineage {
    /// All.
    All,
    /// The first.
    First,
}

/// Whether merges are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merges {
    /// Like all others.
    Told,
    /// Nothing else is.
    Only,
    /// They are not.
    Untold,
}

/// Which commits are wanted.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Those that changed what is meant here.
    pub scope: Scope,
    /// Whether renamed files are followed; then no patterns are meant.
    pub follow: Follow,
    /// Which parents are followed.
    pub lineage: Lineage,
    /// Whether merges are told.
    pub merges: Merges,
    /// Not older than this, in milliseconds since 1970. What comes before an older one is not looked at.
    pub since: Option<i64>,
    /// Not newer than this.
    pub until: Option<i64>,
    /// Made by somebody whose name has this in it, whatever the case.
    pub author: Option<String>,
}

/// Whether a commit is one of those that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It is.
    Shown,
    /// It only leads to others.
    Passed,
}

/// A commit on the way.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id.
    pub id: CommitId,
    /// The commit.
    pub commit: Commit,
    /// The parents that are followed from it.
    pub parents: Vec<CommitId>,
    /// What it was looked at for, as it was called there and in its parents.
    pub scope: Scope,
    /// Whether it is wanted.
    pub sight: Sight,
}

/// The way back, newest generation first.
#[derive(Debug)]
pub struct Walk<'a> {
    objects: &'a dyn ObjectRead,
    log: Log<'a>,
    selection: Selection,
    /// What the paths were called at commits that are still to come.
    names: HashMap<CommitId, BTreeSet<TreePath>>,
}

impl<'a> Walk<'a> {
    /// The way back through `log`.
    pub fn new(objects: &'a dyn ObjectRead, log: Log<'a>, selection: Selection) -> Self {
        Self { objects, log, selection, names: HashMap::new() }
    }

    fn step(&mut self, id: CommitId, commit: Commit) -> Result<Step, Error> {
        if self.selection.since.is_some_and(|since| commit.time < since) {
            let (parents, scope) = (Vec::new(), Scope::whole());
            return Ok(Step { id, commit, parents, scope, sight: Sight::Passed });
        }
        let parents = match self.selection.lineage {
            Lineage::All => commit.parents.as_slice(),
            Lineage::First => commit.parents.get(..1).unwrap_or_default(),
        };
        let names = self.names.remove(&id);
        let scope = names
            .map_or_else(|| self.selection.scope.clone(), |names| Scope::of(names.into_iter().collect()));
        let (touched, parents, scope) = if scope.is_whole() {
            (true, parents.to_vec(), scope)
        } else {
            self.simplify(&commit, parents, scope)?
        };
        let sight = if touched && self.wants(&commit) { Sight::Shown } else { Sight::Passed };
        Ok(Step { id, commit, parents, scope, sight })
    }

    /// Whether the commit changed what is meant, which of its parents lead on, and what is meant with its names there.
    fn simplify(
        &mut self,
        commit: &Commit,
        parents: &[CommitId],
        scope: Scope,
    ) -> Result<(bool, Vec<CommitId>, Scope), Error> {
        let now = Snapshot::new(self.objects, commit.tree);
        let mut trees = Vec::new();
        for parent in parents {
            let Some(before) = files(self.objects, *parent)? else { continue };
            if !compare::differs(&before, &now, &scope)? {
                self.keep(*parent, scope.paths().iter().cloned());
                return Ok((false, vec![*parent], scope));
            }
            trees.push((*parent, before));
        }
        if trees.is_empty() {
            return Ok((scope.is_in(&now)?, Vec::new(), scope));
        }
        if self.selection.follow == Follow::Nothing {
            return Ok((true, trees.into_iter().map(|(parent, _)| parent).collect(), scope));
        }
        let told = trees.iter().map(|(parent, _)| *parent).collect();
        let mut all: BTreeSet<TreePath> = scope.paths().iter().cloned().collect();
        for (parent, before) in trees {
            let names = names_in(&before, &now, scope.paths())?;
            all.extend(names.iter().cloned());
            self.keep(parent, names);
        }
        Ok((true, told, Scope::of(all.into_iter().collect())))
    }

    fn keep(&mut self, parent: CommitId, names: impl IntoIterator<Item = TreePath>) {
        if self.selection.follow == Follow::Renames {
            self.names.entry(parent).or_default().extend(names);
        }
    }

    fn wants(&self, commit: &Commit) -> bool {
        let Selection { until, author, merges, .. } = &self.selection;
        let is_merge = commit.parents.len() > 1;
        let name = |wanted: &String| commit.author.to_lowercase().contains(&wanted.to_lowercase());
        let merges = match merges {
            Merges::Told => true,
            Merges::Only => is_merge,
            Merges::Untold => !is_merge,
        };
        merges && until.is_none_or(|until| commit.time <= until) && author.as_ref().is_none_or(name)
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Step, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = match self.log.next()? {
            Ok((id, commit)) => self.step(id, commit),
            Err(error) => return Some(Err(error.into())),
        };
        if let Ok(step) = &step {
            self.log.follow_only(&step.parents);
        }
        Some(step)
    }
}

/// The files of a commit; `None` if they were let go, where what can be told of history ends.
pub(super) fn files(objects: &dyn ObjectRead, id: CommitId) -> Result<Option<Snapshot<'_>>, Error> {
    match history::load_whole(objects, id) {
        Ok(commit) => Ok(Some(Snapshot::new(objects, commit.tree))),
        Err(history::Error::LetGo { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether any commit of `log` has changed what `scope` means, so that it was there once.
pub fn was_there(objects: &dyn ObjectRead, log: Log<'_>, scope: &Scope) -> Result<bool, Error> {
    for commit in log {
        let (id, commit) = commit?;
        let Some(now) = files(objects, id)? else { continue };
        let before = commit.parents.first().map_or(Ok(None), |parent| files(objects, *parent))?;
        let changed = match before {
            None => scope.is_in(&now)?,
            Some(before) => compare::differs(&before, &now, scope)?,
        };
        if changed {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the paths were called before.
fn names_in(before: &Snapshot<'_>, now: &Snapshot<'_>, paths: &[TreePath]) -> Result<Vec<TreePath>, Error> {
    paths.iter().map(|path| Ok(old_name(before, now, path)?.unwrap_or_else(|| path.clone()))).collect()
}

/// What the file that is new at `path` was called before: the path that lost the content it has, by going away or by getting another.
pub(super) fn old_name(
    before: &Snapshot<'_>,
    now: &Snapshot<'_>,
    path: &TreePath,
) -> Result<Option<TreePath>, Error> {
    let Some(entry) = now.find(path.as_str())?.filter(|entry| entry.size > 0) else { return Ok(None) };
    if before.find(path.as_str())?.is_some() {
        return Ok(None);
    }
    let changes = compare::changes(before, now, &Scope::whole())?;
    let lost = |change: &&Change| change.before.is_some_and(|before| before.blob == entry.blob);
    let lost = changes.iter().find(lost).map(|change| change.path.clone());
    let found = compare::compare(changes).differences.into_iter().find(|difference| difference.path == *path);
    Ok(found.and_then(|difference| difference.renamed_from).or(lost))
}
