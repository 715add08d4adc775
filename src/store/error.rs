//! Why a store could not be made or opened.

use std::io;
use std::path::PathBuf;

use super::format::{FORMAT, FORMAT_FILE};
use super::opened::DIR_NAME;
use crate::fault::{Fault, Kind, is_full};
use crate::{ledger, marker};

/// A store could not be made or opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// There is no store here or above.
    #[error("there is no store in {} or any directory above it", .start.display())]
    NotFound { start: PathBuf },
    /// The directory that was named is no store.
    #[error("{} is no store", .path.display())]
    NotAStore { path: PathBuf },
    /// A workspace names it, and it is not there.
    #[error("there is no store in {}, which the workspace {} belongs to", .store.display(), .workspace.display())]
    Gone { workspace: PathBuf, store: PathBuf },
    /// A store cannot be made in a workspace's own directory.
    #[error("{} is a workspace", .dir.display())]
    Workspace { dir: PathBuf },
    /// A workspace does not say which store it belongs to.
    #[error(transparent)]
    Marker(#[from] marker::Error),
    /// It has the parts of a store, and nothing says what format they are in.
    #[error("the store {} is damaged: its file {} {reason}", .path.display(), .path.join(FORMAT_FILE).display())]
    Unmarked { path: PathBuf, reason: &'static str },
    /// There is a store already.
    #[error("there is a store in {} already", .path.display())]
    Exists { path: PathBuf },
    /// A later release made it.
    #[error("the store {} has format {found}, and this vds knows formats up to {FORMAT}", .path.display())]
    TooNew { path: PathBuf, found: u32 },
    /// An earlier release made it, and it is to be migrated.
    #[error("the store {} has format {found}, and this vds writes format {FORMAT}", .path.display())]
    TooOld { path: PathBuf, found: u32 },
    /// It is on its way to another format.
    #[error("the store {} is being migrated", .path.display())]
    Migrating { path: PathBuf },
    /// Others use it.
    #[error("other processes use the store {}", .path.display())]
    Busy { path: PathBuf },
    /// Its chunk sizes are not those of this release.
    #[error("the store {} says {line:?} in its format file, which this vds does not know", .path.display())]
    UnknownSetting { path: PathBuf, line: String },
    /// Its journal and facts cannot be made.
    #[error(transparent)]
    Facts(#[from] ledger::Error),
    /// The disk failed.
    #[error("cannot {verb} the store {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound { .. } | Self::NotAStore { .. } | Self::Gone { .. } => Kind::NotFound,
            Self::Exists { .. } | Self::Workspace { .. } => Kind::Usage,
            Self::TooOld { .. } => Kind::Refused,
            Self::Busy { .. } | Self::Migrating { .. } => Kind::Busy,
            Self::Marker(below) => below.kind(),
            Self::Facts(below) => below.kind(),
            Self::Unmarked { .. } | Self::TooNew { .. } | Self::UnknownSetting { .. } => Kind::Damaged,
            Self::Io { .. } => Kind::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { .. } => {
                "`vds init` makes one here; or name one with --store or VDS_STORE".to_owned()
            }
            Self::Gone { workspace, .. } => format!(
                "if it was moved, name its new place with --store, or in {}",
                workspace.join(DIR_NAME).join("workspace").display()
            ),
            Self::Workspace { .. } => {
                "choose another directory, or use the store that it belongs to".to_owned()
            }
            Self::Marker(below) => return below.hint(),
            Self::Facts(below) => return below.hint(),
            Self::NotAStore { path } => format!("`vds init {}` makes one there", path.display()),
            Self::Unmarked { .. } => format!(
                "restore that file from a backup; or write the line `vds {FORMAT}` into it, unless a later vds made the store"
            ),
            Self::Exists { .. } => "use it, or choose another directory".to_owned(),
            Self::TooOld { .. } => {
                "`vds migrate --dry-run` says what is to be done; no earlier vds can use it after that"
                    .to_owned()
            }
            Self::Migrating { .. } => {
                "wait until that has ended; where it was interrupted, give `vds migrate` again, of the same vds"
                    .to_owned()
            }
            Self::Busy { .. } => "wait for them, or give --lock-timeout a longer time".to_owned(),
            Self::TooNew { .. } | Self::UnknownSetting { .. } => {
                "install the vds that made it, or a later one".to_owned()
            }
            Self::Io { source, .. } if is_full(source) => "free some space and try again".to_owned(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "choose a directory that you may write to".to_owned()
            }
            Self::Io { .. } => return None,
        })
    }
}
