//! What can stop a repair.

use std::io;
use std::path::PathBuf;

use crate::backend;
use crate::fault::{Kind, fault, is_full};
use crate::history;
use crate::ledger;
use crate::object::AccessError;
use crate::verify;

/// A repair that could not be made, or not to its end. It can be given again.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// What is damaged could not be told.
    #[error(transparent)]
    Verify(#[from] verify::Error),
    /// The journal or the facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Packs failed.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// An object failed.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A file of the store's failed.
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// The journal is not whole, and what follows from it would not be either.
    #[error("the journal cannot be used: {reason}")]
    Journal { reason: String },
}

fault! {
    Error passes on Verify, Ledger, Backend, Object, History;
    kind {
        Self::Io { .. } => Kind::Io,
        Self::Journal { .. } => Kind::Damaged,
    }
    hint {
        Self::Io { source, .. } if is_full(source) => Some("free some space and give the command again".to_owned()),
        Self::Io { .. } => Some("see that the store can be written, and give the command again".to_owned()),
        Self::Journal { .. } => Some(
            "restore it from a backup; or `vds rebuild --without-journal` begins a new one with what is known".to_owned(),
        ),
    }
}
