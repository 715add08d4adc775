//! What can go wrong with a look at what a store takes.

use std::io;
use std::path::PathBuf;

use crate::fault::{Kind, fault};
use crate::object::AccessError;
use crate::{history, ledger, reach, tree};

/// A failed look at what a store takes. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// A directory of the store could not be looked at.
    #[error("cannot look at {}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// The index failed.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// What is kept could not be followed.
    #[error(transparent)]
    Reach(#[from] reach::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

fault! {
    Error passes on History, Tree, Object, Reach, Ledger;
    kind {
        Self::Io { .. } => Kind::Io,
    }
    hint {
        Self::Io { .. } => Some("see who may read the store's directory".to_owned()),
    }
}
