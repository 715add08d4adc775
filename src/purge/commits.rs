//! Commits without certain files, and all that come after them.
//!
//! A commit is written anew if something of it goes, or if a commit is that it follows or was made from. Parents and inputs come first. What
//! has been decided is remembered, so that to look again, when others have changed the store meanwhile, costs what they did.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::clean::Cleaner;
use super::error::Error;
use super::seen::Seen;
use crate::history::{self, LetGo};
use crate::object::{
    AccessError, BlobId, Commit, CommitId, Entry, NodeId, ObjectKind, ObjectRead, ObjectWrite, RepoName,
    TreePath,
};
use crate::snapshot::{Snapshot, path_of};
use crate::tree;

/// A path of a repo, in all of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The repo.
    pub repo: RepoName,
    /// A file, or a directory with all below it.
    pub path: TreePath,
}

/// From where that goes which lies at a path, or ever lay there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// From there.
    Path,
    /// From wherever it lies; but for empty files, of which there are many.
    Everywhere,
}

/// A place, and what is known of it.
#[derive(Debug)]
struct Sought {
    place: Place,
    /// The commits of its repo.
    scope: HashSet<CommitId>,
    /// Whether any of them had something there.
    is_found: bool,
}

/// Writes commits anew.
#[derive(Debug)]
pub(super) struct Commits {
    reach: Reach,
    places: Vec<Sought>,
    /// The table of commits whose files were let go, when it was decided.
    table: Option<NodeId>,
    pub(super) cleaner: Cleaner,
    /// What commits became, of those that became another.
    pub(super) renamed: BTreeMap<CommitId, CommitId>,
    /// Those of which the own files are others now.
    pub(super) edited: HashSet<CommitId>,
    /// Those of the new ones that are not what their stages make of their inputs.
    pub(super) stale: BTreeSet<CommitId>,
    /// What went from commits, each with a path that it had.
    pub(super) found: BTreeMap<BlobId, TreePath>,
    /// Of commits whose files rules let go, what that says of the new ones. They have no files that could go.
    pub(super) let_go: BTreeMap<CommitId, LetGo>,
    done: HashSet<CommitId>,
}

impl Commits {
    pub(super) fn new(places: &[Place], reach: Reach, blobs: BTreeSet<BlobId>) -> Self {
        Self {
            reach,
            places: places
                .iter()
                .map(|place| Sought { place: place.clone(), scope: HashSet::new(), is_found: false })
                .collect(),
            table: None,
            cleaner: Cleaner::new(blobs),
            renamed: BTreeMap::new(),
            edited: HashSet::new(),
            stale: BTreeSet::new(),
            found: BTreeMap::new(),
            let_go: BTreeMap::new(),
            done: HashSet::new(),
        }
    }

    /// What a commit became.
    pub(super) fn became(&self, id: CommitId) -> CommitId {
        self.renamed.get(&id).copied().unwrap_or(id)
    }

    /// A place where no commit has anything.
    pub(super) fn missed(&self) -> Option<&Place> {
        self.places.iter().find(|sought| !sought.is_found).map(|sought| &sought.place)
    }

    /// Writes anew what has to be, of all commits that the facts name. The new ones are in `sink`.
    pub(super) fn rewrite(&mut self, sink: &dyn ObjectWrite, seen: &Seen) -> Result<(), Error> {
        let is_outdated = self.table != seen.let_go && !self.done.is_empty();
        if is_outdated || self.widen(sink, seen)? {
            // Of what was decided on, more goes, or was let go.
            let places: Vec<Place> = self.places.iter().map(|sought| sought.place.clone()).collect();
            *self = Self::new(&places, self.reach, std::mem::take(&mut self.cleaner.blobs));
            self.widen(sink, seen)?;
        }
        self.table = seen.let_go;
        for start in seen.commits()? {
            self.upwards(sink, seen, start)?;
        }
        Ok(())
    }

    /// What went from some places, and may stay in others.
    pub(super) fn staying(&self) -> BTreeSet<BlobId> {
        match self.reach {
            Reach::Path => self.found.keys().copied().filter(|id| !self.cleaner.blobs.contains(id)).collect(),
            Reach::Everywhere => BTreeSet::new(),
        }
    }

    /// Takes in what has come to the histories of the places' repos. True if what was decided so far must be decided anew.
    fn widen(&mut self, objects: &dyn ObjectRead, seen: &Seen) -> Result<bool, Error> {
        let (mut was_decided, mut new) = (false, BTreeSet::new());
        for Sought { place, scope, .. } in &mut self.places {
            let repo = seen.repos.values().find(|repo| repo.name == place.repo);
            let repo = repo.ok_or_else(|| history::Error::UnknownRepo {
                name: place.repo.clone(),
                nearest: history::nearest(
                    place.repo.as_str(),
                    seen.repos.values().map(|repo| repo.name.to_string()),
                ),
            })?;
            let mut waiting = seen.commits_of(repo);
            while let Some(id) = waiting.pop() {
                if !scope.insert(id) {
                    continue;
                }
                was_decided |= self.done.contains(&id);
                let Some(commit) = load(objects, id)? else { continue };
                waiting.extend(commit.parents);
                if self.reach == Reach::Everywhere && history::find_let_go(objects, id)?.is_none() {
                    let files = Snapshot::new(objects, commit.tree).files_at(Some(&place.path))?;
                    new.extend(files.iter().filter(|(_, entry)| entry.size > 0).map(|(_, entry)| entry.blob));
                }
            }
        }
        let known = self.cleaner.blobs.len();
        self.cleaner.blobs.append(&mut new);
        Ok(was_decided || (self.cleaner.blobs.len() > known && !self.done.is_empty()))
    }

    /// Decides on `start`, and before that on all that it comes from.
    fn upwards(&mut self, sink: &dyn ObjectWrite, seen: &Seen, start: CommitId) -> Result<(), Error> {
        let mut waiting = vec![start];
        while let Some(id) = waiting.last().copied() {
            if self.done.contains(&id) {
                waiting.pop();
                continue;
            }
            // What is known of commits that were collected stays for a while.
            let Some(commit) = load(sink, id)? else {
                self.done.insert(id);
                continue;
            };
            let inputs =
                commit.provenance.iter().flat_map(|made| made.inputs.iter().map(|input| input.commit));
            let first: Vec<CommitId> =
                commit.parents.iter().copied().chain(inputs).filter(|id| !self.done.contains(id)).collect();
            if first.is_empty() {
                self.decide(sink, seen, id, commit)?;
                self.done.insert(id);
            }
            waiting.extend(first);
        }
        Ok(())
    }

    fn decide(
        &mut self,
        sink: &dyn ObjectWrite,
        seen: &Seen,
        id: CommitId,
        before: Commit,
    ) -> Result<(), Error> {
        let mut commit = before.clone();
        commit.parents.iter_mut().for_each(|parent| *parent = self.became(*parent));
        // Two that differed in nothing else are one now.
        let mut known = HashSet::new();
        commit.parents.retain(|parent| known.insert(*parent));
        let let_go = history::find_let_go(sink, id)?;
        let is_whole = let_go.is_none();
        if is_whole {
            commit.tree = self.tree(sink, id, commit.tree)?;
        }
        let mut is_stale = commit.tree != before.tree;
        if let Some(made) = &mut commit.provenance {
            if is_whole {
                let state = self.cleaner.state(sink, made.state)?;
                is_stale |= state != made.state;
                made.state = state;
                // Where those were let go, nothing follows this name.
                if history::find_results_let_go(sink)?.is_none() {
                    made.results = self.cleaner.results(sink, made.results)?;
                }
            }
            for input in &mut made.inputs {
                is_stale |= self.edited.contains(&input.commit);
                input.commit = self.became(input.commit);
            }
        }
        if commit == before {
            return Ok(());
        }
        if commit.tree != before.tree {
            self.edited.insert(id);
        }
        let bytes = commit.to_bytes().map_err(|source| history::Error::Record { id, source })?;
        let new = CommitId::of(&bytes);
        sink.write_object(ObjectKind::Commit, new.digest(), &bytes)?;
        self.renamed.insert(id, new);
        self.let_go.extend(let_go.map(|gone| (new, gone)));
        if commit.provenance.is_some() && (is_stale || seen.purges.is_stale(sink, id)?) {
            self.stale.insert(new);
        }
        Ok(())
    }

    /// The files of a commit without those that go.
    fn tree(&mut self, sink: &dyn ObjectWrite, id: CommitId, root: NodeId) -> Result<NodeId, Error> {
        let mut went: BTreeMap<Vec<u8>, Entry> = self.cleaner.found(sink, root)?.into_iter().collect();
        for Sought { place, scope, is_found } in &mut self.places {
            if scope.contains(&id) {
                let files = Snapshot::new(sink, root).files_at(Some(&place.path))?;
                *is_found |= !files.is_empty();
                went.extend(
                    files.into_iter().map(|(path, entry)| (path.as_str().as_bytes().to_vec(), entry)),
                );
            }
        }
        for (key, entry) in &went {
            let path = path_of(key.clone())?;
            self.found.entry(entry.blob).or_insert(path);
        }
        Ok(tree::edit::<Entry>(sink, root, went.into_keys().map(|key| (key, None)))?)
    }
}

/// The commit; `None` if it is not there.
pub(super) fn load(objects: &dyn ObjectRead, id: CommitId) -> Result<Option<Commit>, Error> {
    match history::load(objects, id) {
        Err(history::Error::Object(AccessError::Missing { digest })) if digest == *id.digest() => Ok(None),
        loaded => Ok(Some(loaded?)),
    }
}
