//! What can go wrong with the ledger.

use std::io;

use crate::fault::{Kind, fault, prevents_writing};
use crate::journal;
use crate::meta;
use crate::object::codec;

/// A failed operation on the ledger.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The small facts failed.
    #[error(transparent)]
    Meta(#[from] meta::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// An operation has a form that this release does not know.
    #[error("cannot read operation {number} of the journal")]
    Operation { number: u64, source: codec::Error },
    /// The change is too large for one operation.
    #[error("this change is too large: one operation holds at most {} MiB", codec::MAX_RECORD >> 20)]
    TooLarge,
    /// The change could not be put into bytes.
    #[error("cannot record this change in the journal")]
    Record { source: codec::Error },
    /// The store may be read only.
    #[error("cannot change the store, which can only be read: {reason}")]
    ReadOnly { reason: String },
    /// The store's disk is full.
    #[error("cannot change the store while its disk is full: {reason}")]
    Full { reason: String },
    /// The facts could not follow an earlier change of this session.
    #[error("nothing more can be changed now: the facts could not follow operation {number}")]
    Behind { number: u64 },
    /// Neither facts nor a journal tell what the packs are.
    #[error("the journal and the facts of this store are lost, and its packs are there")]
    Lost,
    /// The journal is not the one that the facts follow.
    #[error("the store is at odds with itself, and is not changed: {reason}")]
    AtOdds { reason: String },
}

fault! {
    Error passes on Meta, Journal;
    kind {
        Self::Operation { .. } | Self::AtOdds { .. } | Self::Lost | Self::Record { .. } => Kind::Damaged,
        Self::TooLarge => Kind::Usage,
        Self::ReadOnly { .. } | Self::Full { .. } | Self::Behind { .. } => Kind::Io,
    }
    hint {
        Self::Operation { .. } => Some("a later vds may have written it: use that one".to_owned()),
        Self::TooLarge => Some("make it in several smaller steps; nothing was changed".to_owned()),
        Self::Record { .. } => None,
        Self::Behind { .. } => {
            Some("that operation was made, and the next command lets the facts follow; see that the disk has space".to_owned())
        }
        Self::ReadOnly { .. } => Some("you may read this store, but not change it".to_owned()),
        Self::Full { .. } => {
            Some("free some space on the store's disk and try again; nothing was lost".to_owned())
        }
        Self::AtOdds { .. } => Some(
            "`vds rebuild --without-journal` begins a new journal from the facts, which know all that was acknowledged; or restore the newest journal/ from a backup"
                .to_owned(),
        ),
        Self::Lost => Some(
            "restore journal/ from a backup; without one, `vds rebuild --without-journal` finds the commits that the packs have"
                .to_owned(),
        ),
    }
}

impl Error {
    /// What the place said, if it can be read and not written.
    pub(super) fn preventing(&self) -> Option<&io::Error> {
        match self {
            Self::Meta(meta::Error::Io { source, .. }) | Self::Journal(journal::Error::Io { source, .. }) => {
                Some(source).filter(|source| prevents_writing(source))
            }
            _ => None,
        }
    }
}
