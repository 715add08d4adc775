//! Making a directory a workspace.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::error::Error;
use super::index::Index;
use super::place::Workspace;
use super::switch::{Loss, Moved};
use crate::checkout::{self, Clash, Written};
use crate::history;
use crate::marker::{Marker, Position, Trust};
use crate::object::{Entry, RepoName, STORE_NAME, TreePath};
use crate::progress::Progress;
use crate::scope::Scope;
use crate::stamp::{Begun, Stamp};
use crate::store::Store;

/// What a workspace is to be.
#[derive(Debug)]
pub struct Wanted {
    /// The repo.
    pub repo: RepoName,
    /// Where it is to stand.
    pub at: Position,
    /// What it is to hold.
    pub scope: Scope,
}

/// Refuses a directory in which somebody keeps other things: they would be taken for new files.
fn check_free(dir: &Path, files: &[(TreePath, Entry)]) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    let own: HashSet<&str> =
        files.iter().filter_map(|(path, _)| path.as_str().split('/').next()).chain([STORE_NAME]).collect();
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    match names.filter(|name| !own.contains(name.as_str())).min() {
        Some(name) => Err(Error::Occupied { dir: dir.to_owned(), name }),
        None => Ok(()),
    }
}

impl Workspace {
    /// Makes `dir` a workspace of `store`, with its files. A directory that is one of the same repo and scope already is
    /// brought to the position. Files there that hold something else are not replaced, unless `loss` says so.
    pub fn make(
        store: Store,
        dir: &Path,
        wanted: Wanted,
        loss: Loss,
        wait: Duration,
        progress: &dyn Progress,
    ) -> Result<(Self, Written), Error> {
        let Wanted { repo, at, scope } = wanted;
        checkout::outside_stores(dir)?;
        let number = {
            let facts = store.session().map_err(history::Error::from)?;
            history::load_repo(&facts, &repo)?.id
        };
        let marker = Marker {
            store: store.root().to_owned(),
            repo,
            number: Some(number),
            at: at.clone(),
            moving: None,
            paths: scope.paths().to_vec(),
            globs: scope.globs().to_vec(),
            made: Vec::new(),
        };
        if let Some(old) = Marker::find(dir, Trust::Any)? {
            return Self::take_over(store, dir, &old, marker, loss, wait, progress);
        }
        let inside = dir.join(STORE_NAME);
        let own = fs::canonicalize(store.root()).ok();
        if fs::symlink_metadata(&inside).is_ok() && fs::canonicalize(&inside).ok() != own {
            return Err(Error::OtherStore { dir: dir.to_owned() });
        }
        let mut workspace = Self::open(store, dir, marker, wait)?;
        let tree = workspace.tree(at.commit)?;
        let files = workspace.files(tree)?;
        if loss == Loss::Refuse {
            check_free(dir, &files)?;
        }
        let clash = if loss == Loss::Accept { Clash::Overwrite } else { Clash::Refuse };
        let (written, stamped) = checkout::checkout(&workspace.objects, &files, dir, clash, progress)?;
        let made = fs::create_dir_all(&inside);
        made.map_err(|source| Error::Io { verb: "make the directory", path: inside, source })?;
        // The place for temporary files can be made only now.
        workspace.tmp = crate::marker::tmp(dir);
        let ended = Begun::now(Some(&workspace.tmp));
        let stamps: HashMap<&str, &Stamp> =
            stamped.iter().map(|(path, stamp)| (path.as_str(), stamp)).collect();
        let mut index = Index::new(workspace.key(tree));
        for (path, entry) in &files {
            let stamp = stamps.get(path.as_str()).copied().filter(|stamp| stamp.is_settled(ended));
            index.push(path.as_str(), entry, stamp);
        }
        workspace.remember(&index)?;
        workspace.mark(at, None)?;
        Ok((workspace, written))
    }

    /// Brings a workspace that is there already to where one was wanted.
    fn take_over(
        store: Store,
        dir: &Path,
        old: &Marker,
        wanted: Marker,
        loss: Loss,
        wait: Duration,
        progress: &dyn Progress,
    ) -> Result<(Self, Written), Error> {
        let same_store = fs::canonicalize(&old.store).ok() == fs::canonicalize(store.root()).ok();
        let same_repo = old.number.map_or(old.repo == wanted.repo, |number| Some(number) == wanted.number);
        if !same_store || !same_repo || old.paths != wanted.paths || old.globs != wanted.globs {
            let part = if old.paths.is_empty() && old.globs.is_empty() { "" } else { "a part of " };
            let of = format!("{part}{} in {}", old.repo, old.store.display());
            return Err(Error::Other { dir: dir.to_owned(), of });
        }
        let mut workspace = Self::open(store, dir, old.clone(), wait)?;
        let held = workspace.hold()?;
        if old.repo != wanted.repo {
            workspace.rename(&held, wanted.repo)?;
        }
        let Moved { written, bytes, .. } =
            workspace.switch(&held, &wanted.at, &std::collections::BTreeMap::new(), loss, progress)?;
        let files = workspace.index()?.len() as u64;
        let written = Written { files: written, bytes, unchanged: files.saturating_sub(written) };
        Ok((workspace, written))
    }
}
