//! From a version of a tree to files on disk.
//!
//! Everything is planned before anything is written, nothing is written outside the directory whatever the tree says,
//! and files that differ from what is to be written are not overwritten unless that is asked for.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::content;
use crate::fault::{Fault, Kind};
use crate::object::{BlobId, Entry, FileKind, ObjectRead, TreePath};
use crate::progress::Progress;

/// A failed checkout.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Files are in the way that hold something else.
    #[error("{count} files in {} would be overwritten, such as {first}", .dir.display())]
    InTheWay { dir: PathBuf, count: usize, first: TreePath },
    /// A link on disk leads out of the directory.
    #[error("{} is a link, and nothing is written through links", .path.display())]
    ThroughLink { path: PathBuf },
    /// The disk failed.
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// The content could not be read.
    #[error("cannot write {}", .path.display())]
    Content { path: PathBuf, source: content::Error },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::InTheWay { .. } => Kind::Refused,
            Self::ThroughLink { .. } => Kind::Usage,
            Self::Io { .. } => Kind::Io,
            Self::Content { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::InTheWay { .. } => {
                Some("choose an empty directory, or give --force; nothing was written".to_owned())
            }
            Self::ThroughLink { .. } => Some("remove the link, or choose another directory".to_owned()),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space and run the same command again".to_owned())
            }
            Self::Io { .. } => None,
            Self::Content { source, .. } => source.hint(),
        }
    }
}

/// What to do with files that hold something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// Write nothing at all.
    Refuse,
    /// Replace them.
    Overwrite,
}

/// What a checkout wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many files were there already, with the same content.
    pub unchanged: u64,
}

/// What is to be done for one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Create,
    Replace,
    Leave,
}

/// Writes `files` into `dir`, which is made if it is not there.
pub fn checkout(
    objects: &dyn ObjectRead,
    files: &[(TreePath, Entry)],
    dir: &Path,
    clash: Clash,
    progress: &dyn Progress,
) -> Result<Written, Error> {
    let fresh = !dir.exists() || fs::read_dir(dir).is_ok_and(|mut inside| inside.next().is_none());
    let steps = if fresh { vec![Step::Create; files.len()] } else { plan(objects, files, dir, clash)? };
    let parents: BTreeSet<&str> = files.iter().flat_map(|(path, _)| path.ancestors()).collect();
    make_dir(dir)?;
    // Ancestors sort before what they hold, so each parent exists when its turn comes.
    for parent in parents {
        make_parent(&dir.join(parent), clash)?;
    }
    progress.begin("writing files", Some(files.len() as u64));
    let results: Vec<Result<(), Error>> = files
        .par_iter()
        .zip(&steps)
        .map(|((path, entry), step)| {
            progress.advance(1);
            write(objects, &dir.join(path.as_str()), entry, *step)
        })
        .collect();
    progress.end();
    results.into_iter().collect::<Result<(), _>>()?;
    let mut written = Written::default();
    for ((_, entry), step) in files.iter().zip(&steps) {
        match step {
            Step::Leave => written.unchanged += 1,
            Step::Create | Step::Replace => {
                written.files += 1;
                written.bytes += entry.size;
            }
        }
    }
    Ok(written)
}

fn plan(
    objects: &dyn ObjectRead,
    files: &[(TreePath, Entry)],
    dir: &Path,
    clash: Clash,
) -> Result<Vec<Step>, Error> {
    let looked = files.par_iter().map(|(path, entry)| look(objects, &dir.join(path.as_str()), entry));
    let steps = looked.collect::<Result<Vec<_>, _>>()?;
    let in_the_way = |(_, step): &(_, &Step)| **step == Step::Replace;
    let mut clashes = files.iter().zip(&steps).filter(in_the_way);
    match clashes.next() {
        Some(((first, _), _)) if clash == Clash::Refuse => {
            Err(Error::InTheWay { dir: dir.to_owned(), count: 1 + clashes.count(), first: first.clone() })
        }
        _ => Ok(steps),
    }
}

/// Compares what is on disk with what is to be there.
fn look(objects: &dyn ObjectRead, path: &Path, entry: &Entry) -> Result<Step, Error> {
    let fail = |source| Error::Io { verb: "look at", path: path.to_owned(), source };
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Step::Create);
        }
        Err(source) => return Err(fail(source)),
    };
    if entry.kind == FileKind::Symlink {
        let same =
            meta.is_symlink() && fs::read_link(path).ok().as_deref() == Some(&target(objects, path, entry)?);
        return Ok(if same { Step::Leave } else { Step::Replace });
    }
    let executable = std::os::unix::fs::MetadataExt::mode(&meta) & 0o100 != 0;
    let plausible =
        meta.is_file() && meta.len() == entry.size && executable == (entry.kind == FileKind::Executable);
    let same = plausible && {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(fs::File::open(path).map_err(fail)?).map_err(fail)?;
        hasher.finalize().as_bytes() == entry.blob.digest().as_bytes()
    };
    Ok(if same { Step::Leave } else { Step::Replace })
}

fn make_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|source| Error::Io {
        verb: "make the directory",
        path: dir.to_owned(),
        source,
    })
}

fn make_parent(dir: &Path, clash: Clash) -> Result<(), Error> {
    match fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(meta) if meta.is_symlink() => Err(Error::ThroughLink { path: dir.to_owned() }),
        Ok(_) if clash == Clash::Overwrite => {
            fs::remove_file(dir).map_err(|source| Error::Io {
                verb: "replace",
                path: dir.to_owned(),
                source,
            })?;
            make_dir(dir)
        }
        _ => make_dir(dir),
    }
}

fn target(objects: &dyn ObjectRead, path: &Path, entry: &Entry) -> Result<PathBuf, Error> {
    let bytes = content::load(objects, entry.blob)
        .map_err(|source| Error::Content { path: path.to_owned(), source })?;
    Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
}

fn write(objects: &dyn ObjectRead, path: &Path, entry: &Entry, step: Step) -> Result<(), Error> {
    let fail = |source| Error::Io { verb: "write", path: path.to_owned(), source };
    match step {
        Step::Leave => return Ok(()),
        Step::Replace if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) => {
            fs::remove_dir_all(path).map_err(fail)?;
        }
        Step::Replace => fs::remove_file(path).map_err(fail)?,
        Step::Create => {}
    }
    if entry.kind == FileKind::Symlink {
        return symlink(target(objects, path, entry)?, path).map_err(fail);
    }
    let mode = if entry.kind == FileKind::Executable { 0o777 } else { 0o666 };
    // Never through a link, and never over a file: whatever lies there was taken away above.
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(fail)?;
    put(objects, entry.blob, file).map_err(|source| match source {
        content::Error::Target { source, .. } => fail(source),
        source => Error::Content { path: path.to_owned(), source },
    })
}

fn put(objects: &dyn ObjectRead, blob: BlobId, file: fs::File) -> Result<(), content::Error> {
    let mut out = BufWriter::new(file);
    content::copy(objects, blob, &mut out)?;
    out.flush().map_err(|source| content::Error::Target { blob, source })
}
