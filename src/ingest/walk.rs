//! Finding the files below a directory.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::error::Error;
use super::stamp::Stamp;
use crate::object::TreePath;
use crate::store::DIR_NAME;

/// The file that names what is to be left out, in the syntax of `gitignore(5)`.
const IGNORE_FILE: &str = ".vdsignore";

/// Threads that walk.
const THREADS: usize = 2;

/// A file to store.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it goes in the tree.
    pub path: TreePath,
    /// Where it lies on disk.
    pub place: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) symlink: bool,
}

/// The files that a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The files, sorted by their tree paths.
    pub(super) files: Vec<Found>,
    /// Sockets, pipes and devices, which hold no data to store.
    pub(super) special: Vec<PathBuf>,
}

/// All files and links below `root`, or `root` itself, sorted by the path they get in the tree.
pub fn walk(root: &Path) -> Result<Vec<Found>, Error> {
    Ok(walk_all(root, None)?.files)
}

/// Like [`walk`], with the tree paths below `to`.
pub(super) fn walk_all(root: &Path, to: Option<&TreePath>) -> Result<Walked, Error> {
    let unreadable = |source| Error::Unreadable { path: root.to_owned(), source };
    let meta = fs::symlink_metadata(root).map_err(unreadable)?;
    if meta.is_symlink() && fs::metadata(root).is_ok_and(|target| target.is_dir()) {
        return walk_below(&fs::canonicalize(root).map_err(unreadable)?, to);
    }
    if meta.is_dir() {
        return walk_below(root, to);
    }
    let name = root.file_name().ok_or_else(|| Error::Special { path: root.to_owned() })?;
    let found = found(root, Path::new(name), &meta, to)?;
    let found = found.ok_or_else(|| Error::Special { path: root.to_owned() })?;
    Ok(Walked { files: vec![found], special: Vec::new() })
}

fn walk_below(root: &Path, to: Option<&TreePath>) -> Result<Walked, Error> {
    let (send, receive) = mpsc::channel();
    let mut builder = WalkBuilder::new(root);
    builder
        .standard_filters(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .follow_links(false)
        .threads(THREADS);
    builder.filter_entry(|entry| entry.file_name() != DIR_NAME);
    builder.build_parallel().run(|| {
        let send = send.clone();
        Box::new(move |entry| match send.send(visit(root, to, entry)) {
            Ok(()) => WalkState::Continue,
            Err(_) => WalkState::Quit,
        })
    });
    drop(send);
    let mut walked = Walked::default();
    let mut errors = Vec::new();
    for visited in receive {
        match visited {
            Ok(Visited::File(found)) => walked.files.push(found),
            Ok(Visited::Special(path)) => walked.special.push(path),
            Ok(Visited::Directory) => {}
            Err(error) => errors.push(error),
        }
    }
    // The walk has no order of its own; the report must be the same every time.
    errors.sort_by_key(ToString::to_string);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    walked.files.sort_by(|a, b| a.path.cmp(&b.path));
    walked.special.sort();
    Ok(walked)
}

enum Visited {
    File(Found),
    Special(PathBuf),
    Directory,
}

fn visit(
    root: &Path,
    to: Option<&TreePath>,
    entry: Result<DirEntry, ignore::Error>,
) -> Result<Visited, Error> {
    let entry = entry.map_err(|error| Error::Walk { path: root.to_owned(), reason: error.to_string() })?;
    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return Ok(Visited::Directory);
    }
    let place = entry.path();
    let meta = fs::symlink_metadata(place);
    let meta = meta.map_err(|source| Error::Unreadable { path: place.to_owned(), source })?;
    let below = place.strip_prefix(root).unwrap_or(place);
    Ok(found(place, below, &meta, to)?.map_or_else(|| Visited::Special(place.to_owned()), Visited::File))
}

fn found(place: &Path, below: &Path, meta: &Metadata, to: Option<&TreePath>) -> Result<Option<Found>, Error> {
    if !meta.is_file() && !meta.is_symlink() {
        return Ok(None);
    }
    let text = below.to_str().ok_or_else(|| Error::NotUtf8 { path: place.to_owned() })?;
    let path = text.parse::<TreePath>().and_then(|path| path.below(to.map_or("", TreePath::as_str)));
    let path = path.map_err(|source| Error::Illegal { path: place.to_owned(), source })?;
    Ok(Some(Found { path, place: place.to_owned(), stamp: Stamp::of(meta), symlink: meta.is_symlink() }))
}
