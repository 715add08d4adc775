//! Deciding what is to be done before anything is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rayon::prelude::*;
use rustix::fs::readlinkat;

use super::error::Error;
use super::place::{Place, There};
use super::run::Clash;
use crate::content;
use crate::object::{Entry, FileKind, ObjectRead, TreePath};

/// How many files of one directory are handled in one go.
pub(super) const BATCH: usize = 128;

/// What is to be done at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    Replace,
    Leave,
}

/// One file and what is to be done for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) path: &'a TreePath,
    pub(super) entry: &'a Entry,
    pub(super) step: Step,
}

/// All that is to be done.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// Directories to be made, each after the one it lies in.
    pub(super) dirs: Vec<(&'a str, Step)>,
    /// Files, in groups that lie in one directory.
    pub(super) groups: Vec<(&'a str, Vec<Item<'a>>)>,
}

/// The directory of a path, and its name there.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Checks that the files can lie side by side.
pub(super) fn check(files: &[(TreePath, Entry)]) -> Result<(), Error> {
    let mut names: HashMap<&str, &TreePath> = HashMap::with_capacity(files.len());
    for (path, _) in files {
        if let Some(first) = names.insert(path.as_str(), path) {
            return Err(Error::Clash { first: first.clone(), second: path.clone() });
        }
    }
    for (path, _) in files {
        if let Some(first) = path.ancestors().find_map(|dir| names.get(dir)) {
            return Err(Error::Clash { first: (*first).clone(), second: path.clone() });
        }
    }
    Ok(())
}

/// Two names that a file system would take for one if it did not tell upper from lower case.
pub(super) fn same_but_for_case<'a>(
    plan: &Plan<'a>,
    files: &'a [(TreePath, Entry)],
) -> Option<(&'a str, &'a str)> {
    let all = || plan.dirs.iter().map(|(dir, _)| *dir).chain(files.iter().map(|(path, _)| path.as_str()));
    if !all().any(|path| path.chars().any(char::is_uppercase)) {
        return None;
    }
    let mut names: HashMap<String, &str> = HashMap::with_capacity(files.len());
    all().find_map(|path| names.insert(path.to_lowercase(), path).map(|first| (first, path)))
}

/// Decides what is to be done; `place` is the directory, if it is there and not empty.
pub(super) fn plan<'a>(
    objects: &dyn ObjectRead,
    files: &'a [(TreePath, Entry)],
    dir: &Path,
    place: Option<&Place>,
    clash: Clash,
) -> Result<Plan<'a>, Error> {
    let dirs: BTreeSet<&str> = files.iter().flat_map(|(path, _)| path.ancestors()).collect();
    let files = files.iter().map(|(path, entry)| (path, entry));
    let mut plan = Plan { dirs: Vec::new(), groups: grouped(files) };
    let Some(place) = place else {
        plan.dirs = dirs.into_iter().map(|dir| (dir, Step::Create)).collect();
        return Ok(plan);
    };
    plan.dirs = look_at_dirs(dir, place, dirs)?;
    let there: BTreeSet<&str> = plan
        .dirs
        .iter()
        .filter(|(_, step)| *step == Step::Leave)
        .map(|(path, _)| *path)
        .chain([""])
        .collect();
    let looked = plan.groups.par_iter_mut().filter(|(path, _)| there.contains(path));
    looked.try_for_each(|(path, items)| {
        let fail = |source| Error::Io { verb: "look into", path: dir.join(*path), source };
        let inside = place.enter(path).map_err(fail)?;
        items.iter_mut().try_for_each(|item| {
            item.step = look(objects, &inside, dir, item)?;
            Ok(())
        })
    })?;
    plan.refuse(dir, clash)?;
    Ok(plan)
}

/// The files in groups that lie in one directory.
pub(super) fn grouped<'a>(
    files: impl Iterator<Item = (&'a TreePath, &'a Entry)>,
) -> Vec<(&'a str, Vec<Item<'a>>)> {
    let mut members: BTreeMap<&str, Vec<Item<'a>>> = BTreeMap::new();
    for (path, entry) in files {
        members.entry(split(path.as_str()).0).or_default().push(Item { path, entry, step: Step::Create });
    }
    let batches = members
        .into_iter()
        .flat_map(|(dir, items)| items.chunks(BATCH).map(|batch| (dir, batch.to_vec())).collect::<Vec<_>>());
    batches.collect()
}

impl Plan<'_> {
    /// Refuses to replace anything, unless that was asked for.
    fn refuse(&self, dir: &Path, clash: Clash) -> Result<(), Error> {
        let dirs = self.dirs.iter().filter(|(_, step)| *step == Step::Replace).map(|(path, _)| *path);
        let items = self.groups.iter().flat_map(|(_, items)| items);
        let files = items.filter(|item| item.step == Step::Replace).map(|item| item.path.as_str());
        let in_the_way: Vec<&str> = dirs.chain(files).collect();
        match in_the_way.iter().min() {
            Some(first) if clash == Clash::Refuse => Err(Error::InTheWay {
                dir: dir.to_owned(),
                count: in_the_way.len(),
                first: (*first).to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// How many bytes will be written.
    pub(super) fn bytes(&self) -> u64 {
        let items = self.groups.iter().flat_map(|(_, items)| items);
        let written = items.filter(|item| item.step != Step::Leave && item.entry.kind != FileKind::Symlink);
        written.fold(0, |sum, item| sum.saturating_add(item.entry.size))
    }
}

pub(super) fn look_at_dirs<'a>(
    dir: &Path,
    place: &Place,
    dirs: BTreeSet<&'a str>,
) -> Result<Vec<(&'a str, Step)>, Error> {
    let mut steps: HashMap<&str, Step> = HashMap::from([("", Step::Leave)]);
    let mut found = Vec::new();
    for path in dirs {
        let (parent, name) = split(path);
        let fail = |source| Error::Io { verb: "look at", path: dir.join(path), source };
        let step = match steps.get(parent) {
            Some(Step::Leave) => {
                match place.enter(parent).and_then(|inside| inside.look(name)).map_err(fail)? {
                    There::Nothing => Step::Create,
                    There::Directory => Step::Leave,
                    There::Link => return Err(Error::ThroughLink { path: dir.join(path) }),
                    There::File(_) | There::Other => Step::Replace,
                }
            }
            _ => Step::Create,
        };
        steps.insert(path, step);
        found.push((path, step));
    }
    Ok(found)
}

/// Compares what is on disk with what is to be there.
fn look(objects: &dyn ObjectRead, inside: &Place, dir: &Path, item: &Item<'_>) -> Result<Step, Error> {
    let path = || dir.join(item.path.as_str());
    let fail = |source: io::Error| Error::Io { verb: "look at", path: path(), source };
    let name = item.path.file_name();
    let same = match (inside.look(name).map_err(fail)?, item.entry.kind) {
        (There::Nothing, _) => return Ok(Step::Create),
        (There::Link, FileKind::Symlink) => {
            let target = readlinkat(&inside.0, name, Vec::new()).map_err(|error| fail(error.into()))?;
            let wanted = content::load(objects, item.entry.blob);
            let wanted = wanted.map_err(|source| Error::Content { path: path(), source })?;
            target.as_bytes() == wanted
        }
        (There::File(stat), FileKind::File | FileKind::Executable) => {
            let executable = stat.st_mode & 0o100 != 0;
            u64::try_from(stat.st_size) == Ok(item.entry.size)
                && executable == (item.entry.kind == FileKind::Executable)
                && {
                    let mut hasher = blake3::Hasher::new();
                    let read = inside.read(name).and_then(|file| hasher.update_reader(file).map(drop));
                    read.map_err(fail)?;
                    hasher.finalize().as_bytes() == item.entry.blob.digest().as_bytes()
                }
        }
        _ => false,
    };
    Ok(if same { Step::Leave } else { Step::Replace })
}

/// The target of a link, as it is kept.
pub(super) fn target(
    objects: &dyn ObjectRead,
    path: &Path,
    entry: &Entry,
) -> Result<std::ffi::OsString, Error> {
    let bytes = content::load(objects, entry.blob);
    let bytes = bytes.map_err(|source| Error::Content { path: path.to_owned(), source })?;
    Ok(std::ffi::OsStr::from_bytes(&bytes).to_owned())
}
