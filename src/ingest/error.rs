//! What can go wrong with files that are to be stored.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::amount::bytes;
use crate::content;
use crate::fault::{Kind, fault};
use crate::object::{AccessError, PathError, TreePath};
use crate::pack::Disk;
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
    #[error("{} has a name that is not UTF-8", .path.as_os_str().as_bytes().escape_ascii())]
    NotUtf8 { path: PathBuf },
    /// A name on disk is not a legal path.
    #[error("{} cannot be stored", .path.display())]
    Illegal { path: PathBuf, source: PathError },
    /// A file that says what is to be left out cannot be understood.
    #[error("cannot understand what is to be left out: {reason}")]
    IgnoreFile { reason: String },
    /// What was named is the store itself, or lies in it.
    #[error("{} lies in the store itself", .path.display())]
    Store { path: PathBuf },
    /// Two of the files given would get one path, or one would need the other to be a directory.
    #[error("{} and {} would both become {path}", .first.display(), .second.display())]
    Twice { path: TreePath, first: PathBuf, second: PathBuf },
    /// Only a directory can be what a tree is to be equal to.
    #[error("{} is not a directory, and only that can be mirrored", .path.display())]
    NotMirrored { path: PathBuf },
    /// The files will not fit.
    #[error("the files need about {}; the disk of {} has {} free, and {} are kept free", bytes(*.needed), .place.display(), bytes(.disk.free), bytes(.disk.reserve))]
    NoRoom { place: PathBuf, needed: u64, disk: Disk },
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

impl Error {
    /// The file whose name cannot be a path in a tree, if that is the failure.
    pub fn illegal(&self) -> Option<&Path> {
        match self {
            Self::NotUtf8 { path } | Self::Illegal { path, .. } => Some(path),
            _ => None,
        }
    }
}

fault! {
    Error passes on Tree, Snapshot, Object;
    kind {
        Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => Kind::NotFound,
        Self::Unreadable { .. } | Self::Walk { .. } | Self::Unstable { .. } | Self::NoRoom { .. } => Kind::Io,
        Self::NotUtf8 { .. }
        | Self::Illegal { .. }
        | Self::Special { .. }
        | Self::IgnoreFile { .. }
        | Self::Store { .. }
        | Self::Twice { .. }
        | Self::NotMirrored { .. } => Kind::Usage,
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
            let way = "rename it, or name it in a .vdsignore file to leave it out; nothing was committed";
            Some(way.to_owned())
        }
        Self::IgnoreFile { .. } => Some("correct the line; nothing was committed".to_owned()),
        Self::Store { .. } => Some("name what lies outside the store".to_owned()),
        Self::Twice { .. } => {
            Some("commit them apart, with --to PATH for one of them; nothing was committed".to_owned())
        }
        Self::NotMirrored { .. } => Some("name its directory, or leave out --mirror".to_owned()),
        Self::NoRoom { .. } => {
            Some("free some space, or commit fewer files at a time; `vds config get reserve` tells what is kept free".to_owned())
        }
        Self::Unstable { .. } => {
            Some("commit again when its writer is done; nothing was committed".to_owned())
        }
        Self::Special { .. } => Some("name files, directories, or - for standard input".to_owned()),
        Self::Content { source, .. } => source.hint(),
    }
}
