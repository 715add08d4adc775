//! The directories of one datum: its inputs, its output, its temporary files and the declared files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::datum::Datum;
use crate::checkout::{self, Clash};
use crate::content;
use crate::object::{Entry, FileKind, NodeId, ObjectRead, ObjectWrite, TreePath};
use crate::owner::{self, Tmp};
use crate::pipeline::error::Error;
use crate::pipeline::spec::Contents;
use crate::progress::Silent;
use crate::tree;

/// The directories of one datum, gone when this is dropped.
pub(super) struct Room {
    dir: PathBuf,
}

fn io_error(verb: &'static str, path: &Path, source: io::Error) -> Error {
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
        let dir = tmp.path().map_err(|source| io_error("make a room in", tmp.dir(), source))?;
        let room = Self { dir };
        fs::create_dir(&room.dir).map_err(|source| io_error("make", &room.dir, source))?;
        for sub in ["in", "out", "tmp", "code"] {
            fs::create_dir(room.path(sub)).map_err(|source| io_error("make", &room.path(sub), source))?;
        }
        for part in &datum.parts {
            let dir = room.path("in").join(&part.input);
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
        checkout::checkout(objects, code, &room.path("code"), Clash::Refuse, &Silent)?;
        Ok(room)
    }

    /// The path of `in`, `out`, `tmp` or `code`.
    pub(super) fn path(&self, sub: &str) -> PathBuf {
        self.dir.join(sub)
    }

    /// Stores what the program left in `out`, and returns its tree. Links that lead out of it become the input files that they
    /// lead to. Nothing is left out: what cannot be kept is an error.
    pub(super) fn keep_output(&self, sink: &dyn ObjectWrite) -> Result<NodeId, Error> {
        let out = self.path("out");
        let meta = fs::symlink_metadata(&out).map_err(|source| io_error("read", &out, source))?;
        if !meta.is_dir() {
            return refuse("the program replaced its output directory", "write into the directory $VDS_OUT");
        }
        let real = |path: &Path| fs::canonicalize(path).map_err(|source| io_error("read", path, source));
        let (inside, inputs) = (real(&out)?, real(&self.path("in"))?);
        let mut files = BTreeMap::new();
        let mut directories = vec![out.clone()];
        while let Some(directory) = directories.pop() {
            let fail = |source| io_error("read", &directory, source);
            let mut members =
                fs::read_dir(&directory).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
            // Of several faults, the same one is told of every time.
            members.sort_by_key(DirEntry::file_name);
            for member in members {
                let path = member.path();
                if member.file_type().map_err(fail)?.is_dir() {
                    directories.push(path);
                    continue;
                }
                if member.file_type().map_err(fail)?.is_symlink() {
                    settle_link(&out, &path, &inside, &inputs)?;
                }
                let name = tree_path(path.strip_prefix(&out).unwrap_or(&path))?;
                files.insert(name, keep(sink, &path)?);
            }
        }
        Ok(tree::build(
            sink,
            files.into_iter().map(|(path, entry)| (String::from(path).into_bytes(), entry)),
        )?)
    }
}

fn refuse<T>(reason: impl Into<String>, hint: &str) -> Result<T, Error> {
    Err(Error::Failed { reason: reason.into(), hint: Some(hint.to_owned()) })
}

fn tree_path(path: &Path) -> Result<TreePath, Error> {
    let hint = "give the file another name";
    let Some(text) = path.to_str() else {
        return refuse(
            format!("the name {} in the output is not UTF-8", path.to_string_lossy().escape_debug()),
            hint,
        );
    };
    text.parse().or_else(|error| refuse(format!("the output cannot be kept: {error}"), hint))
}

fn keep(sink: &dyn ObjectWrite, path: &Path) -> Result<Entry, Error> {
    let fail = |source| io_error("read", path, source);
    let meta = fs::symlink_metadata(path).map_err(fail)?;
    if meta.is_symlink() {
        let target = fs::read_link(path).map_err(fail)?;
        let kept = content::keep_bytes(sink, target.as_os_str().as_bytes())?;
        return Ok(Entry { kind: FileKind::Symlink, blob: kept.blob, size: kept.size });
    }
    if !meta.is_file() {
        let name = path.file_name().unwrap_or_default().display();
        return refuse(
            format!("{name} in the output is a socket, a pipe or a device"),
            "put such into $TMPDIR",
        );
    }
    let kept = content::keep(sink, File::open(path).map_err(fail)?)?;
    let kind = if meta.mode() & 0o100 == 0 { FileKind::File } else { FileKind::Executable };
    Ok(Entry { kind, blob: kept.blob, size: kept.size })
}

impl Drop for Room {
    fn drop(&mut self) {
        // What stays is swept when this process is dead.
        if let Err(error) = owner::remove(&self.dir) {
            tracing::debug!(%error, dir = %self.dir.display(), "could not remove a datum's directory");
        }
    }
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
            refuse(reason, "copy what is to be kept into $VDS_OUT, or make the link relative")
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
