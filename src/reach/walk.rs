//! All that something leads to.

use std::cell::RefCell;

use super::error::Error;
use super::root::Root;
use crate::content::{self, Manifest};
use crate::history;
use crate::integrate;
use crate::object::{AccessError, BlobId, Commit, CommitId, Digest, Entry, NodeId, ObjectKind, ObjectRead};
use crate::pipeline::{self, StateForm};
use crate::tree::{self, Raw, Value};

/// What a visitor says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It has met it, and all that it leads to, before or elsewhere.
    Before,
    /// It meets it for the first time. It is of this kind.
    First(ObjectKind),
}

/// One who is told of each object, before it is read.
///
/// A file may have the very bytes of a commit or a tree node, and is then the same object. It leads to nothing, and the other does: so to
/// have met the one is not to have met the other.
pub trait Visit: Sync {
    /// Meets a commit or a tree node.
    fn meet(&self, digest: &Digest) -> Result<Met, AccessError>;

    /// Meets the content of a file, or a piece of it.
    fn meet_content(&self, digest: &Digest) -> Result<Met, AccessError>;

    /// Whether the files of this commit are passed by, because they are about to be let go. Those that were let go always are.
    fn passes(&self, commit: &CommitId) -> bool;

    /// Whether the tables of results that commits name are passed by, because they are about to be let go. Where they were, they always are.
    fn passes_results(&self) -> bool;
}

/// Visits all that `root` leads to. An object that `visitor` has met before is not read, nor is what it leads to: so to visit much that has
/// most in common costs what differs. Contents of files are not read, only what they consist of.
pub fn visit(objects: &dyn ObjectRead, root: Root, visitor: &dyn Visit) -> Result<(), Error> {
    let mut walk = Walk { objects, visitor, waiting: vec![root], held: None };
    while let Some(root) = walk.waiting.pop() {
        walk.follow(root)?;
    }
    Ok(())
}

struct Walk<'a> {
    objects: &'a dyn ObjectRead,
    visitor: &'a dyn Visit,
    waiting: Vec<Root>,
    /// What of commits leads on, if that was asked already.
    held: Option<Held>,
}

impl Walk<'_> {
    fn follow(&mut self, root: Root) -> Result<(), Error> {
        match root {
            Root::Commit(id) => self.commit(id),
            Root::Files(id) => self.files(id),
            Root::Results(id) => self.tree::<Raw>(id, |_, value| {
                let [output, state, logs] = pipeline::result_names(value)?;
                Ok(vec![Root::Files(output), Root::State(state), Root::Files(logs)])
            }),
            Root::State(id) => self.state(id),
            Root::Archive(id) => self.tree::<Raw>(id, |key, value| {
                Ok(pipeline::archive_names(key, value)?.into_iter().map(Root::from).collect())
            }),
            Root::Conflicts(id) => {
                self.tree::<Raw>(id, |_, value| Ok(all_files(integrate::conflict_names(value)?)))
            }
            Root::Choices(id) => {
                self.tree::<Raw>(id, |_, value| Ok(all_files(integrate::choice_names(value)?)))
            }
            Root::Plain(id) => self.tree::<Raw>(id, |_, _| Ok(Vec::new())),
            Root::File(entry) => self.file(entry.blob),
        }
    }

    fn commit(&mut self, id: CommitId) -> Result<(), Error> {
        if self.visitor.meet(id.digest())? == Met::Before {
            return Ok(());
        }
        let commit = history::load(self.objects, id)?;
        self.waiting.extend(commit.parents.iter().map(|parent| Root::Commit(*parent)));
        if !self.visitor.passes(&id) && history::find_let_go(self.objects, id)?.is_none() {
            let what = match self.held {
                Some(held) => held,
                None if self.visitor.passes_results() => Held::Files,
                None => Held::of(self.objects)?,
            };
            self.held = Some(what);
            self.waiting.extend(held(&commit, what));
        }
        Ok(())
    }

    fn state(&mut self, id: NodeId) -> Result<(), Error> {
        // Whose form would be asked again and again.
        if self.visitor.meet(id.digest())? == Met::Before {
            return Ok(());
        }
        let names = |key: &[u8], value: &Raw| -> Result<Vec<Root>, Error> {
            let named = pipeline::state_names(key, value)?;
            Ok(named
                .map(|named| match named {
                    pipeline::Named::Output(output) => Root::Files(output),
                    pipeline::Named::File(entry) => Root::File(entry),
                })
                .into_iter()
                .collect())
        };
        match pipeline::state_form(self.objects, id)? {
            StateForm::Files => self.below::<Entry>(id, |_, entry| Ok(vec![Root::File(*entry)])),
            StateForm::Datums => self.below::<Raw>(id, names),
        }
    }

    fn files(&mut self, id: NodeId) -> Result<(), Error> {
        self.tree::<Entry>(id, |_, entry| Ok(vec![Root::File(*entry)]))
    }

    fn tree<V: Value>(
        &mut self,
        id: NodeId,
        names: impl Fn(&[u8], &V) -> Result<Vec<Root>, Error>,
    ) -> Result<(), Error> {
        if self.visitor.meet(id.digest())? == Met::Before { Ok(()) } else { self.below(id, names) }
    }

    /// Visits what is below the root of a tree that was met.
    fn below<V: Value>(
        &mut self,
        root: NodeId,
        names: impl Fn(&[u8], &V) -> Result<Vec<Root>, Error>,
    ) -> Result<(), Error> {
        let failed = RefCell::new(None);
        let enter = |id: NodeId| {
            if id == root {
                return true;
            }
            let met = self.visitor.meet(id.digest());
            met.map_or_else(
                |error| {
                    failed.replace(Some(error));
                    false
                },
                |met| met != Met::Before,
            )
        };
        let mut found = Vec::new();
        tree::walk::<V, Error>(self.objects, root, enter, |key, value| {
            for named in names(&key, &value)? {
                match named {
                    // By far the most, and next to nothing to do.
                    Root::File(entry) => meet_file(self.objects, self.visitor, entry.blob)?,
                    other => found.push(other),
                }
            }
            Ok(())
        })?;
        if let Some(error) = failed.into_inner() {
            return Err(error.into());
        }
        self.waiting.append(&mut found);
        Ok(())
    }

    fn file(&self, blob: BlobId) -> Result<(), Error> {
        meet_file(self.objects, self.visitor, blob)
    }
}

/// What of a commit leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Its files, and what its stage keeps.
    Files,
    /// The table of results too.
    All,
}

impl Held {
    /// What of commits leads on in a store, by what it has let go.
    pub fn of(objects: &dyn ObjectRead) -> Result<Self, history::Error> {
        Ok(if history::find_results_let_go(objects)?.is_some() { Self::Files } else { Self::All })
    }
}

/// What a commit leads to besides those that it follows.
pub fn held(commit: &Commit, what: Held) -> Vec<Root> {
    let mut held = vec![Root::Files(commit.tree)];
    if let Some(made) = &commit.provenance {
        held.push(Root::State(made.state));
        held.extend((what == Held::All).then_some(Root::Results(made.results)));
    }
    held
}

fn all_files(entries: Vec<Entry>) -> Vec<Root> {
    entries.into_iter().map(Root::File).collect()
}

fn meet_file(objects: &dyn ObjectRead, visitor: &dyn Visit, blob: BlobId) -> Result<(), Error> {
    if visitor.meet_content(blob.digest())? != Met::First(ObjectKind::Manifest) {
        return Ok(());
    }
    let manifest: Manifest = content::manifest(objects, blob)?;
    for piece in manifest.pieces {
        visitor.meet_content(&piece.chunk)?;
    }
    Ok(())
}
