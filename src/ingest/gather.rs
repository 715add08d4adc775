//! Turning files into edits.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;

use super::cache;
use super::error::Error;
use super::stamp::Stamp;
use super::walk::{Found, walk_all};
use crate::content::{self, Kept};
use crate::draft::Draft;
use crate::object::{Entry, FileKind, ObjectWrite, TreePath};
use crate::progress::Progress;
use crate::snapshot::{Snapshot, below};
use crate::tree::Cursor;

/// How often a file that changes under the reading is read again.
const TRIES: usize = 5;

/// What becomes of files in the tree that are not among those given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// They stay.
    Keep,
    /// Those below the prefix go: it becomes equal to the directory.
    Mirror,
}

/// What was found and read.
#[derive(Debug)]
pub struct Gathered {
    /// The edits.
    pub draft: Draft,
    /// How many files were looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of these were read and not in the store before.
    pub new_bytes: u64,
    /// How many files had to be read.
    pub read: u64,
    /// What was passed over, as lines for a person.
    pub warnings: Vec<String>,
}

/// A gathered file and what is known of its content.
struct Known {
    found: Found,
    entry: Entry,
    new_bytes: u64,
    read: bool,
}

/// Stores the files at `places` below the prefix `to`, as edits on top of `base`. Directories give their contents, files
/// keep their names. `store` is where the memory of
/// unchanged files lies; without it nothing is remembered.
pub fn gather(
    sink: &dyn ObjectWrite,
    base: Snapshot<'_>,
    store: Option<&Path>,
    places: &[PathBuf],
    to: Option<&TreePath>,
    overlay: Overlay,
    progress: &dyn Progress,
) -> Result<Gathered, Error> {
    let mut all = Gathered {
        draft: Draft::new(base.root()),
        files: 0,
        bytes: 0,
        new_bytes: 0,
        read: 0,
        warnings: Vec::new(),
    };
    let mut paths = Vec::new();
    for place in places {
        let known = gather_one(sink, store, place, to, progress, &mut all.warnings)?;
        let mut old = Cursor::<Entry>::new(base.objects(), base.root())?;
        for Known { found, entry, new_bytes, read } in known {
            all.files += 1;
            all.bytes += entry.size;
            all.new_bytes += new_bytes;
            all.read += u64::from(read);
            if old.get(found.path.as_str().as_bytes())? != Some(entry) {
                all.draft.put(found.path.clone(), entry);
            }
            paths.push(found.path);
        }
    }
    if overlay == Overlay::Mirror {
        paths.sort();
        for item in base.scan(&below(to))? {
            let (path, _) = item?;
            if paths.binary_search(&path).is_err() {
                all.draft.remove(path);
            }
        }
    }
    Ok(all)
}

/// Stores everything that `source` gives as the file `path`.
pub fn gather_reader(
    sink: &dyn ObjectWrite,
    base: Snapshot<'_>,
    source: impl Read,
    path: TreePath,
) -> Result<Gathered, Error> {
    let kept = content::keep(sink, source);
    let Kept { blob, size, new_bytes } =
        kept.map_err(|source| Error::Content { path: PathBuf::from("standard input"), source })?;
    let mut draft = Draft::new(base.root());
    draft.put(path, Entry { kind: FileKind::File, blob, size });
    Ok(Gathered { draft, files: 1, bytes: size, new_bytes, read: 1, warnings: Vec::new() })
}

fn gather_one(
    sink: &dyn ObjectWrite,
    store: Option<&Path>,
    place: &Path,
    to: Option<&TreePath>,
    progress: &dyn Progress,
    warnings: &mut Vec<String>,
) -> Result<Vec<Known>, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = now.and_then(|now| i64::try_from(now.as_nanos()).ok()).unwrap_or(0);
    let walked = walk_all(place, to)?;
    if let Some(first) = walked.special.first() {
        let count = walked.special.len();
        warnings.push(format!("passed over {count} sockets, pipes or devices, such as {}", first.display()));
    }
    let remembered = store.filter(|_| place.is_dir()).map(|store| cache::place(store, place));
    let lines = remembered.as_deref().map(cache::load).unwrap_or_default();
    progress.begin("reading files", Some(walked.files.len() as u64));
    let known = walked.files.into_par_iter().map(|found| {
        progress.advance(1);
        match recall(sink, &lines, &found)? {
            Some(entry) => Ok(Known { found, entry, new_bytes: 0, read: false }),
            None => read(sink, found),
        }
    });
    let results: Vec<Result<Known, Error>> = known.collect();
    progress.end();
    let known = results.into_iter().collect::<Result<Vec<_>, _>>()?;
    let changed = known.len() != lines.len() || known.iter().any(|known| known.read);
    if let Some(remembered) = remembered.filter(|_| changed) {
        let settled = known.iter().filter(|known| !known.found.symlink && known.found.stamp.is_settled(now));
        let lines: Vec<cache::Line> = settled
            .map(|known| (known.found.path.as_str().to_owned(), known.found.stamp, known.entry.blob))
            .collect();
        if let Err(error) = cache::save(&remembered, &lines) {
            tracing::debug!(%error, "could not remember the files");
        }
    }
    Ok(known)
}

/// The file as it was when it was last read, if it has not changed since and the store still has its content.
fn recall(sink: &dyn ObjectWrite, lines: &[cache::Line], found: &Found) -> Result<Option<Entry>, Error> {
    let line = lines.binary_search_by(|(path, ..)| path.as_str().cmp(found.path.as_str())).ok();
    match line.and_then(|at| lines.get(at)) {
        Some((_, stamp, blob))
            if *stamp == found.stamp && !found.symlink && sink.has_object(blob.digest())? =>
        {
            Ok(Some(Entry { kind: stamp.kind(), blob: *blob, size: stamp.size }))
        }
        _ => Ok(None),
    }
}

fn read(sink: &dyn ObjectWrite, found: Found) -> Result<Known, Error> {
    let unreadable = |source| Error::Unreadable { path: found.place.clone(), source };
    let unstorable = |source| match source {
        content::Error::Source { source } => unreadable(source),
        source => Error::Content { path: found.place.clone(), source },
    };
    if found.symlink {
        let target = fs::read_link(&found.place).map_err(unreadable)?;
        let kept = content::keep_bytes(sink, target.as_os_str().as_bytes()).map_err(unstorable)?;
        let entry = Entry { kind: FileKind::Symlink, blob: kept.blob, size: kept.size };
        return Ok(Known { found, entry, new_bytes: kept.new_bytes, read: true });
    }
    for _ in 0..TRIES {
        let mut file = File::open(&found.place).map_err(unreadable)?;
        let before = Stamp::of(&file.metadata().map_err(unreadable)?);
        let kept = if before.size > content::SMALL {
            content::keep(sink, &mut file).map_err(unstorable)?
        } else {
            let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or(0) + 1);
            file.read_to_end(&mut bytes).map_err(unreadable)?;
            content::keep_bytes(sink, &bytes).map_err(unstorable)?
        };
        let after = Stamp::of(&file.metadata().map_err(unreadable)?);
        if before == after && kept.size == after.size {
            let entry = Entry { kind: after.kind(), blob: kept.blob, size: kept.size };
            return Ok(Known {
                found: Found { stamp: after, ..found },
                entry,
                new_bytes: kept.new_bytes,
                read: true,
            });
        }
    }
    Err(Error::Unstable { path: found.place })
}
