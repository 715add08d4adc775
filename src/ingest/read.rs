//! Reading one file into the store, such that what is stored is what the file held at one moment.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::error::Error;
use super::passed::Why;
use super::walk::{Found, special};
use crate::content::{self, Kept};
use crate::object::{Digest, Entry, FileKind, ObjectWrite};
use crate::progress::{Progress, Told};
use crate::stamp::{Begun, Stamp};

/// How often a file that changes under the reading is read again.
const TRIES: u32 = 6;

/// The pause before the second try; each later one is four times as long. About a second and a half in all.
const PAUSE: Duration = Duration::from_millis(1);

/// A gathered file and what is known of its content.
pub(super) struct Known {
    pub(super) found: Found,
    pub(super) entry: Entry,
    pub(super) new_bytes: u64,
    pub(super) read: bool,
}

/// What became of a file that was to be read.
pub(super) enum Taken {
    Known(Known),
    /// There is nothing to store any more.
    Passed(Why, Found),
}

/// Reads the file, again if it changes meanwhile.
pub(super) fn read(
    sink: &dyn ObjectWrite,
    mut found: Found,
    begun: Begun,
    progress: &dyn Progress,
) -> Result<Taken, Error> {
    for attempt in 0..TRIES {
        if attempt > 0 {
            thread::sleep(PAUSE * 4_u32.pow(attempt - 1));
            match fs::symlink_metadata(&found.place) {
                Err(error) if is_gone(&error) => return Ok(Taken::Passed(Why::Vanished, found)),
                Err(source) => return Err(unreadable(&found.place, source)),
                Ok(meta) => {
                    if let Some(why) = special(&meta) {
                        return Ok(Taken::Passed(why, found));
                    }
                    (found.stamp, found.symlink) = (Stamp::of(&meta), meta.is_symlink());
                }
            }
        }
        let once =
            if found.symlink { read_link(sink, &found) } else { read_once(sink, &found, begun, progress) };
        if let Some((stamp, entry, new_bytes)) = once? {
            found.stamp = stamp;
            return Ok(Taken::Known(Known { found, entry, new_bytes, read: true }));
        }
    }
    Err(Error::Unstable { path: found.place })
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(place: &Path, source: io::Error) -> Error {
    Error::Unreadable { path: place.to_owned(), source }
}

fn unstorable(place: &Path, source: content::Error) -> Error {
    match source {
        content::Error::Source { source } => unreadable(place, source),
        source => Error::Content { path: place.to_owned(), source },
    }
}

type Once = Option<(Stamp, Entry, u64)>;

fn read_link(sink: &dyn ObjectWrite, found: &Found) -> Result<Once, Error> {
    let target = match fs::read_link(&found.place) {
        // No link any more.
        Err(error) if is_gone(&error) || error.kind() == io::ErrorKind::InvalidInput => return Ok(None),
        other => other.map_err(|source| unreadable(&found.place, source))?,
    };
    let kept = content::keep_bytes(sink, target.as_os_str().as_bytes());
    let kept = kept.map_err(|source| unstorable(&found.place, source))?;
    let entry = Entry { kind: FileKind::Symlink, blob: kept.blob, size: kept.size };
    Ok(Some((found.stamp, entry, kept.new_bytes)))
}

/// Reads the file once; `None` if it was changed, or became something else, meanwhile.
fn read_once(
    sink: &dyn ObjectWrite,
    found: &Found,
    begun: Begun,
    progress: &dyn Progress,
) -> Result<Once, Error> {
    let fail = |source| unreadable(&found.place, source);
    let Some(mut file) = open(&found.place).map_err(fail)? else { return Ok(None) };
    let meta = file.metadata().map_err(fail)?;
    if !meta.is_file() {
        return Ok(None);
    }
    let before = Stamp::of(&meta);
    let kept = keep(sink, Told { source: &mut file, progress }, before.size)
        .map_err(|source| unstorable(&found.place, source))?;
    let after = Stamp::of(&file.metadata().map_err(fail)?);
    if before != after || kept.size != after.size {
        return Ok(None);
    }
    // Its times may hide a change: then only the same bytes again show that there was none.
    if !after.is_settled(begun) && hash(&mut file).map_err(fail)? != *kept.blob.digest() {
        return Ok(None);
    }
    let entry = Entry { kind: after.kind(), blob: kept.blob, size: kept.size };
    Ok(Some((after, entry, kept.new_bytes)))
}

/// Opens a file, and waits for nothing: a pipe or a link that took its place since it was looked at is `None`.
fn open(place: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(CWD, place, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Keeps what the file holds; one byte more than `size` is enough to see that it grew.
fn keep(sink: &dyn ObjectWrite, source: impl Read, size: u64) -> Result<Kept, content::Error> {
    let mut source = source.take(size.saturating_add(1));
    if size > content::SMALL {
        return content::keep(sink, source);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    source.read_to_end(&mut bytes).map_err(|source| content::Error::Source { source })?;
    content::keep_bytes(sink, &bytes)
}

fn hash(file: &mut File) -> io::Result<Digest> {
    file.rewind()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}
