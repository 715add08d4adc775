//! Names that mean nothing in a workspace, and why they do.

use std::fs;

use super::error::Error;
use super::index::Index;
use super::look::Look;
use super::place::Workspace;
use crate::ingest::{self, Found};
use crate::object::TreePath;
use crate::pick;
use crate::scope::Scope;
use crate::snapshot::{Snapshot, below};

impl Workspace {
    /// The names and patterns of `selection` that mean none of the `files` that the workspace holds, and none of its commit's.
    pub(super) fn absent(
        &self,
        index: &Index,
        files: &[Found],
        selection: &Scope,
    ) -> Result<Vec<Scope>, Error> {
        let mut parts = selection.parts()?;
        parts.retain(|part| !is_known(index, part) && !self.is_there(files, part));
        Ok(parts)
    }

    fn is_there(&self, files: &[Found], part: &Scope) -> bool {
        let start = part.starts().first().copied().unwrap_or_default().to_owned();
        let first = files.partition_point(|found| found.path.as_str() < start.as_str());
        let near = files.iter().skip(first).map(|found| found.path.as_str());
        let mut near = near.take_while(|path| path.starts_with(&start));
        near.any(|path| part.holds(path) && self.scope.holds(path))
    }

    /// An error for a name among those of `selection` that cannot be committed.
    pub fn check_legal(&self, look: &mut Look, selection: &Scope) -> Result<(), Error> {
        let is_meant = |error: &ingest::Error| {
            let below = error.illegal().and_then(|path| path.strip_prefix(&self.dir).ok());
            below.is_none_or(|path| selection.holds(&path.to_string_lossy()))
        };
        match look.illegal.iter().position(is_meant) {
            Some(at) => Err(look.illegal.swap_remove(at).into()),
            None => Ok(()),
        }
    }

    /// An error for a name with which nothing was found, unless the tree `other` has it. An empty directory is no mistake.
    pub fn check_names(&self, look: &Look, other: Option<Snapshot<'_>>) -> Result<(), Error> {
        for part in &look.absent {
            let files = other.map(|other| part.files(&other)).transpose()?.unwrap_or_default();
            if files.is_empty() {
                self.explain(part)?;
            } else if !files.iter().any(|(path, _)| self.scope.holds(path.as_str())) {
                return Err(self.not_held(part));
            }
        }
        Ok(())
    }

    fn explain(&self, part: &Scope) -> Result<(), Error> {
        let [path] = part.paths() else { return Err(self.nothing(part)) };
        let Ok(meta) = fs::symlink_metadata(self.dir.join(path.as_str())) else {
            return Err(self.nothing(part));
        };
        if !self.scope.holds(path.as_str()) && !meta.is_dir() {
            return Err(self.not_held(part));
        }
        match ingest::left_out(&self.dir, path, meta.is_dir()) {
            Some(rule) => Err(Error::LeftOut { path: path.clone(), rule }),
            None => Ok(()),
        }
    }

    /// That a name means nothing at all, or nothing that the workspace holds.
    pub(super) fn nothing(&self, part: &Scope) -> Error {
        let tree = self.snapshot();
        if tree.as_ref().is_ok_and(|tree| part.is_in(tree).unwrap_or(false)) {
            return self.not_held(part);
        }
        let near = |path: &TreePath| pick::similar(tree.ok()?, path).ok();
        let nearest = part.paths().first().and_then(near).unwrap_or_default();
        Error::Nothing { name: part.to_string(), of: self.to_string(), nearest }
    }

    fn not_held(&self, part: &Scope) -> Error {
        let (name, held, repo) = (part.to_string(), self.scope.to_string(), self.marker.repo.clone());
        Error::NotHeld { name, held, repo }
    }
}

/// Whether the index has something that is meant.
fn is_known(index: &Index, part: &Scope) -> bool {
    let Some(path) = part.paths().first() else {
        return (0..index.len()).filter_map(|at| index.path(at)).any(|path| part.holds(path));
    };
    let inside = below(Some(path));
    let first = index.search(&inside).unwrap_or_else(|at| at);
    index.find(path.as_str()).is_some() || index.path(first).is_some_and(|next| next.starts_with(&inside))
}
