//! Laying files out for a program, which may read them and not write them; and taking them away.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, unlinkat};

use super::lazy;
use crate::checkout::{self, Clash};
use crate::content;
use crate::object::{Entry, FileKind, ObjectRead, TreePath};
use crate::owner;
use crate::pipeline::error::Error;
use crate::progress::Silent;

/// So many files, with so many bytes together, are few: they are written here. A checkout costs more than they do.
const FEW: (usize, u64) = (16, 256 << 10);

/// Lays out files in the directory `dir`, which is empty or not there, and takes away the right to write to them and to the
/// directories in it that hold them.
pub(super) fn whole(objects: &dyn ObjectRead, files: &[(TreePath, Entry)], dir: &Path) -> Result<(), Error> {
    let bytes: u64 = files.iter().map(|(_, entry)| entry.size).fold(0, u64::saturating_add);
    let are_few = files.len() <= FEW.0 && bytes <= FEW.1;
    if are_few && files.iter().all(|(_, entry)| entry.kind != FileKind::Symlink) {
        few(objects, files, dir)?;
    } else {
        checkout::checkout(objects, files, dir, Clash::Refuse, &Silent)?;
        protect_files(dir, files).map_err(|source| Error::io("protect", dir, source))?;
    }
    protect_directories(dir, files).map_err(|source| Error::io("protect", dir, source))
}

/// The same with names alone: there is nothing in the files.
pub(super) fn names(files: &[(TreePath, Entry)], dir: &Path) -> Result<(), Error> {
    let fail = |source| Error::io("make files in", dir, source);
    if files.is_empty() {
        return make(dir).map_err(fail);
    }
    let done = files.iter().try_for_each(|(path, entry)| create(dir, path, entry.kind).map(drop));
    done.and_then(|()| protect_directories(dir, files)).map_err(fail)
}

/// The same with pipes in place of files, which are not protected.
pub(super) fn pipes(objects: &dyn ObjectRead, files: &[(TreePath, Entry)], dir: &Path) -> Result<(), Error> {
    let (links, files): (Vec<_>, Vec<_>) =
        files.iter().partition(|(_, entry)| entry.kind == FileKind::Symlink);
    let pipe = |path: &TreePath| {
        let place = dir.join(path.as_str());
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        lazy::make(&place)
    };
    // Before there are links, which could lead elsewhere.
    let made = make(dir).and_then(|()| files.iter().try_for_each(|(path, _)| pipe(path)));
    made.map_err(|source| Error::io("make pipes in", dir, source))?;
    let links: Vec<(TreePath, Entry)> = links.into_iter().cloned().collect();
    checkout::checkout(objects, &links, dir, Clash::Refuse, &Silent)?;
    Ok(())
}

fn few(objects: &dyn ObjectRead, files: &[(TreePath, Entry)], dir: &Path) -> Result<(), Error> {
    if files.is_empty() {
        return make(dir).map_err(|source| Error::io("make", dir, source));
    }
    for (path, entry) in files {
        let bytes = load(objects, path, entry)?;
        let written = create(dir, path, entry.kind).and_then(|mut file| file.write_all(&bytes));
        written.map_err(|source| Error::io("write", &dir.join(path.as_str()), source))?;
    }
    Ok(())
}

/// What is in a file.
pub(super) fn load(objects: &dyn ObjectRead, path: &TreePath, entry: &Entry) -> Result<Vec<u8>, Error> {
    let bytes = content::load(objects, entry.blob)?;
    if bytes.len() as u64 == entry.size {
        return Ok(bytes);
    }
    let (said, found) = (entry.size, bytes.len() as u64);
    Err(checkout::Error::Size { path: path.clone(), said, found }.into())
}

/// Makes the directory, unless it is there.
fn make(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn mode(kind: FileKind) -> u32 {
    if kind == FileKind::Executable { 0o555 } else { 0o444 }
}

/// A new file that nobody else may write.
fn create(dir: &Path, path: &TreePath, kind: FileKind) -> io::Result<fs::File> {
    let place = dir.join(path.as_str());
    let open = || OpenOptions::new().write(true).create_new(true).mode(mode(kind)).open(&place);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            place.parent().map_or(Ok(()), fs::create_dir_all)?;
            open()
        }
        other => other,
    }
}

fn protect_files(dir: &Path, files: &[(TreePath, Entry)]) -> io::Result<()> {
    let files = files.iter().filter(|(_, entry)| entry.kind != FileKind::Symlink);
    files.into_iter().try_for_each(|(path, entry)| {
        fs::set_permissions(dir.join(path.as_str()), Permissions::from_mode(mode(entry.kind)))
    })
}

fn protect_directories(dir: &Path, files: &[(TreePath, Entry)]) -> io::Result<()> {
    let inner: BTreeSet<&str> = files.iter().flat_map(|(path, _)| path.ancestors()).collect();
    inner.into_iter().try_for_each(|directory| protect(&dir.join(directory)))
}

/// Takes away the right to write to a directory.
pub(super) fn protect(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, Permissions::from_mode(0o555))
}

/// Empties a directory, whatever a program has made of it.
pub(super) fn empty(dir: &Path) -> io::Result<()> {
    empty_simply(dir).or_else(|_| empty_whatever(dir))
}

/// Empties a directory in which there is nothing but files that may be removed; else does what it can.
fn empty_simply(dir: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut members = Dir::new(openat(CWD, dir, flags, Mode::empty())?)?;
    while let Some(member) = members.read() {
        let member = member?;
        if ![c".", c".."].contains(&member.file_name()) {
            unlinkat(members.fd()?, member.file_name(), AtFlags::empty())?;
        }
    }
    Ok(())
}

/// Empties what was a directory.
fn empty_whatever(dir: &Path) -> io::Result<()> {
    match fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_dir() => {
            if meta.permissions().mode() & 0o700 != 0o700 {
                fs::set_permissions(dir, Permissions::from_mode(0o700))?;
            }
            fs::read_dir(dir)?.try_for_each(|member| remove(&member?))
        }
        Ok(_) => fs::remove_file(dir).and_then(|()| fs::create_dir(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(dir),
        Err(error) => Err(error),
    }
}

/// Removes a file or a directory; of a link, the link.
pub(super) fn remove(member: &fs::DirEntry) -> io::Result<()> {
    if member.file_type()?.is_dir() { owner::remove(&member.path()) } else { fs::remove_file(member.path()) }
}
