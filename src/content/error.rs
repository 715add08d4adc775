//! What can go wrong with file contents.

use std::io;

use crate::fault::{Kind, fault};
use crate::object::{AccessError, BlobId};

/// A failed operation on a file's content.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The objects under the content failed.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// The chunks are there, but they are not what the blob id promises.
    #[error("the content of blob {blob} is damaged: {reason}")]
    Damaged { blob: BlobId, reason: String },
    /// Reading what is to be stored failed.
    #[error("cannot read the data to store")]
    Source { source: io::Error },
    /// Writing what was stored to its destination failed.
    #[error("cannot write out blob {blob:.12}")]
    Target { blob: BlobId, source: io::Error },
}

fault! {
    Error passes on Object;
    kind {
        Self::Damaged { .. } => Kind::Damaged,
        Self::Source { .. } | Self::Target { .. } => Kind::Io,
    }
    hint {
        Self::Damaged { .. } => Some("restore the store's packs/ directory from a backup".to_owned()),
        Self::Source { .. } | Self::Target { .. } => None,
    }
}
