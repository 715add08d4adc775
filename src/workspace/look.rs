//! What has changed in a workspace since its commit.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::time::Duration;

use super::error::Error;
use super::index::Index;
use super::place::Workspace;
use crate::compare::{self, Difference};
use crate::ingest::{self, Found};
use crate::object::{Entry, FileKind, ObjectWrite, TreePath};
use crate::progress::Progress;
use crate::scope::Scope;
use crate::snapshot::Change;
use crate::stamp::{Begun, Stamp};
use crate::store::Store;

/// How much is read of what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What cannot be told by its stamp: whether a file of the same length is the same, and which new file is an old one
    /// under another name.
    Stats,
    /// All of it.
    Content,
}

/// A file that differs, of which only the kind and the length are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The path.
    pub path: TreePath,
    /// The file before.
    pub before: Option<Entry>,
    /// What kind of file it is now.
    pub kind: FileKind,
    /// Its length in bytes now.
    pub size: u64,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Look {
    /// The files that differ from the commit's, by path.
    pub changes: Vec<Change>,
    /// What differs only because a change of version was interrupted: files that are as where it leads, or missing.
    pub between: Vec<Change>,
    /// Others that differ, by path; none in a look at the content.
    pub unread: Vec<Unread>,
    /// The stamps of the changed files as they were read.
    pub stamps: Vec<(TreePath, Stamp)>,
    /// The names and patterns of the selection with which nothing was found that the workspace holds.
    pub absent: Vec<Scope>,
    /// The names that cannot be committed, with the reasons.
    pub illegal: Vec<ingest::Error>,
    /// How many files lie here that the workspace does not hold.
    pub outside: u64,
    /// How many files were looked at.
    pub files: u64,
    /// How many of these were read.
    pub read: u64,
    /// What was passed over, as lines for a person.
    pub warnings: Vec<String>,
}

impl Look {
    /// Whether nothing differs.
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty() && self.unread.is_empty()
    }

    /// What differs, with renames, as far as it was read.
    pub fn differences(&self) -> Vec<Difference> {
        compare::compare(self.changes.clone()).differences
    }
}

/// A file to look at more closely, and its record in the index.
struct Suspect {
    found: Found,
    at: Option<usize>,
}

/// What the stamps tell.
#[derive(Default)]
struct Sorted {
    suspects: Vec<Suspect>,
    /// Records without a file.
    gone: Vec<usize>,
    outside: u64,
}

impl Workspace {
    /// What has changed, among the paths of `selection`. What is read goes to `sink`; where `room` is a store, its disk must
    /// have room for it.
    pub fn look(
        &self,
        selection: &Scope,
        depth: Depth,
        sink: &dyn ObjectWrite,
        room: Option<&Store>,
        progress: &dyn Progress,
    ) -> Result<Look, Error> {
        let mut index = self.index()?;
        let survey = ingest::survey(&self.dir, &self.store)?;
        let mut look = Look {
            absent: self.absent(&index, &survey.files, selection)?,
            illegal: survey.illegal,
            warnings: survey.warnings,
            files: survey.files.len() as u64,
            ..Look::default()
        };
        let Sorted { suspects, gone, outside } = self.sort(&index, survey.files, selection)?;
        look.outside = outside;
        let halfway = self.halfway()?;
        let depth = if halfway.is_empty() { depth } else { Depth::Content };
        for at in &gone {
            look.lose(&index, *at);
        }
        let lost: HashSet<u64> = look.changes.iter().filter_map(|change| Some(change.before?.size)).collect();
        let is_told = |suspect: &Suspect| depth == Depth::Content || !is_surely_other(&index, suspect, &lost);
        let (told, other): (Vec<Suspect>, Vec<Suspect>) = suspects.into_iter().partition(is_told);
        for Suspect { found, at } in other {
            let before = at.and_then(|at| index.get(at)).map(|record| record.entry);
            let kind = if found.symlink { FileKind::Symlink } else { found.stamp.kind() };
            look.unread.push(Unread { path: found.path, before, kind, size: found.stamp.size });
        }
        look.read = told.len() as u64;
        let learnt = self.read(&mut index, told, &mut look, sink, room, progress)?;
        if learnt > 0
            && let Ok(Some(_held)) = self.lock(Duration::ZERO)
            && let Err(error) = self.remember(&index)
        {
            tracing::debug!(%error, "could not remember the files");
        }
        // What is of either version, or just between them, is no change of the person's.
        let is_own = |change: &Change| {
            halfway.get(&change.path).is_none_or(|to| change.after.is_some() && *to != change.after)
        };
        (look.changes, look.between) = look.changes.into_iter().partition(is_own);
        look.changes.sort_by(|a, b| a.path.cmp(&b.path));
        look.unread.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(look)
    }

    /// Tells what is surely as it was from what is not. Both sides are in order of their paths.
    fn sort(&self, index: &Index, files: Vec<Found>, selection: &Scope) -> Result<Sorted, Error> {
        let mut sorted = Sorted::default();
        let mut missing = Vec::new();
        let mut at = 0;
        for found in files {
            let path = found.path.as_str();
            while index.path(at).is_some_and(|known| known < path) {
                missing.push(at);
                at += 1;
            }
            if index.path(at).map(|known| known.cmp(path)) == Some(Ordering::Equal) {
                let unchanged = index.get(at).is_some_and(|record| record.is_unchanged(&found.stamp));
                if !unchanged && selection.holds(path) {
                    sorted.suspects.push(Suspect { found, at: Some(at) });
                }
                at += 1;
            } else if !self.scope.holds(path) {
                sorted.outside += 1;
            } else if selection.holds(path) {
                sorted.suspects.push(Suspect { found, at: None });
            }
        }
        missing.extend(at..index.len());
        // What is left out of a walk is there all the same, if the commit has it.
        for at in missing {
            let Some(record) = index.get(at).filter(|record| selection.holds(record.path)) else { continue };
            match ingest::find(&self.dir, &record.path.parse()?)? {
                None => sorted.gone.push(at),
                Some(found) if record.is_unchanged(&found.stamp) => {}
                Some(found) => sorted.suspects.push(Suspect { found, at: Some(at) }),
            }
        }
        Ok(sorted)
    }

    /// Reads the suspects, and returns how many turned out to be as they were, which the index learns.
    fn read(
        &self,
        index: &mut Index,
        suspects: Vec<Suspect>,
        look: &mut Look,
        sink: &dyn ObjectWrite,
        room: Option<&Store>,
        progress: &dyn Progress,
    ) -> Result<u64, Error> {
        if suspects.is_empty() {
            return Ok(0);
        }
        let begun = Begun::now(Some(&self.tmp));
        let (files, places): (Vec<Found>, Vec<Option<usize>>) =
            suspects.into_iter().map(|suspect| (suspect.found, suspect.at)).unzip();
        let mut learnt = 0;
        for ((found, entry), at) in
            ingest::read_each(sink, files, begun, room, progress)?.into_iter().zip(places)
        {
            let before = at.and_then(|at| index.get(at)).map(|record| record.entry);
            let settled = !found.symlink && found.stamp.is_settled(begun);
            match (at, entry) {
                (Some(at), None) => look.lose(index, at),
                (Some(at), Some(_)) if before == entry => {
                    if settled {
                        index.set_stamp(at, &found.stamp);
                        learnt += 1;
                    }
                }
                (_, Some(_)) => {
                    if settled {
                        look.stamps.push((found.path.clone(), found.stamp));
                    }
                    look.changes.push(Change { path: found.path, before, after: entry });
                }
                (None, None) => {}
            }
        }
        Ok(learnt)
    }
}

impl Look {
    /// The file of record `at` is no more.
    fn lose(&mut self, index: &Index, at: usize) {
        if let Some(record) = index.get(at)
            && let Ok(path) = record.path.parse()
        {
            self.changes.push(Change { path, before: Some(record.entry), after: None });
        }
    }
}

/// Whether a file differs for sure, and is not one of `lost` lengths under another name.
fn is_surely_other(index: &Index, suspect: &Suspect, lost: &HashSet<u64>) -> bool {
    let size = suspect.found.stamp.size;
    match suspect.at.and_then(|at| index.get(at)) {
        None => size == 0 || !lost.contains(&size),
        Some(record) => {
            record.entry.size != size || (record.entry.kind == FileKind::Symlink) != suspect.found.symlink
        }
    }
}
