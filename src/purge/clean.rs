//! Trees without certain files: file trees, tables of results, and what stages keep for themselves.
//!
//! A node below which nothing is to go is remembered, and never read again: so to clean many trees that share most of their nodes costs what
//! differs, and what goes.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::error::Error;
use crate::object::{BlobId, Entry, NodeId, ObjectRead, ObjectWrite};
use crate::pipeline::{self, StateForm};
use crate::tree::{self, Opened, Raw, Value};

/// Makes trees without certain files.
#[derive(Debug)]
pub(super) struct Cleaner {
    /// What goes.
    pub(super) blobs: BTreeSet<BlobId>,
    /// Nodes of file trees, and of others, with nothing below that goes.
    files: HashSet<NodeId>,
    others: HashSet<NodeId>,
    /// What whole trees came to.
    cleaned: HashMap<(Sort, NodeId), NodeId>,
}

/// Says whether an entry goes.
type Goes<'a, V> = dyn FnMut(&[u8], &V) -> Result<bool, Error> + 'a;

/// What the entries of a tree are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Files,
    Results,
    State,
}

impl Cleaner {
    pub(super) fn new(blobs: BTreeSet<BlobId>) -> Self {
        Self { blobs, files: HashSet::new(), others: HashSet::new(), cleaned: HashMap::new() }
    }

    /// The keys in a tree of files under which something is that goes, with what that is.
    pub(super) fn found(
        &mut self,
        objects: &dyn ObjectRead,
        root: NodeId,
    ) -> Result<Vec<(Vec<u8>, Entry)>, Error> {
        let mut found = Vec::new();
        if self.blobs.is_empty() {
            return Ok(found);
        }
        let blobs = &self.blobs;
        let mut goes = |key: &[u8], entry: &Entry| {
            let goes = blobs.contains(&entry.blob);
            if goes {
                found.push((key.to_vec(), *entry));
            }
            Ok(goes)
        };
        visit(objects, &mut self.files, root, &mut goes)?;
        Ok(found)
    }

    /// The tree without the files that go.
    pub(super) fn files(&mut self, sink: &dyn ObjectWrite, root: NodeId) -> Result<NodeId, Error> {
        self.remembered(Sort::Files, root, |cleaner| {
            let keys = cleaner.found(sink, root)?.into_iter().map(|(key, _)| key).collect();
            without::<Entry>(sink, root, keys)
        })
    }

    /// The table without the results in which something is that goes.
    pub(super) fn results(&mut self, sink: &dyn ObjectWrite, root: NodeId) -> Result<NodeId, Error> {
        self.remembered(Sort::Results, root, |cleaner| {
            cleaner.without_some(sink, root, |cleaner, _, value| {
                let [output, state, logs] = pipeline::result_names(value)?;
                Ok(cleaner.files(sink, output)? != output
                    || cleaner.state(sink, state)? != state
                    || cleaner.files(sink, logs)? != logs)
            })
        })
    }

    /// What a stage keeps for itself, without what goes.
    pub(super) fn state(&mut self, sink: &dyn ObjectWrite, root: NodeId) -> Result<NodeId, Error> {
        if pipeline::state_form(sink, root)? == StateForm::Files {
            return self.files(sink, root);
        }
        self.remembered(Sort::State, root, |cleaner| {
            cleaner.without_some(sink, root, |cleaner, key, value| {
                Ok(match pipeline::state_names(key, value)? {
                    None => false,
                    Some(pipeline::Named::Output(output)) => cleaner.files(sink, output)? != output,
                    Some(pipeline::Named::File(entry)) => cleaner.blobs.contains(&entry.blob),
                })
            })
        })
    }

    fn remembered(
        &mut self,
        sort: Sort,
        root: NodeId,
        make: impl FnOnce(&mut Self) -> Result<NodeId, Error>,
    ) -> Result<NodeId, Error> {
        if self.blobs.is_empty() {
            return Ok(root);
        }
        if let Some(cleaned) = self.cleaned.get(&(sort, root)) {
            return Ok(*cleaned);
        }
        let cleaned = make(self)?;
        self.cleaned.insert((sort, root), cleaned);
        Ok(cleaned)
    }

    /// The tree without the entries of which `goes` says so.
    fn without_some(
        &mut self,
        sink: &dyn ObjectWrite,
        root: NodeId,
        goes: impl Fn(&mut Self, &[u8], &Raw) -> Result<bool, Error>,
    ) -> Result<NodeId, Error> {
        let mut clean = std::mem::take(&mut self.others);
        let mut keys = Vec::new();
        let visited = visit::<Raw>(sink, &mut clean, root, &mut |key, value| {
            let goes = goes(self, key, value)?;
            if goes {
                keys.push(key.to_vec());
            }
            Ok(goes)
        });
        self.others.extend(clean);
        visited?;
        without::<Raw>(sink, root, keys)
    }
}

/// The tree without these keys, which are in order.
fn without<V: Value>(sink: &dyn ObjectWrite, root: NodeId, keys: Vec<Vec<u8>>) -> Result<NodeId, Error> {
    Ok(tree::edit::<V>(sink, root, keys.into_iter().map(|key| (key, None)))?)
}

/// Shows `goes` each entry that may go, in order: all but those below nodes that are known to be clean. Notes which others are.
fn visit<V: Value>(
    objects: &dyn ObjectRead,
    clean: &mut HashSet<NodeId>,
    root: NodeId,
    goes: &mut Goes<'_, V>,
) -> Result<(), Error> {
    if !clean.contains(&root) && is_clean(objects, clean, tree::open::<V>(objects, root)?, goes)? {
        clean.insert(root);
    }
    Ok(())
}

fn is_clean<V: Value>(
    objects: &dyn ObjectRead,
    clean: &mut HashSet<NodeId>,
    node: Opened<V>,
    goes: &mut Goes<'_, V>,
) -> Result<bool, Error> {
    let mut all = true;
    match node {
        Opened::Leaf(entries) => {
            for (key, value) in entries {
                all &= !goes(&key, &value)?;
            }
        }
        Opened::Inner(below) => {
            for child in below {
                if clean.contains(&child.id()) {
                    continue;
                }
                let is_clean = is_clean(objects, clean, child.open(objects)?, goes)?;
                if is_clean {
                    clean.insert(child.id());
                }
                all &= is_clean;
            }
        }
    }
    Ok(all)
}
