//! A look at some paths of a workspace: what is there, and what is in the way.

use std::fs;
use std::path::Path;

use super::error::Error;
use super::index::Index;
use super::place::Workspace;
use crate::checkout::{self, Place, There};
use crate::ingest;
use crate::object::{Entry, TreePath};
use crate::progress::Progress;
use crate::stamp::{Begun, Stamp};

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing, and all above it are directories or nothing.
    Absent,
    /// A file or link, and its stamp where that may be trusted.
    Is(Entry, Option<Stamp>),
    /// A directory, and the paths of all that is in it but directories.
    Directory(Vec<String>),
    /// Nothing, because there is no directory at this path above it.
    Blocked(String),
    /// A socket, pipe or device.
    Other,
}

impl Workspace {
    /// What is at each of `paths`, which are sorted. What the stamps do not tell is read.
    pub(super) fn probe(
        &self,
        index: &Index,
        paths: &[&TreePath],
        progress: &dyn Progress,
    ) -> Result<Vec<State>, Error> {
        let fail =
            |path: &str, source| checkout::Error::Io { verb: "look at", path: self.dir.join(path), source };
        let top = Place::open(&self.dir).map_err(|source| fail("", source))?;
        let mut states = vec![State::Absent; paths.len()];
        let mut unknown = Vec::new();
        let mut last: Option<(&str, Option<Place>)> = None;
        for (path, state) in paths.iter().zip(&mut states) {
            let dir = path.as_str().rsplit_once('/').map_or("", |(dir, _)| dir);
            if last.as_ref().is_none_or(|(at, _)| *at != dir) {
                last = Some((dir, top.enter_if_there(dir).map_err(|source| fail(dir, source))?));
            }
            let Some((_, Some(inside))) = &last else {
                if let Some(above) = blocked(&top, path).map_err(|source| fail(path.as_str(), source))? {
                    *state = State::Blocked(above);
                }
                continue;
            };
            let there = inside.look(path.file_name()).map_err(|source| fail(path.as_str(), source))?;
            let known = index.find(path.as_str());
            match there {
                There::Nothing => {}
                There::Directory => *state = State::Directory(contents(&self.dir, path.as_str())),
                There::Other => *state = State::Other,
                There::Link => unknown.push((path, state)),
                There::File(stat) => {
                    let stamp = Stamp::of_stat(&stat);
                    match known.filter(|known| known.is_unchanged(&stamp)) {
                        Some(known) => *state = State::Is(known.entry, Some(stamp)),
                        None => unknown.push((path, state)),
                    }
                }
            }
        }
        self.tell(unknown, progress)?;
        Ok(states)
    }

    /// Reads files whose stamps do not tell what they are.
    fn tell(&self, unknown: Vec<(&&TreePath, &mut State)>, progress: &dyn Progress) -> Result<(), Error> {
        if unknown.is_empty() {
            return Ok(());
        }
        let begun = Begun::now(Some(&self.tmp));
        let (mut files, mut states) = (Vec::new(), Vec::new());
        for (path, state) in unknown {
            if let Some(found) = ingest::find(&self.dir, path)? {
                files.push(found);
                states.push(state);
            }
        }
        let read = ingest::read_each(&self.objects, files, begun, None, progress)?;
        for ((found, entry), state) in read.into_iter().zip(states) {
            if let Some(entry) = entry {
                let settled = !found.symlink && found.stamp.is_settled(begun);
                *state = State::Is(entry, settled.then_some(found.stamp));
            }
        }
        Ok(())
    }
}

/// The first path above `path` at which there is something other than a directory.
fn blocked(top: &Place, path: &TreePath) -> std::io::Result<Option<String>> {
    for above in path.ancestors() {
        let (dir, name) = above.rsplit_once('/').unwrap_or(("", above));
        let Some(inside) = top.enter_if_there(dir)? else { return Ok(None) };
        match inside.look(name)? {
            There::Nothing => return Ok(None),
            There::Directory => {}
            There::Link | There::File(_) | There::Other => return Ok(Some(above.to_owned())),
        }
    }
    Ok(None)
}

/// The paths of all below the directory `path` but directories; a directory that cannot be read stands for what is in it.
fn contents(root: &Path, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![path.to_owned()];
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = fs::read_dir(root.join(&dir)) else {
            found.push(dir);
            continue;
        };
        for entry in entries.flatten() {
            let below = format!("{dir}/{}", entry.file_name().to_string_lossy());
            let list = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { &mut dirs } else { &mut found };
            list.push(below);
        }
    }
    found
}
