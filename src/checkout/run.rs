//! The checkout: look, decide, do.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rustix::fs::{AtFlags, Mode, OFlags, fstatvfs, openat, unlinkat};

use super::act::{Stamps, Work};
use super::error::Error;
use super::place::{Place, There};
use super::plan::{self, Plan, Step};
use crate::object::{Entry, ObjectRead, TreePath};
use crate::progress::{Amount, Progress};
use crate::stamp::Stamp;
use crate::store::DIR_NAME;

/// What happens to files that are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// The checkout is refused before anything is written.
    Refuse,
    /// They are replaced.
    Overwrite,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many files were there already, with the same content.
    pub unchanged: u64,
}

/// A file that was written, with its stamp then; links have none.
pub type Stamped = (TreePath, Stamp);

/// Writes `files` into `dir`, which is made if it is not there. When it fails after it has begun, the files that are
/// there are whole, and the same call goes on where it stopped.
pub fn checkout(
    objects: &dyn ObjectRead,
    files: &[(TreePath, Entry)],
    dir: &Path,
    clash: Clash,
    progress: &dyn Progress,
) -> Result<(Written, Vec<Stamped>), Error> {
    let fail = |verb| move |source| Error::Io { verb, path: dir.to_owned(), source };
    plan::check(files)?;
    let filled = is_filled(dir).map_err(fail("look into"))?;
    let there = if filled { Some(Place::open(dir).map_err(fail("open"))?) } else { None };
    let plan = plan::plan(objects, files, dir, there.as_ref(), clash)?;
    let made = first_missing(dir);
    let place = match there {
        Some(place) => place,
        None => {
            fs::create_dir_all(dir).and_then(|()| Place::open(dir)).map_err(fail("make the directory"))?
        }
    };
    if let Err(error) = check_place(&place, dir, &plan, files) {
        // Nothing was written, so nothing is left: not even the directories.
        if let Some(made) = made {
            let mut empty = dir.ancestors().take_while(|above| above.starts_with(&made));
            let _ = empty.try_for_each(fs::remove_dir);
        }
        return Err(error);
    }
    let size = files.iter().map(|(_, entry)| entry.size).fold(0, u64::saturating_add);
    progress.begin("writing files", Amount::Bytes(Some(size)));
    let (nameless, failed) = (AtomicBool::new(true), AtomicBool::new(false));
    let work = Work { objects, dir, place: &place, progress, nameless, failed, scratch: None };
    let done = work.carry_out(&plan);
    progress.end();
    let stamped = stamped(&plan, done?);
    let mut written = Written::default();
    for item in plan.groups.iter().flat_map(|(_, items)| items) {
        match item.step {
            Step::Leave => written.unchanged += 1,
            Step::Create | Step::Replace => {
                written.files += 1;
                written.bytes += item.entry.size;
            }
        }
    }
    Ok((written, stamped))
}

/// The written files with their stamps.
pub(super) fn stamped(plan: &Plan<'_>, stamps: Vec<Stamps>) -> Vec<Stamped> {
    let items = plan.groups.iter().flat_map(|(_, items)| items);
    let stamped = items.zip(stamps.into_iter().flatten());
    stamped.filter_map(|(item, stamp)| Some((item.path.clone(), stamp?))).collect()
}

/// Whether something lies in the directory.
fn is_filled(dir: &Path) -> io::Result<bool> {
    match fs::read_dir(dir) {
        Ok(mut inside) => Ok(inside.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The topmost directory that must be made for `dir` to exist.
fn first_missing(dir: &Path) -> Option<PathBuf> {
    let missing = dir.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists());
    missing.last().map(Path::to_owned)
}

/// Refuses a directory that belongs to a store, where a person has nothing to write.
pub fn outside_stores(dir: &Path) -> Result<(), Error> {
    let real = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    if [dir, &real].iter().any(|dir| dir.iter().any(|name| name == OsStr::new(DIR_NAME))) {
        return Err(Error::Store { dir: dir.to_owned() });
    }
    Ok(())
}

/// Whether the files can be told apart there, and fit.
fn check_place(place: &Place, dir: &Path, plan: &Plan<'_>, files: &[(TreePath, Entry)]) -> Result<(), Error> {
    let fail = |source| Error::Io { verb: "look into", path: dir.to_owned(), source };
    if let Some((first, second)) = plan::same_but_for_case(plan, files)
        && !tells_case(place).map_err(fail)?
    {
        let (first, second) = (first.to_owned(), second.to_owned());
        return Err(Error::SameName { dir: dir.to_owned(), first, second });
    }
    check_room(place, dir, plan)
}

/// Whether what is to be written fits.
pub(super) fn check_room(place: &Place, dir: &Path, plan: &Plan<'_>) -> Result<(), Error> {
    // A file system that cannot say is believed to have room.
    let disk = fstatvfs(&place.0).ok().filter(|stat| stat.f_blocks > 0);
    let free = disk.map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let needed = plan.bytes();
    if needed > free {
        return Err(Error::NoRoom { dir: dir.to_owned(), needed, free });
    }
    Ok(())
}

/// Whether the file system tells upper from lower case, tried out with a name of our own.
fn tells_case(place: &Place) -> io::Result<bool> {
    let name = format!(".vds-case-{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    openat(&place.0, &*name, flags, Mode::from_raw_mode(0o600))?;
    let other = place.look(&name.to_uppercase());
    unlinkat(&place.0, &*name, AtFlags::empty())?;
    Ok(matches!(other?, There::Nothing))
}
