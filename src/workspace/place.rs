//! A workspace that is open: its store, its directory, and what its marker says.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::Error;
use super::index::{Edit, Index};
use super::known::enrol;
use crate::history::{self, Target};
use crate::marker::{self, Marker, Position, Trust};
use crate::object::{CommitId, Digest, Entry, NodeId, STORE_NAME, TreePath};
use crate::owner::{self, Tmp};
use crate::pack::Rehearsal;
use crate::scope::Scope;
use crate::snapshot::{Change, Snapshot};
use crate::store::Store;
use crate::{compare, tree};

/// The names of its files in the workspace's `.vds` directory, which may be a store's as well.
const INDEX: &str = "workspace.index";
const LOCK: &str = "workspace.lock";

/// So many of its own commits are known to a workspace.
const MADE: usize = 100;

/// A workspace. Nothing is locked by having one.
#[derive(Debug)]
pub struct Workspace {
    pub(super) store: Store,
    pub(super) dir: PathBuf,
    pub(super) marker: Marker,
    pub(super) scope: Scope,
    pub(super) tmp: Tmp,
    /// Takes what is only looked at, and lets trees be read.
    pub(super) objects: Rehearsal,
    wait: Duration,
}

/// The right to change a workspace; no other process has it while this is held.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "it is held, not used")] File);

impl Workspace {
    /// Finds the workspace that `start` is or lies in: its directory, and what its marker says.
    pub fn find(start: &Path, trust: Trust) -> Result<Option<(PathBuf, Marker)>, marker::Error> {
        // Whatever has the name of a store ends the search, as it does that for a store.
        let found = start.ancestors().find(|dir| std::fs::symlink_metadata(dir.join(STORE_NAME)).is_ok());
        let Some(dir) = found else { return Ok(None) };
        Ok(Marker::find(dir, trust)?.map(|marker| (dir.to_owned(), marker)))
    }

    /// The workspace `dir` of `store`, with this marker. Who wants to change it waits up to `wait` for others.
    pub fn open(store: Store, dir: &Path, marker: Marker, wait: Duration) -> Result<Self, Error> {
        let scope = Scope::new(marker.paths.clone(), marker.globs.clone())?;
        let tmp = marker::tmp(dir);
        let objects = store.rehearsal();
        let marker = current(&store, Marker { store: store.root().to_owned(), ..marker })?;
        Ok(Self { store, dir: dir.to_owned(), marker, scope, tmp, objects, wait })
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What its marker says.
    pub fn marker(&self) -> &Marker {
        &self.marker
    }

    /// What it holds.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The branch that it follows.
    pub fn target(&self) -> Option<Target> {
        Some(Target { repo: self.marker.repo.clone(), branch: self.marker.at.branch.clone()? })
    }

    /// Waits for others to be done, and keeps them out until the answer is dropped. What they did is seen.
    pub fn hold(&mut self) -> Result<Held, Error> {
        let held = self.lock(self.wait)?.ok_or_else(|| Error::Busy { dir: self.dir.clone() })?;
        if let Some(marker) = Marker::find(&self.dir, Trust::Any)? {
            self.scope = Scope::new(marker.paths.clone(), marker.globs.clone())?;
            self.marker = current(&self.store, Marker { store: self.store.root().to_owned(), ..marker })?;
        }
        self.tmp.sweep();
        // It may have been made by an earlier release, or have been moved.
        enrol(&self.store, &self.dir, &self.marker, &self.marker.at, self.marker.moving.as_ref())?;
        Ok(held)
    }

    pub(super) fn lock(&self, wait: Duration) -> Result<Option<Held>, Error> {
        let path = self.dir.join(STORE_NAME).join(LOCK);
        let locked = owner::lock_within(&path, wait);
        Ok(locked.map_err(|source| Error::Io { verb: "lock", path, source })?.map(Held))
    }

    /// An error while an earlier change of version has not come to its end.
    pub fn check_settled(&self) -> Result<(), Error> {
        match &self.marker.moving {
            None => Ok(()),
            Some(to) => Err(Error::Halfway { to: to.commit, name: name_of(to) }),
        }
    }

    /// Writes the marker.
    pub(super) fn mark(&mut self, at: Position, moving: Option<Position>) -> Result<(), Error> {
        enrol(&self.store, &self.dir, &self.marker, &at, moving.as_ref())?;
        let marker = Marker { at, moving, ..self.marker.clone() };
        marker.save(&self.dir, &self.tmp)?;
        self.marker = marker;
        Ok(())
    }

    /// Stands at another position, and leaves all files as they are: where they differ from its commit they are local changes.
    pub fn stand(&mut self, _held: &Held, to: &Position) -> Result<(), Error> {
        self.check_settled()?;
        let (was, wanted) = (self.tree(self.marker.at.commit)?, self.tree(to.commit)?);
        let changes = self.changes(was, wanted)?.into_iter();
        let edits: Vec<Edit> =
            changes.map(|Change { path, after, .. }| (path, after.map(|entry| (entry, None)))).collect();
        self.remember(&self.index()?.amended(self.key(wanted), &edits))?;
        self.mark(to.clone(), None)
    }

    /// Notes that its changes were committed by this operation, to be written with the next position.
    pub fn note_made(&mut self, _held: &Held, operation: u64) {
        let made = &mut self.marker.made;
        made.push(operation);
        made.drain(..made.len().saturating_sub(MADE));
    }

    /// The tree of a commit; the empty one for none.
    pub fn tree(&self, commit: Option<CommitId>) -> Result<NodeId, Error> {
        Ok(match commit {
            Some(commit) => history::load_whole(&self.objects, commit)?.tree,
            None => tree::empty(&self.objects)?,
        })
    }

    /// Its commit's files.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        Ok(Snapshot::new(&self.objects, self.tree(self.marker.at.commit)?))
    }

    /// What differs between two trees, among the paths that the workspace holds.
    pub(super) fn changes(&self, before: NodeId, after: NodeId) -> Result<Vec<Change>, Error> {
        let (before, after) = (Snapshot::new(&self.objects, before), Snapshot::new(&self.objects, after));
        Ok(compare::changes(&before, &after, &self.scope)?)
    }

    /// What the interrupted change of version would have changed.
    pub(super) fn halfway(&self) -> Result<BTreeMap<TreePath, Option<Entry>>, Error> {
        let Some(to) = &self.marker.moving else { return Ok(BTreeMap::new()) };
        let changes = self.changes(self.tree(self.marker.at.commit)?, self.tree(to.commit)?)?;
        Ok(changes.into_iter().map(|change| (change.path, change.after)).collect())
    }

    /// The files of `tree` that the workspace holds.
    pub(super) fn files(&self, tree: NodeId) -> Result<Vec<(TreePath, Entry)>, Error> {
        Ok(self.scope.files(&Snapshot::new(&self.objects, tree))?)
    }

    /// What the index of `tree` here is called.
    pub(super) fn key(&self, tree: NodeId) -> Digest {
        let mut text = tree.to_string();
        for path in self.scope.paths() {
            text += &format!("\npath {path}");
        }
        for glob in self.scope.globs() {
            text += &format!("\nglob {glob}");
        }
        Digest::of(text.as_bytes())
    }

    /// What is remembered of the files of its commit; where nothing is, what the commit says of them.
    pub(super) fn index(&self) -> Result<Index, Error> {
        let tree = self.tree(self.marker.at.commit)?;
        let key = self.key(tree);
        if let Some(index) = Index::load(&self.index_place(), key) {
            return Ok(index);
        }
        let mut index = Index::new(key);
        self.files(tree)?.iter().for_each(|(path, entry)| index.push(path.as_str(), entry, None));
        Ok(index)
    }

    fn index_place(&self) -> PathBuf {
        self.dir.join(STORE_NAME).join(INDEX)
    }

    /// Remembers `index`. The caller has the right to change the workspace.
    pub(super) fn remember(&self, index: &Index) -> Result<(), Error> {
        let place = self.index_place();
        index.save(&place, &self.tmp).map_err(|source| Error::Io { verb: "write", path: place, source })
    }
}

/// The marker, with what became of a commit that a purge wrote anew and a collection has taken since.
fn current(store: &Store, mut marker: Marker) -> Result<Marker, Error> {
    for commit in [Some(&mut marker.at), marker.moving.as_mut()].into_iter().flatten() {
        if let Some(commit) = &mut commit.commit
            && store.objects().find(commit.digest()).map_err(history::Error::from)?.is_none()
        {
            let purges = history::purges(&store.session().map_err(history::Error::from)?)?;
            *commit = purges.current(store.objects(), *commit)?;
        }
    }
    Ok(marker)
}

/// How a position is named to `vds checkout`.
pub(super) fn name_of(at: &Position) -> String {
    match (&at.branch, at.commit) {
        (Some(branch), _) => branch.to_string(),
        (None, Some(commit)) => format!("{commit:.12}"),
        (None, None) => "REV".to_owned(),
    }
}

impl fmt::Display for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.marker.repo, name_of(&self.marker.at))
    }
}
