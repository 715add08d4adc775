//! The directories of one datum: its inputs, its output, its temporary files and the declared files.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::datum::{Datum, Previous};
use crate::checkout::{self, Clash};
use crate::object::{Entry, FileKind, ObjectRead, TreePath};
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
}

pub(super) fn io_error(verb: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { verb, path: path.display().to_string(), source }
}

impl Room {
    /// A room in `tmp`, with the inputs of `datum` and the files `code` laid out.
    pub(super) fn make(
        objects: &dyn ObjectRead,
        tmp: &Tmp,
        datum: &Datum,
        code: &[(TreePath, Entry)],
    ) -> Result<Self, Error> {
        Self::at(
            tmp.path().map_err(|source| io_error("make a room in", tmp.dir(), source))?,
            objects,
            datum,
            code,
        )
    }

    /// Such a room in the directory `dir`, which must not be there.
    pub(super) fn at(
        dir: PathBuf,
        objects: &dyn ObjectRead,
        datum: &Datum,
        code: &[(TreePath, Entry)],
    ) -> Result<Self, Error> {
        let room = Self { dir };
        fs::create_dir(&room.dir).map_err(|source| io_error("make", &room.dir, source))?;
        for sub in DIRECTORIES {
            fs::create_dir(room.path(sub)).map_err(|source| io_error("make", &room.path(sub), source))?;
        }
        room.lay_out(objects, datum, code)?;
        Ok(room)
    }

    /// The same room for another datum. Nothing is left in it of the one before; the directories are, since to make and remove them is
    /// most of what a small datum costs.
    pub(super) fn for_next(
        self,
        objects: &dyn ObjectRead,
        datum: &Datum,
        code: &[(TreePath, Entry)],
    ) -> Result<Self, Error> {
        let fail = |source| io_error("clear", &self.dir, source);
        for member in fs::read_dir(&self.dir).map_err(fail)? {
            let member = member.map_err(fail)?;
            if !DIRECTORIES.iter().any(|sub| member.file_name() == *sub) {
                remove_any(&member.path()).map_err(fail)?;
            }
        }
        for sub in DIRECTORIES {
            self.empty(sub)?;
        }
        self.lay_out(objects, datum, code)?;
        Ok(self)
    }

    /// Lays out what the datum reads, and the files `code`, in empty directories.
    fn lay_out(
        &self,
        objects: &dyn ObjectRead,
        datum: &Datum,
        code: &[(TreePath, Entry)],
    ) -> Result<(), Error> {
        for part in &datum.parts {
            let dir = self.path("in").join(&part.input);
            match part.contents {
                Contents::Whole => {
                    drop(checkout::checkout(objects, &part.files, &dir, Clash::Refuse, &Silent)?);
                }
                Contents::Empty => {
                    names_only(&dir, &part.files)
                        .map_err(|source| io_error("make files in", &dir, source))?;
                }
            }
            protect(&dir, &part.files).map_err(|source| io_error("protect", &dir, source))?;
        }
        checkout::checkout(objects, code, &self.path("code"), Clash::Refuse, &Silent)?;
        if let Some(previous) = &datum.previous {
            self.lay_out_previous(objects, previous)?;
        }
        Ok(())
    }

    /// Empties one of the directories, whatever a program has made of it.
    fn empty(&self, sub: &str) -> Result<(), Error> {
        let dir = self.path(sub);
        let empty = || match fs::symlink_metadata(&dir) {
            Ok(meta) if meta.is_dir() => {
                if meta.permissions().mode() & 0o700 != 0o700 {
                    fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
                }
                fs::read_dir(&dir)?.try_for_each(|member| remove_any(&member?.path()))
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
        checkout::checkout(objects, &files, &dir, Clash::Refuse, &Silent)?;
        protect(&dir, &files).map_err(|source| io_error("protect", &dir, source))?;
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

    /// The directory that holds them all.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes away what the program has written, for it to be tried again.
    pub(super) fn clear(&self) -> Result<(), Error> {
        ["out", "tmp"].iter().try_for_each(|sub| self.empty(sub))
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
fn remove_any(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { owner::remove(path) } else { fs::remove_file(path) }
}

/// Makes files of these names with nothing in them.
fn names_only(dir: &Path, files: &[(TreePath, Entry)]) -> io::Result<()> {
    fs::create_dir(dir)?;
    for (path, _) in files {
        let path = dir.join(path.as_str());
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        File::create_new(&path)?;
    }
    Ok(())
}

/// Takes away the right to write to the files and the directories that hold them.
fn protect(dir: &Path, files: &[(TreePath, Entry)]) -> io::Result<()> {
    for (path, entry) in files.iter().filter(|(_, entry)| entry.kind != FileKind::Symlink) {
        let mode = if entry.kind == FileKind::Executable { 0o555 } else { 0o444 };
        fs::set_permissions(dir.join(path.as_str()), Permissions::from_mode(mode))?;
    }
    let inner: BTreeSet<&str> = files.iter().flat_map(|(path, _)| path.ancestors()).collect();
    for directory in inner {
        fs::set_permissions(dir.join(directory), Permissions::from_mode(0o555))?;
    }
    fs::set_permissions(dir, Permissions::from_mode(0o555))
}
