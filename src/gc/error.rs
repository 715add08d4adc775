//! What can go wrong with a collection. It ends, and nothing that is needed is gone.

use std::io;

use crate::fault::{Kind, fault, is_full, prevents_writing};
use crate::object::AccessError;
use crate::{history, ledger, pipeline, reach, store, workspace};

/// A failed collection.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Another process collects.
    #[error("another process collects in this store")]
    Busy,
    /// The journal knows of nothing, and there are packs.
    #[error("no operation of this store is known, so all of its packs would go")]
    Nothing,
    /// A temporary file or a lock failed.
    #[error("cannot {verb} to collect what is not needed")]
    Io { verb: &'static str, source: io::Error },
    /// What is needed could not be found out.
    #[error(transparent)]
    Reach(#[from] reach::Error),
    /// An object could not be read or written.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// What is old of jobs and results could not be found out.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The store could not be used any more.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The workspaces of the store could not be told.
    #[error(transparent)]
    Workspace(#[from] workspace::Error),
}

fault! {
    Error passes on Reach, Object, Ledger, History, Pipeline, Store, Workspace;
    kind {
        Self::Busy => Kind::Busy,
        Self::Nothing => Kind::Damaged,
        Self::Io { .. } => Kind::Io,
    }
    hint {
        Self::Nothing => Some(
            "restore journal/ from a backup, or `vds rebuild --without-journal` finds the commits that the packs have; if nothing is to be kept, delete the directory".to_owned(),
        ),
        Self::Busy => Some("wait until it has ended, and try again if there is more to do".to_owned()),
        Self::Io { source, .. } if is_full(source) => Some("free some space; nothing was lost".to_owned()),
        Self::Io { source, .. } if prevents_writing(source) => {
            Some("you may read this store, but not change it".to_owned())
        }
        Self::Io { .. } => None,
    }
}
