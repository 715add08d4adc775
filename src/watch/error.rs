//! What can go wrong while a directory is watched.

use std::io;
use std::path::PathBuf;

use crate::change;
use crate::fault::{Fault, Kind, fault};
use crate::history;
use crate::ingest;
use crate::ledger;
use crate::object::AccessError;
use crate::snapshot;
use crate::store;

/// A directory could not be watched, or what is in it not committed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// There is no such directory, or no longer.
    #[error("there is no directory {}", .dir.display())]
    Gone { dir: PathBuf },
    /// Another process watches it.
    #[error("{} is being watched by another process", .dir.display())]
    Watched { dir: PathBuf },
    /// The system does not tell of changes.
    #[error("the system does not tell of changes in {}: {reason}", .dir.display())]
    Deaf { dir: PathBuf, reason: String },
    /// Some files could not be read.
    #[error("not all could be committed: {first}")]
    Unread { first: String },
    /// The place that says who watches could not be made.
    #[error("cannot lock {}", .path.display())]
    Lock { path: PathBuf, source: io::Error },
    /// The files could not be read.
    #[error(transparent)]
    Ingest(#[from] ingest::Error),
    /// The change failed.
    #[error(transparent)]
    Change(#[from] change::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A snapshot failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Whether it may be over the next time that is looked.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.kind(), Kind::Busy | Kind::Io)
            || matches!(self, Self::Change(change::Error::Conflict { .. }))
    }
}

fault! {
    Error passes on Ingest, Change, History, Ledger, Snapshot, Object, Store;
    kind {
        Self::Gone { .. } => Kind::NotFound,
        Self::Watched { .. } => Kind::Busy,
        Self::Deaf { .. } | Self::Unread { .. } | Self::Lock { .. } => Kind::Io,
    }
    hint {
        Self::Gone { .. } => Some("make it first; what arrived in it is committed".to_owned()),
        Self::Watched { .. } => Some("end that one first; `ps` shows it".to_owned()),
        Self::Deaf { .. } => Some("`--poll 5s` looks every five seconds instead".to_owned()),
        Self::Unread { .. } => Some(
            "make it readable, or name it in a .vdsignore file; the others are committed".to_owned(),
        ),
        Self::Lock { .. } => Some("you must be allowed to write into the store".to_owned()),
    }
}
