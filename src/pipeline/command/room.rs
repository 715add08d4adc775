//! The directories of one datum: its inputs, its output, its temporary files and the declared files.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::datum::Datum;
use crate::checkout::{self, Clash};
use crate::object::{Entry, FileKind, ObjectRead, TreePath};
use crate::pack;
use crate::pipeline::error::Error;
use crate::progress::Silent;

/// The directories of one datum, gone when this is dropped.
pub(super) struct Room {
    dir: PathBuf,
}

fn io_error(verb: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { verb, path: path.display().to_string(), source }
}

impl Room {
    /// A room in the directory `tmp`, marked as this process's, with the inputs of `datum` and the files `code` laid out.
    pub(super) fn make(
        objects: &dyn ObjectRead,
        tmp: &Path,
        datum: &Datum,
        code: &[(TreePath, Entry)],
    ) -> Result<Self, Error> {
        let room = Self { dir: pack::tmp_path(tmp) };
        fs::create_dir(&room.dir).map_err(|source| io_error("make", &room.dir, source))?;
        for sub in ["in", "out", "tmp", "code"] {
            fs::create_dir(room.path(sub)).map_err(|source| io_error("make", &room.path(sub), source))?;
        }
        for part in &datum.parts {
            let dir = room.path("in").join(&part.input);
            checkout::checkout(objects, &part.files, &dir, Clash::Refuse, &Silent)?;
            protect(&dir, &part.files).map_err(|source| io_error("protect", &dir, source))?;
        }
        checkout::checkout(objects, code, &room.path("code"), Clash::Refuse, &Silent)?;
        Ok(room)
    }

    /// The path of `in`, `out`, `tmp` or `code`.
    pub(super) fn path(&self, sub: &str) -> PathBuf {
        self.dir.join(sub)
    }

    /// Makes the output ready to be stored: links that lead out of it become the input files that they lead to.
    pub(super) fn settle_output(&self) -> Result<(), Error> {
        let out = self.path("out");
        let meta = fs::symlink_metadata(&out).map_err(|source| io_error("read", &out, source))?;
        if !meta.is_dir() {
            let reason = "the program replaced its output directory".to_owned();
            let hint = Some("write into the directory $VDS_OUT".to_owned());
            return Err(Error::Failed { reason, hint });
        }
        let real = |path: &Path| fs::canonicalize(path).map_err(|source| io_error("read", path, source));
        let (inside, inputs) = (real(&out)?, real(&self.path("in"))?);
        let mut directories = vec![out.clone()];
        while let Some(directory) = directories.pop() {
            let fail = |source| io_error("read", &directory, source);
            for entry in fs::read_dir(&directory).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                let kind = entry.file_type().map_err(fail)?;
                if kind.is_dir() {
                    directories.push(entry.path());
                } else if kind.is_symlink() {
                    settle_link(&out, &entry.path(), &inside, &inputs)?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What stays is swept when this process is dead.
        if let Err(error) = pack::remove_tmp(&self.dir) {
            tracing::debug!(%error, dir = %self.dir.display(), "could not remove a datum's directory");
        }
    }
}

/// Takes away the right to write to the files and the directories that hold them.
fn protect(dir: &Path, files: &[(TreePath, Entry)]) -> io::Result<()> {
    for (path, entry) in files.iter().filter(|(_, entry)| entry.kind != FileKind::Symlink) {
        let mode = if entry.kind == FileKind::Executable { 0o555 } else { 0o444 };
        fs::set_permissions(dir.join(path.as_str()), Permissions::from_mode(mode))?;
    }
    let inner: std::collections::BTreeSet<&str> =
        files.iter().flat_map(|(path, _)| path.ancestors()).collect();
    for directory in inner {
        fs::set_permissions(dir.join(directory), Permissions::from_mode(0o555))?;
    }
    fs::set_permissions(dir, Permissions::from_mode(0o555))
}

fn settle_link(out: &Path, link: &Path, inside: &Path, inputs: &Path) -> Result<(), Error> {
    let fail = |source| io_error("read", link, source);
    let target = fs::read_link(link).map_err(fail)?;
    let below = link.strip_prefix(out).unwrap_or(link);
    match fs::canonicalize(link) {
        Ok(real) if real.starts_with(inside) && target.is_relative() => Ok(()),
        Ok(real) if (real.starts_with(inputs) || real.starts_with(inside)) && real.is_file() => {
            fs::remove_file(link).map_err(fail)?;
            fs::copy(&real, link).map(|_| ()).map_err(fail)
        }
        Err(_) if target.is_relative() && stays_inside(below, &target) => Ok(()),
        _ => {
            let shown = (below.display(), target.display());
            let reason = format!("the link {} in the output leads out of it, to {}", shown.0, shown.1);
            let hint = "copy what is to be kept into $VDS_OUT, or make the link relative".to_owned();
            Err(Error::Failed { reason, hint: Some(hint) })
        }
    }
}

/// Whether `target`, read from where the link `below` lies, stays below the root by its words alone.
fn stays_inside(below: &Path, target: &Path) -> bool {
    let mut depth = below.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::ParentDir if depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    true
}
