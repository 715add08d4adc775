//! Turning files into edits.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::cache;
use super::error::Error;
use super::passed::{Passed, Why};
use super::read::{Known, Taken, read};
use super::room;
use super::walk::{Found, walk_all};
use crate::content::{self, Kept};
use crate::draft::Draft;
use crate::object::{Entry, FileKind, ObjectWrite, TreePath};
use crate::progress::{Amount, Progress, Told};
use crate::snapshot::{Snapshot, below};
use crate::stamp::Begun;
use crate::store::Store;
use crate::tree::Cursor;

/// What becomes of files in the tree that are not among those given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// They stay.
    Keep,
    /// Those below the prefix go: it becomes equal to the directory.
    Mirror,
}

/// What is known of files from earlier readings.
#[derive(Debug, Clone, Copy)]
pub enum Memory<'a> {
    /// Nothing, and there is no store to be left out.
    None,
    /// What this store remembers; it is left as it is.
    Read(&'a Store),
    /// What this store remembers, brought up to date.
    Keep(&'a Store),
}

impl<'a> Memory<'a> {
    fn store(self) -> Option<&'a Store> {
        match self {
            Self::None => None,
            Self::Read(store) | Self::Keep(store) => Some(store),
        }
    }

    fn kept(self) -> Option<&'a Store> {
        if let Self::Keep(store) = self { Some(store) } else { None }
    }
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
    /// The directories that were passed over because they hold no files, as a line for a person.
    pub notes: Vec<String>,
}

/// Stores the files at `places` below the prefix `to`, as edits on top of `base`. Directories give their contents, files
/// keep their names. The store itself is left out.
pub fn gather(
    sink: &dyn ObjectWrite,
    base: Snapshot<'_>,
    memory: Memory<'_>,
    places: &[PathBuf],
    to: Option<&TreePath>,
    overlay: Overlay,
    progress: &dyn Progress,
) -> Result<Gathered, Error> {
    let gathering =
        Gathering { sink, memory, to, progress, begun: Begun::now(memory.kept().map(Store::tmp)) };
    let mut passed = Passed::default();
    let mut all = Gathered {
        draft: Draft::new(base.root()),
        files: 0,
        bytes: 0,
        new_bytes: 0,
        read: 0,
        warnings: Vec::new(),
        notes: Vec::new(),
    };
    let mut given: HashMap<TreePath, (Entry, PathBuf)> = HashMap::new();
    for place in places {
        if overlay == Overlay::Mirror && !place.is_dir() && place.exists() {
            return Err(Error::NotMirrored { path: place.clone() });
        }
        let mut old = Cursor::<Entry>::new(base.objects(), base.root())?;
        for Known { found, entry, new_bytes, read } in gathering.one(place, &mut passed)? {
            all.files += 1;
            all.bytes += entry.size;
            all.new_bytes += new_bytes;
            all.read += u64::from(read);
            if old.get(found.path.as_str().as_bytes())? != Some(entry) {
                all.draft.put(found.path.clone(), entry);
            }
            if places.len() > 1 || overlay == Overlay::Mirror {
                let before = given.insert(found.path.clone(), (entry, found.place.clone()));
                if let Some((_, first)) = before.filter(|(other, _)| *other != entry) {
                    return Err(Error::Twice { path: found.path, first, second: found.place });
                }
            }
        }
    }
    check_side_by_side(&given)?;
    if overlay == Overlay::Mirror {
        for item in base.scan(&below(to))? {
            let (path, _) = item?;
            if !given.contains_key(&path) {
                all.draft.remove(path);
            }
        }
    }
    (all.warnings, all.notes) = passed.lines();
    Ok(all)
}

/// No path may be a file for one place and a directory for another.
fn check_side_by_side(given: &HashMap<TreePath, (Entry, PathBuf)>) -> Result<(), Error> {
    for (path, (_, second)) in given {
        let above = path.ancestors().filter_map(|dir| dir.parse::<TreePath>().ok());
        for dir in above {
            if let Some((_, first)) = given.get(&dir) {
                let (first, second) = (first.clone(), second.clone());
                return Err(Error::Twice { path: dir, first, second });
            }
        }
    }
    Ok(())
}

/// Stores everything that `source` gives as the file `path`.
pub fn gather_reader(
    sink: &dyn ObjectWrite,
    base: Snapshot<'_>,
    source: impl Read,
    path: TreePath,
    progress: &dyn Progress,
) -> Result<Gathered, Error> {
    let place = || PathBuf::from("standard input");
    progress.begin("reading standard input", Amount::Bytes(None));
    let kept = content::keep(sink, Told { source, progress });
    progress.end();
    let kept = kept.map_err(|source| match source {
        content::Error::Source { source } => Error::Unreadable { path: place(), source },
        source => Error::Content { path: place(), source },
    });
    let Kept { blob, size, new_bytes } = kept?;
    let mut draft = Draft::new(base.root());
    draft.put(path, Entry { kind: FileKind::File, blob, size });
    Ok(Gathered { draft, files: 1, bytes: size, new_bytes, read: 1, warnings: Vec::new(), notes: Vec::new() })
}

/// What is the same for all places of one gathering.
struct Gathering<'a> {
    sink: &'a dyn ObjectWrite,
    memory: Memory<'a>,
    to: Option<&'a TreePath>,
    progress: &'a dyn Progress,
    begun: Begun,
}

impl Gathering<'_> {
    fn one(&self, place: &Path, passed: &mut Passed) -> Result<Vec<Known>, Error> {
        let walked = walk_all(place, self.to, self.memory.store().map(Store::root))?.legal()?;
        passed.add_all(walked.passed);
        let is_dir = place.is_dir();
        let remembered = self.memory.store().filter(|_| is_dir);
        let remembered = remembered.map(|store| cache::place(store, place, self.to));
        let lines = remembered.as_deref().map(cache::load).unwrap_or_default();
        let recalled: Vec<Option<Entry>> = walked
            .files
            .par_iter()
            .map(|found| recall(self.sink, &lines, found))
            .collect::<Result<_, _>>()?;
        self.check_room(&walked.files, &recalled)?;
        let sizes = walked.files.iter().zip(&recalled).map(|(found, recalled)| match recalled {
            Some(_) => 0,
            None => found.stamp.size,
        });
        self.progress.begin("reading files", Amount::Bytes(Some(sizes.fold(0, u64::saturating_add))));
        let taken: Vec<Result<Taken, Error>> = walked
            .files
            .into_par_iter()
            .zip(recalled)
            .map(|(found, recalled)| match recalled {
                Some(entry) => Ok(Taken::Known(Known { found, entry, new_bytes: 0, read: false })),
                None => read(self.sink, found, self.begun, self.progress),
            })
            .collect();
        self.progress.end();
        let mut all = Vec::with_capacity(taken.len());
        for taken in taken {
            match taken? {
                Taken::Known(known) => all.push(known),
                Taken::Passed(why, found) if is_dir => passed.add(why, found.place),
                Taken::Passed(Why::Vanished, found) => {
                    let source = std::io::ErrorKind::NotFound.into();
                    return Err(Error::Unreadable { path: found.place, source });
                }
                Taken::Passed(_, found) => return Err(Error::Special { path: found.place }),
            }
        }
        if let Some((remembered, store)) = remembered.zip(self.memory.kept())
            && (all.len() != lines.len() || all.iter().any(|known| known.read))
        {
            let settled = |known: &&Known| !known.found.symlink && known.found.stamp.is_settled(self.begun);
            let line =
                |known: &Known| (known.found.path.as_str().to_owned(), known.found.stamp, known.entry.blob);
            let lines: Vec<cache::Line> = all.iter().filter(settled).map(line).collect();
            if let Err(error) = cache::save(&remembered, store.tmp(), &lines) {
                tracing::debug!(%error, "could not remember the files");
            }
        }
        Ok(all)
    }

    fn check_room(&self, files: &[Found], recalled: &[Option<Entry>]) -> Result<(), Error> {
        let Some(store) = self.memory.kept() else { return Ok(()) };
        let unknown = files.iter().zip(recalled).filter(|(_, entry)| entry.is_none()).map(|(found, _)| found);
        room::check(store, unknown)
    }
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
