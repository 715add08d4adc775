//! What a program left as its output, brought into the store.
//!
//! Links that lead into the inputs become the input files that they lead to, by their names: nothing is read or copied. Nothing is
//! left out: what cannot be kept is an error.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::datum::Datum;
use super::room::Room;
use crate::content;
use crate::object::{Entry, FileKind, NodeId, ObjectWrite, TreePath};
use crate::pipeline::error::Error;
use crate::program;
use crate::tree;

/// The directory of a program's output, and what links in it may lead to.
struct Output<'a> {
    datum: &'a Datum,
    room: PathBuf,
    out: PathBuf,
    /// Where the output and the inputs really lie, once there is a link.
    real: OnceCell<[PathBuf; 2]>,
    /// The files of the inputs by their paths below there, once a link leads to one.
    known: OnceCell<BTreeMap<String, Entry>>,
    files: BTreeMap<TreePath, Entry>,
}

/// What a program left.
pub(super) struct Left {
    /// The tree of it.
    pub(super) tree: NodeId,
    /// Its paths, in order.
    pub(super) paths: Vec<Vec<u8>>,
    /// How much there is in it, in bytes.
    pub(super) bytes: u64,
}

/// Stores what the program left in the room.
pub(super) fn keep(sink: &dyn ObjectWrite, room: &Room, datum: &Datum) -> Result<Left, Error> {
    let out = room.path("out");
    let meta = fs::symlink_metadata(&out).map_err(|source| Error::io("read", &out, source))?;
    if !meta.is_dir() {
        return refuse("the program replaced its output directory", "write into the directory $VDS_OUT");
    }
    let (known, real) = (OnceCell::new(), OnceCell::new());
    let mut output = Output { datum, room: room.dir().to_owned(), out, real, known, files: BTreeMap::new() };
    output.read(sink)?;
    let bytes = output.files.values().map(|entry| entry.size).fold(0, u64::saturating_add);
    let files: Vec<_> =
        output.files.into_iter().map(|(path, entry)| (String::from(path).into_bytes(), entry)).collect();
    let paths = files.iter().map(|(path, _)| path.clone()).collect();
    Ok(Left { tree: tree::build(sink, files)?, paths, bytes })
}

impl Output<'_> {
    fn read(&mut self, sink: &dyn ObjectWrite) -> Result<(), Error> {
        let mut directories = vec![self.out.clone()];
        while let Some(directory) = directories.pop() {
            let fail = |source| Error::io("read", &directory, source);
            let mut members =
                fs::read_dir(&directory).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
            // Of several faults, the same one is told of every time.
            members.sort_by_key(DirEntry::file_name);
            for member in members {
                let path = member.path();
                let kind = member.file_type().map_err(fail)?;
                if kind.is_dir() {
                    directories.push(path);
                } else if !kind.is_symlink() || !self.settle_link(sink, &path)? {
                    let name = tree_path(path.strip_prefix(&self.out).unwrap_or(&path))?;
                    self.files.insert(name, entry(sink, &path)?);
                }
            }
        }
        Ok(())
    }

    /// Where the output and the inputs really lie.
    fn real(&self) -> Result<&[PathBuf; 2], Error> {
        if let Some(real) = self.real.get() {
            return Ok(real);
        }
        let real = |path: &Path| fs::canonicalize(path).map_err(|source| Error::io("read", path, source));
        let found = [real(&self.out)?, real(&self.room.join("in"))?];
        Ok(self.real.get_or_init(|| found))
    }

    /// Takes what a link leads to in its place, if it is no link within the output; says whether it has done so.
    fn settle_link(&mut self, sink: &dyn ObjectWrite, link: &Path) -> Result<bool, Error> {
        let target = fs::read_link(link).map_err(|source| Error::io("read", link, source))?;
        let written = target;
        let target = self.as_seen_here(&written);
        let link_to = link.parent().unwrap_or(link).join(&target);
        let below = link.strip_prefix(&self.out).unwrap_or(link).to_owned();
        let [inside, inputs] = self.real()?;
        match fs::canonicalize(link_to) {
            Ok(real) if real.starts_with(inside) && target.is_relative() => Ok(false),
            Ok(real) if real.starts_with(inside) && real.is_file() => {
                let name = tree_path(&below)?;
                self.files.insert(name, entry(sink, &real)?);
                Ok(true)
            }
            Ok(real) if real.starts_with(inputs) => {
                let input = real.strip_prefix(inputs).unwrap_or(&real).to_owned();
                self.take_input(&below, &input)?;
                Ok(true)
            }
            Err(_) if target.is_relative() && stays_inside(&below, &target) => Ok(false),
            _ => {
                let shown = (below.display(), written.display());
                let reason = format!("the link {} in the output leads out of it, to {}", shown.0, shown.1);
                refuse(reason, "copy what is to be kept into $VDS_OUT, or make the link relative")
            }
        }
    }

    /// The path that a program in a view of its own means.
    fn as_seen_here(&self, target: &Path) -> PathBuf {
        let pfs = |target: &Path| target.strip_prefix(program::PFS).map(Path::to_owned);
        let room = |target: &Path| target.strip_prefix(program::ROOM).map(Path::to_owned);
        match (room(target), pfs(target)) {
            (Ok(rest), _) => self.room.join(rest),
            (_, Ok(rest)) if rest.starts_with("out") => self.room.join(rest),
            (_, Ok(rest)) => self.room.join("in").join(rest),
            _ => target.to_owned(),
        }
    }

    /// Takes the file or the directory `input`, by its path below the inputs, under the name `below`.
    fn take_input(&mut self, below: &Path, input: &Path) -> Result<(), Error> {
        let known = self.known.get_or_init(|| {
            let mut known = BTreeMap::new();
            for part in &self.datum.parts {
                let place = |path: &TreePath| format!("{}/{path}", part.input);
                known.extend(part.files.iter().map(|(path, entry)| (place(path), *entry)));
            }
            known
        });
        let input = input.to_string_lossy();
        let inside = if input.is_empty() { String::new() } else { format!("{input}/") };
        let mut found = Vec::new();
        if let Some(entry) = known.get(input.as_ref()) {
            found.push((tree_path(below)?, *entry));
        }
        for (place, entry) in
            known.range(inside.clone()..).take_while(|(place, _)| place.starts_with(&inside))
        {
            let rest = place.get(inside.len()..).unwrap_or_default();
            found.push((tree_path(&below.join(rest))?, *entry));
        }
        self.files.extend(found);
        Ok(())
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

/// The file or link at `path`, stored.
fn entry(sink: &dyn ObjectWrite, path: &Path) -> Result<Entry, Error> {
    let fail = |source| Error::io("read", path, source);
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
