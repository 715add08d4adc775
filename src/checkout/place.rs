//! A directory that is written into, held open.
//!
//! Every step down from it refuses links, so a path in it leads to a place below it even while somebody else moves things
//! about. Steps are taken one by one, so paths may be longer than the kernel takes in one piece.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, mkdirat, openat, statat};
use rustix::io::Errno;

/// What a name stands for.
#[derive(Debug)]
pub enum There {
    /// It is free.
    Nothing,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A file.
    File(Stat),
    /// A socket, pipe or device.
    Other,
}

/// An open directory.
#[derive(Debug)]
pub struct Place(pub(super) OwnedFd);

/// Opens a directory only to go on from there, where the system knows that.
#[cfg(target_os = "linux")]
const STEP: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const STEP: OFlags = OFlags::empty();

impl Place {
    /// The directory `dir`; links on the way to it are the caller's own.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let flags = STEP | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, dir, flags, Mode::empty())?))
    }

    fn step(&self, name: &str) -> io::Result<Self> {
        let flags = STEP | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// The directory at `path` below this one; empty is this one.
    pub fn enter(&self, path: &str) -> io::Result<Self> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        match names.next() {
            Some(first) => names.try_fold(self.step(first)?, |at, name| at.step(name)),
            None => Ok(Self(self.0.try_clone()?)),
        }
    }

    /// What `name` in this directory is.
    pub fn look(&self, name: &str) -> io::Result<There> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(There::Nothing),
            Err(error) => Err(error.into()),
            Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => There::Directory,
                FileType::Symlink => There::Link,
                FileType::RegularFile => There::File(stat),
                _ => There::Other,
            }),
        }
    }

    /// Like [`Self::enter`]; `None` if the directory is not there, or only by way of a link.
    pub fn enter_if_there(&self, path: &str) -> io::Result<Option<Self>> {
        match self.enter(path) {
            Ok(inside) => Ok(Some(inside)),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Opens the file `name` in this directory for reading.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Makes the directory `name` in this one; one that is there already will do.
    pub(super) fn make_dir(&self, name: &str) -> io::Result<()> {
        match mkdirat(&self.0, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
