//! Bringing some files of a directory to another version: what goes is removed, what comes is written, and nothing else is
//! looked at.
//!
//! Whoever calls this has looked at what is there and may lose it. What replaces something is made in a place of its own, so
//! that a process that is killed leaves no half file among the others; the old file goes just before the new one comes, so at
//! one place there may be none.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::act::Work;
use super::error::Error;
use super::place::Place;
use super::plan::{self, Plan, Step, split};
use super::run::{Stamped, check_room, stamped};
use crate::object::{Entry, ObjectRead, TreePath};
use crate::progress::{Amount, Progress};

/// Makes the files of `dir` what `edits` say, which are sorted by path: an entry, or nothing. Directories that this leaves
/// empty go, except those on the way to `stay`. `scratch` is an empty directory on the same file system.
pub fn amend(
    objects: &dyn ObjectRead,
    dir: &Path,
    edits: &[(TreePath, Option<Entry>)],
    stay: &str,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Stamped>, Error> {
    let open = |path: &Path| {
        Place::open(path).map_err(|source| Error::Io { verb: "open", path: path.to_owned(), source })
    };
    let place = open(dir)?;
    let written = edits.iter().filter_map(|(path, entry)| Some((path, entry.as_ref()?)));
    let mut plan = Plan { dirs: Vec::new(), groups: plan::grouped(written) };
    // Whatever is there goes; it is looked at when its turn comes.
    plan.groups.iter_mut().flat_map(|(_, items)| items).for_each(|item| item.step = Step::Replace);
    check_room(&place, dir, &plan)?;
    let gone = edits.iter().filter(|(_, entry)| entry.is_none());
    let gone: Vec<&TreePath> = gone.map(|(path, _)| path).collect();
    let items = plan.groups.iter().flat_map(|(_, items)| items);
    let needed: BTreeSet<&str> = items.flat_map(|item| item.path.ancestors()).collect();
    progress.begin("writing files", Amount::Bytes(Some(plan.bytes())));
    let done = remove(&place, dir, &gone).and_then(|()| {
        prune(&place, &gone, |above| needed.contains(above) || is_on_the_way(stay, above));
        plan.dirs = plan::look_at_dirs(dir, &place, needed)?;
        let (nameless, failed) = (AtomicBool::new(true), AtomicBool::new(false));
        let scratch = Some(open(scratch)?);
        Work { objects, dir, place: &place, progress, nameless, failed, scratch }.carry_out(&plan)
    });
    progress.end();
    Ok(stamped(&plan, done?))
}

/// Whether `path` is the directory `dir` or lies in it.
fn is_on_the_way(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Removes files. What is not there need not go.
fn remove(place: &Place, dir: &Path, gone: &[&TreePath]) -> Result<(), Error> {
    for group in gone.chunk_by(|a, b| split(a.as_str()).0 == split(b.as_str()).0) {
        let Some(first) = group.first() else { continue };
        let fail = |path: &TreePath, source| {
            let path = dir.join(path.as_str());
            Error::Io { verb: "remove", path, source }
        };
        let inside = place.enter_if_there(split(first.as_str()).0).map_err(|source| fail(first, source))?;
        let Some(inside) = inside else { continue };
        for path in group {
            match unlinkat(&inside.0, path.file_name(), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(source) => return Err(fail(path, source.into())),
            }
        }
    }
    Ok(())
}

/// Removes the directories of what has gone that are empty now, but for those that are to stay. One that cannot be removed
/// does no harm.
fn prune(place: &Place, gone: &[&TreePath], stays: impl Fn(&str) -> bool) {
    let above: BTreeSet<&str> = gone.iter().flat_map(|path| path.ancestors()).collect();
    // What lies in a directory sorts after it.
    for dir in above.into_iter().rev().filter(|dir| !stays(dir)) {
        let (parent, name) = split(dir);
        if let Ok(Some(inside)) = place.enter_if_there(parent) {
            let _ = unlinkat(&inside.0, name, AtFlags::REMOVEDIR);
        }
    }
}
