//! The directories of one datum: its inputs, its output, its temporary files and the declared files.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::datum::{Datum, Part, Previous};
use super::lay;
use super::slot::{self, Slot};
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
    /// The inputs whose directories are there in any case, and stay the same ones.
    always: Vec<String>,
    /// Files of these that are written anew for the next datum, where that may be.
    slots: Option<BTreeMap<String, Slot>>,
}

/// What becomes of the files of one datum when the next comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// They are removed.
    Go,
    /// They may be written anew: nobody else can write them.
    Stay,
}

impl Room {
    /// A room in `tmp` with nothing in it. The directories of the inputs `always` are there even when a datum has nothing of them, and
    /// stay the same ones.
    pub(super) fn make(tmp: &Tmp, always: Vec<String>, files: Files) -> Result<Self, Error> {
        let dir = tmp.path().map_err(|source| Error::io("make a room in", tmp.dir(), source))?;
        Self::at(dir, always, files)
    }

    /// Such a room in the directory `dir`, which must not be there.
    pub(super) fn at(dir: PathBuf, always: Vec<String>, files: Files) -> Result<Self, Error> {
        let room = Self { dir, always, slots: (files == Files::Stay).then(BTreeMap::new) };
        let make = |path: PathBuf| fs::create_dir(&path).map_err(|source| Error::io("make", &path, source));
        make(room.dir.clone())?;
        DIRECTORIES.iter().try_for_each(|sub| make(room.path(sub)))?;
        room.always.iter().try_for_each(|name| make(room.path("in").join(name)))?;
        Ok(room)
    }

    /// Leaves nothing in it. The directories stay, since to make and remove them is most of what a small datum costs.
    pub(super) fn empty(&self) -> Result<(), Error> {
        let fail = |source| Error::io("clear", &self.dir, source);
        for member in fs::read_dir(&self.dir).map_err(fail)? {
            let member = member.map_err(fail)?;
            if !DIRECTORIES.iter().any(|sub| member.file_name() == *sub) {
                lay::remove(&member).map_err(fail)?;
            }
        }
        self.empty_directory("code")?;
        self.clear()
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

    /// Lays out what the datum reads, in place of what was there.
    pub(super) fn lay_out(&mut self, objects: &dyn ObjectRead, datum: &Datum) -> Result<(), Error> {
        if self.always.is_empty() {
            self.empty_directory("in")?;
        }
        let absent = |name: &String| !datum.parts.iter().any(|part| part.input == *name);
        for name in self.always.iter().filter(|name| absent(name)) {
            self.empty_directory(&format!("in/{name}"))?;
            self.slots.iter_mut().for_each(|slots| drop(slots.remove(name)));
        }
        for part in &datum.parts {
            self.lay_out_part(objects, part)?;
        }
        match &datum.previous {
            Some(previous) => self.lay_out_previous(objects, previous),
            None => Ok(()),
        }
    }

    fn lay_out_part(&mut self, objects: &dyn ObjectRead, part: &Part) -> Result<(), Error> {
        let dir = self.path("in").join(&part.input);
        if let Some(slots) = &mut self.slots {
            let free = slots.remove(&part.input);
            if let Some((path, entry)) = slot::only(part) {
                let slot = Slot::fill(free, objects, &dir, path, entry)?;
                slots.insert(part.input.clone(), slot);
                return Ok(());
            }
        }
        let stays = !self.always.is_empty();
        if stays {
            lay::empty(&dir).map_err(|source| Error::io("clear", &dir, source))?;
        }
        match part.contents {
            Contents::Whole => lay::whole(objects, &part.files, &dir)?,
            Contents::Lazy => lay::pipes(objects, &part.files, &dir)?,
            Contents::Empty => lay::names(&part.files, &dir)?,
        }
        // One that stays is not to change its mode again and again, and in one with pipes these are replaced.
        if !stays && part.contents != Contents::Lazy {
            lay::protect(&dir).map_err(|source| Error::io("protect", &dir, source))?;
        }
        Ok(())
    }

    /// Empties one of the directories, whatever a program has made of it.
    fn empty_directory(&self, sub: &str) -> Result<(), Error> {
        let dir = self.path(sub);
        lay::empty(&dir).map_err(|source| Error::io("clear", &dir, source))
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
            owner::remove(&dir).map_err(|source| Error::io("clear", &dir, source))?;
        }
        lay::whole(objects, &files, &dir)?;
        lay::protect(&dir).map_err(|source| Error::io("protect", &dir, source))?;
        fs::write(&changes, &previous.changes).map_err(|source| Error::io("write", &changes, source))
    }

    /// Leaves it to a person, who may remove it.
    pub(super) fn leave(self) -> Result<(), Error> {
        let mut inner: Vec<PathBuf> = ["in", "previous"].map(|sub| self.path(sub)).into();
        inner.retain(|dir| dir.is_dir());
        while let Some(dir) = inner.pop() {
            let fail = |source| Error::io("open", &dir, source);
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

    /// Takes away what the program has written.
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
