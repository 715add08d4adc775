//! Trees as a stage sees them, and the place for its output.

use super::pattern::PathPattern;
use super::stage::{self, Files, Output};
use crate::content;
use crate::draft::Draft;
use crate::fault::{Cause, Fault};
use crate::object::{Entry, FileKind, NodeId, ObjectRead, ObjectWrite, TreePath};
use crate::snapshot::Snapshot;

pub(super) fn storage<F: Fault>(verb: &'static str, path: &str, fault: F) -> stage::Error {
    stage::Error::Storage { verb, path: path.to_owned(), cause: Cause::from(fault) }
}

/// The files of a snapshot that a pattern covers; of all of them, without one.
pub(super) struct View<'a> {
    objects: &'a dyn ObjectRead,
    root: NodeId,
    glob: Option<&'a PathPattern>,
}

impl<'a> View<'a> {
    pub(super) fn new(objects: &'a dyn ObjectRead, root: NodeId, glob: Option<&'a PathPattern>) -> Self {
        Self { objects, root, glob }
    }

    fn covers(&self, path: &str) -> bool {
        self.glob.is_none_or(|glob| glob.unit(path).is_some())
    }
}

impl Files for View<'_> {
    fn find(&self, path: &str) -> Result<Option<Entry>, stage::Error> {
        let found = Snapshot::new(self.objects, self.root).find(path);
        Ok(found.map_err(|error| storage("find", path, error))?.filter(|_| self.covers(path)))
    }

    fn find_each(&self, paths: &[String]) -> Result<Vec<Option<Entry>>, stage::Error> {
        let found = Snapshot::new(self.objects, self.root).find_each(paths);
        let found =
            found.map_err(|error| storage("find", paths.first().map_or("", String::as_str), error))?;
        Ok(found.into_iter().zip(paths).map(|(entry, path)| entry.filter(|_| self.covers(path))).collect())
    }

    fn scan(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(&TreePath, &Entry) -> Result<(), stage::Error>,
    ) -> Result<(), stage::Error> {
        let files = Snapshot::new(self.objects, self.root).scan(prefix);
        for file in files.map_err(|error| storage("list", prefix, error))? {
            let (path, entry) = file.map_err(|error| storage("list", prefix, error))?;
            if self.covers(path.as_str()) {
                visit(&path, &entry)?;
            }
        }
        Ok(())
    }

    fn read(&self, entry: &Entry) -> Result<Vec<u8>, stage::Error> {
        content::load(self.objects, entry.blob)
            .map_err(|error| storage("read", &entry.blob.to_string(), error))
    }
}

/// Edits that a stage makes, with the contents kept at once.
pub(super) struct Sink<'a> {
    pub(super) objects: &'a dyn ObjectWrite,
    pub(super) draft: Draft,
}

impl Output for Sink<'_> {
    fn put_entry(&mut self, path: TreePath, entry: Entry) -> Result<(), stage::Error> {
        self.draft.put(path, entry);
        Ok(())
    }

    fn put_bytes(&mut self, path: TreePath, bytes: &[u8]) -> Result<Entry, stage::Error> {
        let kept = content::keep_bytes(self.objects, bytes)
            .map_err(|error| storage("write", path.as_str(), error))?;
        let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
        self.draft.put(path, entry);
        Ok(entry)
    }

    fn remove(&mut self, path: TreePath) -> Result<(), stage::Error> {
        self.draft.remove(path);
        Ok(())
    }
}
