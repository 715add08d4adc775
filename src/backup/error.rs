//! Why a backup could not be made.

use std::io;
use std::path::PathBuf;

use crate::fault::{Kind, fault, is_full};
use crate::object::Digest;
use crate::{backend, journal, ledger};

/// A backup that could not be made. The one that was there before is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Packs could not be listed or kept.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// The directory has something else in it.
    #[error("{} is not empty, and holds no backup", .dir.display())]
    Occupied { dir: PathBuf },
    /// The directory has the backup of another store, or a store that went its own way.
    #[error("{} is not an earlier state of this store", .dir.display())]
    Foreign { dir: PathBuf },
    /// The place is the store's own.
    #[error("{} is this store itself, or in it, and no place for its backup", .place.display())]
    Itself { place: PathBuf },
    /// A pack is not what its name says.
    #[error("the pack {pack} is damaged, and was not copied")]
    Damaged { pack: Digest },
    /// A file of this name is there.
    #[error("{} is there already", .path.display())]
    Exists { path: PathBuf },
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Packs vanished again and again.
    #[error("packs were collected again and again while they were copied")]
    Restless,
}

fault! {
    Error passes on Journal, Ledger, Backend;
    kind {
        Self::Occupied { .. } | Self::Itself { .. } | Self::Exists { .. } => Kind::Usage,
        Self::Foreign { .. } => Kind::Refused,
        Self::Damaged { .. } => Kind::Damaged,
        Self::Io { .. } => Kind::Io,
        Self::Restless => Kind::Busy,
    }
    hint {
        Self::Occupied { .. } => Some("name a new directory, an empty one, or an earlier backup".to_owned()),
        Self::Itself { .. } => Some("name a directory beside it, better on another disk".to_owned()),
        Self::Exists { .. } => Some("name a new file; an archive is not gone on with".to_owned()),
        Self::Foreign { .. } => Some("name a new directory, or the backup of this store".to_owned()),
        Self::Damaged { .. } => Some("`vds verify` tells what that hurts; an earlier backup may have it intact".to_owned()),
        Self::Io { source, .. } if is_full(source) => Some("free some space there and give the command again".to_owned()),
        Self::Io { .. } => Some("choose another place".to_owned()),
        Self::Restless => Some("give the command again".to_owned()),
    }
}
