//! What a backend promises, and how it fails.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::amount::bytes;
use crate::fault::{Fault, Kind, is_full, prevents_writing};
use crate::object::Digest;

/// A file in the backend: its name and its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The file's name: the BLAKE3 of its bytes.
    pub name: Digest,
    /// Its length in bytes.
    pub len: u64,
}

/// A failed operation on a backend.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The backend has no such file.
    #[error("file {name} is missing from {place}")]
    Missing { name: Digest, place: String },
    /// A file ends before the range that was asked for.
    #[error("file {name} in {place} has no bytes {range:?}")]
    Short { name: Digest, place: String, range: Range<u64> },
    /// So little is left of the place that it is kept free.
    #[error("only {} are free in {place}, and {} are kept free", bytes(*.free), bytes(*.reserve))]
    NoRoom { place: String, free: u64, reserve: u64 },
    /// The place failed.
    #[error("cannot {verb} in {place}")]
    Io { verb: &'static str, place: String, source: io::Error },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } | Self::Short { .. } => Kind::Damaged,
            Self::NoRoom { .. } | Self::Io { .. } => Kind::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRoom { .. } => Some(
                "free some space on the store's disk, or keep less of it free (`vds config set reserve`); nothing was lost"
                    .to_owned(),
            ),
            Self::Io { source, .. } if is_full(source) => {
                Some("free some space on the store's disk and try again; nothing was lost".to_owned())
            }
            Self::Io { source, .. } if prevents_writing(source) => {
                Some("you may read this store, but not change it".to_owned())
            }
            Self::Missing { .. } | Self::Short { .. } => {
                Some("restore the file from a backup of the store".to_owned())
            }
            Self::Io { .. } => None,
        }
    }
}

/// A place that keeps immutable named files.
///
/// # Contract
/// - `put` is atomic and durable: nobody sees half a file, even after a crash. Done twice, it is done once.
/// - What was put is found by every later `read` and `list`, until it is deleted. A file whose `put` has not returned may be found, too,
///   and be gone after a crash, unless `settle` has made sure of it.
/// - `read` returns all bytes of the range, or fails: a range that does not lie in the file is [`Error::Short`], a file
///   that is not there [`Error::Missing`], also for an empty range.
/// - `delete` of what is not there is a success. What was deleted may be put again.
/// - Many threads may use it at once, and many processes may have the same place open.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Keeps the finished file at `source` under `name` and takes `source` away.
    fn put(&self, name: &Digest, source: &Path) -> Result<(), Error>;

    /// Makes sure that the file `name`, which was found, stays: who put it may have been killed before he had.
    fn settle(&self, name: &Digest) -> Result<(), Error>;

    /// The bytes of `range` in the file `name`.
    fn read(&self, name: &Digest, range: Range<u64>) -> Result<Vec<u8>, Error>;

    /// The length of the file `name` in bytes, or `None` if it is not there.
    fn find(&self, name: &Digest) -> Result<Option<u64>, Error>;

    /// All files, in order of their names.
    fn list(&self) -> Result<Vec<Listed>, Error>;

    /// Forgets the file `name`.
    fn delete(&self, name: &Digest) -> Result<(), Error>;
}
