//! What can stop a verification. What it finds is a value, not an error.

use std::io;
use std::path::PathBuf;

use crate::backend;
use crate::fault::{Kind, fault};
use crate::history;
use crate::ledger;
use crate::object::AccessError;

/// A verification that could not be made.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The journal or the facts could not be read.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The packs could not be listed.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// What was found could not be looked up.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// What was named is not there.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A file of the store's could not be read or written.
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// None was begun that could go on.
    #[error("no verification was interrupted that could go on")]
    NothingToResume,
}

fault! {
    Error passes on Ledger, Backend, Object, History;
    kind {
        Self::Io { .. } => Kind::Io,
        Self::NothingToResume => Kind::NotFound,
    }
    hint {
        Self::Io { .. } => None,
        Self::NothingToResume => Some("`vds verify` begins a new one".to_owned()),
    }
}
