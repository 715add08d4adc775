//! Finding the files below a directory.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::error::Error;
use super::passed::{Passed, Why};
use crate::marker;
use crate::object::TreePath;
use crate::stamp::Stamp;
use crate::store::DIR_NAME;

/// The file that names what is to be left out, in the syntax of `gitignore(5)`. It holds for its directory and below.
pub(super) const IGNORE_FILE: &str = ".vdsignore";

/// Threads that walk.
const THREADS: usize = 2;

/// A file to store.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it goes in the tree.
    pub path: TreePath,
    /// Where it lies on disk.
    pub place: PathBuf,
    /// What the file system said of it.
    pub stamp: Stamp,
    /// Whether it is a link.
    pub symlink: bool,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The files, sorted by their tree paths.
    pub(super) files: Vec<Found>,
    /// What holds no data to store.
    pub(super) passed: Passed,
    /// Names that no tree can have, in the order of what is said of them.
    pub(super) illegal: Vec<Error>,
}

impl Walked {
    /// An error for a name that no tree can have.
    pub(super) fn legal(mut self) -> Result<Self, Error> {
        if self.illegal.is_empty() { Ok(self) } else { Err(self.illegal.swap_remove(0)) }
    }
}

/// All files and links below `root`, or `root` itself, sorted by the path they get in the tree.
pub fn walk(root: &Path) -> Result<Vec<Found>, Error> {
    Ok(walk_all(root, None, None)?.legal()?.files)
}

/// Like [`walk`], with the tree paths below `to`, and without what lies in the directory `store`.
pub(super) fn walk_all(root: &Path, to: Option<&TreePath>, store: Option<&Path>) -> Result<Walked, Error> {
    let unreadable = |source| Error::Unreadable { path: root.to_owned(), source };
    let meta = fs::symlink_metadata(root).map_err(unreadable)?;
    let store = store.map(|store| fs::canonicalize(store).unwrap_or_else(|_| store.to_owned()));
    let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    if store.as_ref().is_some_and(|store| real.starts_with(store)) {
        return Err(Error::Store { path: root.to_owned() });
    }
    if meta.is_symlink() && fs::metadata(root).is_ok_and(|target| target.is_dir()) {
        return walk_below(&real, to, store);
    }
    if meta.is_dir() {
        return walk_below(root, to, store);
    }
    let name = root.file_name().ok_or_else(|| Error::Special { path: root.to_owned() })?;
    match visit_file(root, Path::new(name), &meta, to) {
        Visited::File(found) => Ok(Walked { files: vec![found], ..Walked::default() }),
        Visited::Illegal(error) => Err(error),
        _ => Err(Error::Special { path: root.to_owned() }),
    }
}

/// The file or link at `path` below `root`, if there is one; none beyond a link.
pub fn find(root: &Path, path: &TreePath) -> Result<Option<Found>, Error> {
    let is_dir = |dir: &str| fs::symlink_metadata(root.join(dir)).is_ok_and(|meta| meta.is_dir());
    if !path.ancestors().all(is_dir) {
        return Ok(None);
    }
    let place = root.join(path.as_str());
    match fs::symlink_metadata(&place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Unreadable { path: place, source }),
        Ok(meta) if special(&meta).is_some() => Ok(None),
        Ok(meta) => {
            Ok(Some(Found { path: path.clone(), place, stamp: Stamp::of(&meta), symlink: meta.is_symlink() }))
        }
    }
}

fn walk_below(root: &Path, to: Option<&TreePath>, store: Option<PathBuf>) -> Result<Walked, Error> {
    let (send, receive) = mpsc::channel();
    let mut builder = WalkBuilder::new(root);
    builder
        .standard_filters(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .follow_links(false)
        .threads(THREADS);
    let (stores, top, is_workspace) = (send.clone(), root.to_owned(), marker::is_workspace(root));
    let inside = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let own = store.and_then(|store| store.strip_prefix(inside).ok().map(|below| top.join(below)));
    builder.filter_entry(move |entry| {
        let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
        let is_own = is_dir && own.as_deref() == Some(entry.path());
        let is_store = is_dir && !is_own && entry.depth() > 0 && entry.file_name() == DIR_NAME;
        let why = match () {
            // What makes the directory itself a workspace is no data.
            () if is_store && entry.depth() == 1 && is_workspace => return false,
            () if is_store => Why::Store,
            () if is_dir && entry.depth() > 0 && marker::is_workspace(entry.path()) => Why::Workspace,
            () => return !is_own,
        };
        let _ = stores.send(Ok(Visited::Passed(why, entry.path().to_owned())));
        false
    });
    builder.build_parallel().run(|| {
        let send = send.clone();
        Box::new(move |entry| match send.send(visit(root, to, entry)) {
            Ok(()) => WalkState::Continue,
            Err(_) => WalkState::Quit,
        })
    });
    // The filter's own sender goes with the builder.
    drop((send, builder));
    gather(root, to, receive.into_iter())
}

fn gather(
    root: &Path,
    to: Option<&TreePath>,
    all: impl Iterator<Item = Result<Visited, Error>>,
) -> Result<Walked, Error> {
    let mut walked = Walked::default();
    let (mut errors, mut dirs) = (Vec::new(), Vec::new());
    for visited in all {
        match visited {
            Ok(Visited::File(found)) => walked.files.push(found),
            Ok(Visited::Directory(path)) => dirs.push(path),
            Ok(Visited::Passed(why, path)) => walked.passed.add(why, path),
            Ok(Visited::Illegal(error)) => walked.illegal.push(error),
            Err(error) => errors.push(error),
        }
    }
    // The walk has no order of its own; the report must be the same every time.
    errors.sort_by_key(ToString::to_string);
    walked.illegal.sort_by_key(ToString::to_string);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    walked.files.sort_by(|a, b| a.path.cmp(&b.path));
    for dir in dirs.into_iter().filter(|dir| is_without_files(&walked.files, root, to, dir)) {
        walked.passed.add(Why::NoFiles, dir);
    }
    Ok(walked)
}

fn is_without_files(files: &[Found], root: &Path, to: Option<&TreePath>, dir: &Path) -> bool {
    let below = dir.strip_prefix(root).unwrap_or(dir);
    if below.as_os_str().is_empty() {
        return false;
    }
    let prefix = to.map(|to| format!("{to}/")).unwrap_or_default();
    let start = format!("{prefix}{}/", below.to_string_lossy());
    let first = files.partition_point(|found| found.path.as_str() < start.as_str());
    !files.get(first).is_some_and(|found| found.path.as_str().starts_with(&start))
}

enum Visited {
    File(Found),
    Directory(PathBuf),
    Passed(Why, PathBuf),
    Illegal(Error),
}

fn visit(
    root: &Path,
    to: Option<&TreePath>,
    entry: Result<DirEntry, ignore::Error>,
) -> Result<Visited, Error> {
    let gone =
        |error: &ignore::Error| error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    let entry = match entry {
        Err(error) if gone(&error) => return Ok(Visited::Passed(Why::Vanished, root.to_owned())),
        Err(error) => return Err(walk_error(root, &error)),
        Ok(entry) => entry,
    };
    if let Some(error) = entry.error() {
        return Err(Error::IgnoreFile { reason: error.to_string() });
    }
    let place = entry.path();
    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return Ok(Visited::Directory(place.to_owned()));
    }
    let meta = match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Visited::Passed(Why::Vanished, place.to_owned()));
        }
        Err(source) => return Err(Error::Unreadable { path: place.to_owned(), source }),
        Ok(meta) => meta,
    };
    Ok(visit_file(place, place.strip_prefix(root).unwrap_or(place), &meta, to))
}

/// The walk names the place itself, and the reason is what the system said.
fn walk_error(root: &Path, error: &ignore::Error) -> Error {
    let reason = error.to_string();
    let place = format!("{}: ", root.display());
    let reason = reason.strip_prefix(&place).unwrap_or(&reason).to_owned();
    Error::Walk { path: root.to_owned(), reason }
}

fn visit_file(place: &Path, below: &Path, meta: &Metadata, to: Option<&TreePath>) -> Visited {
    if let Some(why) = special(meta) {
        return Visited::Passed(why, place.to_owned());
    }
    let Some(text) = below.to_str() else {
        return Visited::Illegal(Error::NotUtf8 { path: place.to_owned() });
    };
    let path = text.parse::<TreePath>().and_then(|path| path.below(to.map_or("", TreePath::as_str)));
    match path {
        Err(source) => Visited::Illegal(Error::Illegal { path: place.to_owned(), source }),
        Ok(path) => {
            let (stamp, symlink) = (Stamp::of(meta), meta.is_symlink());
            Visited::File(Found { path, place: place.to_owned(), stamp, symlink })
        }
    }
}

/// Why there is nothing to store there, if it is neither a file nor a link.
pub(super) fn special(meta: &Metadata) -> Option<Why> {
    let kind = meta.file_type();
    match () {
        () if kind.is_file() || kind.is_symlink() => None,
        () if kind.is_socket() => Some(Why::Socket),
        () if kind.is_fifo() => Some(Why::Pipe),
        () if kind.is_dir() => Some(Why::NoFiles),
        () => Some(Why::Device),
    }
}
