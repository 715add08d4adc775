//! What can go wrong with files that are to be stored.

use std::io;
use std::path::PathBuf;

use crate::content;
use crate::fault::{Kind, fault};
use crate::object::{AccessError, PathError};
use crate::snapshot;
use crate::tree;

/// A failed reading of files to store. Nothing has been committed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// A file or directory could not be read.
    #[error("cannot read {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The directory could not be walked.
    #[error("cannot walk {}: {reason}", .path.display())]
    Walk { path: PathBuf, reason: String },
    /// A name on disk is not UTF-8.
    #[error("{} has a name that is not UTF-8", .path.display())]
    NotUtf8 { path: PathBuf },
    /// A name on disk is not a legal path.
    #[error("{} cannot be stored", .path.display())]
    Illegal { path: PathBuf, source: PathError },
    /// A file never stood still.
    #[error("{} kept changing while it was read", .path.display())]
    Unstable { path: PathBuf },
    /// What was named is neither a file nor a directory nor a link.
    #[error("{} is neither a file nor a directory", .path.display())]
    Special { path: PathBuf },
    /// The content could not be stored.
    #[error("cannot store {}", .path.display())]
    Content { path: PathBuf, source: content::Error },
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// The tree could not be read.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// The objects could not be looked up.
    #[error(transparent)]
    Object(#[from] AccessError),
}

fault! {
    Error passes on Tree, Snapshot, Object;
    kind {
        Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => Kind::NotFound,
        Self::Unreadable { .. } | Self::Walk { .. } | Self::Unstable { .. } => Kind::Io,
        Self::NotUtf8 { .. } | Self::Illegal { .. } | Self::Special { .. } => Kind::Usage,
        Self::Content { source, .. } => source.kind(),
    }
    hint {
        Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Some("check the path; nothing was committed".to_owned())
        }
        Self::Unreadable { .. } | Self::Walk { .. } => {
            Some("make it readable, or name it in a .vdsignore file; nothing was committed".to_owned())
        }
        Self::NotUtf8 { .. } | Self::Illegal { .. } => {
            Some("rename it, or name it in a .vdsignore file to leave it out".to_owned())
        }
        Self::Unstable { .. } => {
            Some("commit again when its writer is done; nothing was committed".to_owned())
        }
        Self::Special { .. } => Some("name files, directories, or - for standard input".to_owned()),
        Self::Content { source, .. } => source.hint(),
    }
}
