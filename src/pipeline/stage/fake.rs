//! Trees in memory, to try stages on.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Change, Error, Files, Memo, Output};
use crate::object::{BlobId, Digest, Entry, FileKind, TreePath};

/// A tree in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree(pub(crate) BTreeMap<TreePath, Vec<u8>>);

static BLOBS: Mutex<BTreeMap<BlobId, Vec<u8>>> = Mutex::new(BTreeMap::new());

fn entry(bytes: &[u8]) -> Entry {
    let blob = BlobId::of(bytes);
    BLOBS.lock().unwrap().insert(blob, bytes.to_vec());
    Entry { kind: FileKind::File, blob, size: bytes.len() as u64 }
}

impl Tree {
    pub(crate) fn put(&mut self, path: &str, text: &str) {
        self.0.insert(path.parse().unwrap(), text.as_bytes().to_vec());
    }

    /// Every file below a directory on disk.
    pub(crate) fn read(dir: &std::path::Path) -> Self {
        let files = crate::ingest::walk(dir).unwrap();
        Self(files.into_iter().map(|file| (file.path, std::fs::read(file.place).unwrap())).collect())
    }

    pub(crate) fn changes_to(&self, other: &Self) -> Vec<Change> {
        let paths: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let at = |tree: &Self, path: &TreePath| tree.0.get(path).map(|bytes| entry(bytes));
        let change =
            |path: &TreePath| Change { path: path.clone(), before: at(self, path), after: at(other, path) };
        paths.into_iter().map(change).filter(|change| change.before != change.after).collect()
    }
}

impl Files for Tree {
    fn find(&self, path: &str) -> Result<Option<Entry>, Error> {
        Ok(path.parse().ok().and_then(|path: TreePath| self.0.get(&path)).map(|bytes| entry(bytes)))
    }

    fn scan(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(&TreePath, &Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let under = self.0.iter().filter(|(path, _)| path.as_str().starts_with(prefix));
        for (path, bytes) in under {
            visit(path, &entry(bytes))?;
        }
        Ok(())
    }

    fn read(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        Ok(BLOBS.lock().unwrap()[&entry.blob].clone())
    }
}

impl Output for Tree {
    fn put_entry(&mut self, path: TreePath, entry: Entry) -> Result<(), Error> {
        let bytes = BLOBS.lock().unwrap()[&entry.blob].clone();
        self.0.insert(path, bytes);
        Ok(())
    }

    fn put_bytes(&mut self, path: TreePath, bytes: &[u8]) -> Result<Entry, Error> {
        self.0.insert(path, bytes.to_vec());
        Ok(entry(bytes))
    }

    fn remove(&mut self, path: TreePath) -> Result<(), Error> {
        self.0.remove(&path);
        Ok(())
    }
}

/// What parts came to, in memory.
#[derive(Debug, Default)]
pub(crate) struct Remembered(BTreeMap<Digest, BTreeMap<String, Vec<u8>>>);

impl Memo for Remembered {
    fn find(&self, of: &Digest) -> Result<Option<BTreeMap<String, Vec<u8>>>, Error> {
        Ok(self.0.get(of).cloned())
    }

    fn keep(&mut self, of: Digest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        self.0.insert(of, files.clone());
        Ok(())
    }
}

/// A tree that counts how often contents are read from it and written to it.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    pub(crate) tree: Tree,
    reads: AtomicUsize,
    pub(crate) writes: usize,
}

impl Sealed {
    pub(crate) fn new(tree: Tree) -> Self {
        Self { tree, ..Self::default() }
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Files for Sealed {
    fn find(&self, path: &str) -> Result<Option<Entry>, Error> {
        self.tree.find(path)
    }

    fn scan(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(&TreePath, &Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.tree.scan(prefix, visit)
    }

    fn read(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.tree.read(entry)
    }
}

impl Output for Sealed {
    fn put_entry(&mut self, path: TreePath, entry: Entry) -> Result<(), Error> {
        self.tree.put_entry(path, entry)
    }

    fn put_bytes(&mut self, path: TreePath, bytes: &[u8]) -> Result<Entry, Error> {
        self.writes += 1;
        self.tree.put_bytes(path, bytes)
    }

    fn remove(&mut self, path: TreePath) -> Result<(), Error> {
        self.tree.remove(path)
    }
}
