//! The directories of one datum: its inputs, its output, its temporary files and the declared files.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::datum::{Datum, Previous};
use super::lay;
use crate::checkout::{self, Clash};
use crate::object::{Entry, ObjectRead, TreePath};
use crate::owner::{self, Tmp};
use crate::pipeline::error::Error;
use crate::pipeline::spec::Contents;
use crate::progress::Silent;
use crate::snapshot::Snapshot;

/// What each room has.
const DIRECTORIES: [&str; 4] = ["in", "out", "tmp", "code"];

/// The directories of one datum, gone when this is dropped.
pub(super) struct Room {
    dir: PathBuf,
    /// The inputs whose directories are there in any case.
    always: Vec<String>,
}

pub(super) fn io_error(verb: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { verb, path: path.display().to_string(), source }
}

impl Room {
    /// A room in `tmp` with nothing in it. The directories of the inputs `always` are there even when a datum has nothing of them, and
    /// stay the same ones.
    pub(super) fn make(tmp: &Tmp, always: Vec<String>) -> Result<Self, Error> {
        let dir = tmp.path().map_err(|source| io_error("make a room in", tmp.dir(), source))?;
        Self::at(dir, always)
    }

    /// Such a room in the directory `dir`, which must not be there.
    pub(super) fn at(dir: PathBuf, always: Vec<String>) -> Result<Self, Error> {
        let room = Self { dir, always };
        let make = |path: PathBuf| fs::create_dir(&path).map_err(|source| io_error("make", &path, source));
        make(room.dir.clone())?;
        DIRECTORIES.iter().try_for_each(|sub| make(room.path(sub)))?;
        room.always.iter().try_for_each(|name| make(room.path("in").join(name)))?;
        Ok(room)
    }

    /// Leaves nothing in it. The directories stay, since to make and remove them is most of what a small datum costs.
    pub(super) fn empty(&self) -> Result<(), Error> {
        let fail = |source| io_error("clear", &self.dir, source);
        for member in fs::read_dir(&self.dir).map_err(fail)? {
            let member = member.map_err(fail)?;
            if !DIRECTORIES.iter().any(|sub| member.file_name() == *sub) {
                remove(&member).map_err(fail)?;
            }
        }
        self.empty_directory("code")?;
        self.empty_for_next()
    }

    /// Leaves nothing of the datum in it, but what the program keeps from one datum to the next.
    pub(super) fn empty_for_next(&self) -> Result<(), Error> {
        self.clear()?;
        if self.always.is_empty() {
            return self.empty_directory("in");
        }
        self.always.iter().try_for_each(|name| self.empty_directory(&format!("in/{name}")))
    }

    /// Lays out the files `code` that belong to the command.
    pub(super) fn lay_out_code(
        &self,
        objects: &dyn ObjectRead,
        code: &[(TreePath, Entry)],
    ) -> Result<(), Error> {
        checkout::checkout(objects, code, &self.path("code"), Clash::Refuse, &Silent)?;
        Ok(())
    }

    /// Lays out what the datum reads.
    pub(super) fn lay_out(&self, objects: &dyn ObjectRead, datum: &Datum) -> Result<(), Error> {
        for part in &datum.parts {
            let dir = self.path("in").join(&part.input);
            match part.contents {
                Contents::Whole => lay::whole(objects, &part.files, &dir)?,
                Contents::Empty => lay::names(&part.files, &dir)?,
            }
        }
        match &datum.previous {
            Some(previous) => self.lay_out_previous(objects, previous),
            None => Ok(()),
        }
    }

    /// Empties one of the directories, whatever a program has made of it.
    fn empty_directory(&self, sub: &str) -> Result<(), Error> {
        let dir = self.path(sub);
        let empty = || match fs::symlink_metadata(&dir) {
            Ok(meta) if meta.is_dir() => {
                if meta.permissions().mode() & 0o700 != 0o700 {
                    fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
                }
                fs::read_dir(&dir)?.try_for_each(|member| remove(&member?))
            }
            Ok(_) => fs::remove_file(&dir).and_then(|()| fs::create_dir(&dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&dir),
            Err(error) => Err(error),
        };
        empty().map_err(|source| io_error("clear", &dir, source))
    }

    /// Lays out the output of the datum's last run in `previous`, and what has changed since in `changes`.
    fn lay_out_previous(&self, objects: &dyn ObjectRead, previous: &Previous) -> Result<(), Error> {
        let (dir, changes) = (self.path("previous"), self.path("changes"));
        let mut files = Vec::new();
        if let Some(output) = previous.output {
            for file in Snapshot::new(objects, output).scan("")? {
                files.push(file?);
            }
        }
        if dir.is_dir() {
            owner::remove(&dir).map_err(|source| io_error("clear", &dir, source))?;
        }
        lay::whole(objects, &files, &dir)?;
        fs::write(&changes, &previous.changes).map_err(|source| io_error("write", &changes, source))
    }

    /// Leaves it to a person, who may remove it.
    pub(super) fn leave(self) -> Result<(), Error> {
        let mut inner: Vec<PathBuf> = ["in", "previous"].map(|sub| self.path(sub)).into();
        inner.retain(|dir| dir.is_dir());
        while let Some(dir) = inner.pop() {
            let fail = |source| io_error("open", &dir, source);
            fs::set_permissions(&dir, Permissions::from_mode(0o755)).map_err(fail)?;
            for member in fs::read_dir(&dir).map_err(fail)? {
                let member = member.map_err(fail)?;
                if member.file_type().map_err(fail)?.is_dir() {
                    inner.push(member.path());
                }
            }
        }
        std::mem::forget(self);
        Ok(())
    }

    /// The path of `in`, `out`, `tmp`, `code`, `previous`, `changes` or `stdin`.
    pub(super) fn path(&self, sub: &str) -> PathBuf {
        self.dir.join(sub)
    }

    /// The inputs whose directories are there in any case.
    pub(super) fn always(&self) -> &[String] {
        &self.always
    }

    /// The directory that holds them all.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes away what the program has written, for it to be tried again.
    pub(super) fn clear(&self) -> Result<(), Error> {
        ["out", "tmp"].iter().try_for_each(|sub| self.empty_directory(sub))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What stays is swept when this process is dead.
        if let Err(error) = owner::remove(&self.dir) {
            tracing::debug!(%error, dir = %self.dir.display(), "could not remove a datum's directory");
        }
    }
}

/// Removes a file or a directory; of a link, the link.
fn remove(member: &fs::DirEntry) -> io::Result<()> {
    if member.file_type()?.is_dir() { owner::remove(&member.path()) } else { fs::remove_file(member.path()) }
}
