//! What can go wrong with the journal.

use std::io;
use std::path::PathBuf;

use super::record::MAX_PAYLOAD;
use crate::fault::{Fault, Kind, is_full};

/// A failed operation on the journal.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The file failed.
    #[error("cannot {verb} the journal {path}")]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// The file is not a journal, or one of a later release.
    #[error("{path} is not a journal that this vds knows")]
    Foreign { path: PathBuf },
    /// A record with good ones behind it is bad.
    #[error("the journal {path} is damaged at byte {offset}")]
    Damaged { path: PathBuf, offset: u64 },
    /// The record would be too long.
    #[error("a change of {len} bytes is too large for the journal, whose records have at most {MAX_PAYLOAD}")]
    TooLarge { len: usize },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io { .. } => Kind::Io,
            Self::Damaged { .. } | Self::Foreign { .. } => Kind::Damaged,
            Self::TooLarge { .. } => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if is_full(source) => {
                Some("free some space on the store's disk and try again; nothing was lost".to_owned())
            }
            Self::Io { .. } => None,
            Self::Damaged { .. } | Self::Foreign { .. } => {
                Some("restore the journal from a backup of the store".to_owned())
            }
            Self::TooLarge { .. } => Some("make the change in several steps; nothing was changed".to_owned()),
        }
    }
}
