//! What can go wrong with a checkout.

use std::io;
use std::path::PathBuf;

use crate::content;
use crate::fault::{Fault, Kind};
use crate::object::TreePath;

/// A failed checkout.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Files are in the way that hold something else.
    #[error("{count} {} in {} would be overwritten, such as {first}", if *.count == 1 { "file" } else { "files" }, .dir.display())]
    InTheWay { dir: PathBuf, count: usize, first: String },
    /// A link on disk leads out of the directory.
    #[error("{} is a link, and nothing is written through links", .path.display())]
    ThroughLink { path: PathBuf },
    /// The directory belongs to a store.
    #[error("{} belongs to a store", .dir.display())]
    Store { dir: PathBuf },
    /// The tree has two files of one name, or a file where it has a directory.
    #[error("the tree holds {first} and {second}, which cannot both be written")]
    Clash { first: TreePath, second: TreePath },
    /// The file system takes two names for one.
    #[error("{} does not tell {first} from {second}", .dir.display())]
    SameName { dir: PathBuf, first: String, second: String },
    /// The files do not fit.
    #[error("the files need {needed} bytes, and {} has {free} free", .dir.display())]
    NoRoom { dir: PathBuf, needed: u64, free: u64 },
    /// The tree says another size than the content has.
    #[error("the tree says that {path} has {said} bytes, and it has {found}")]
    Size { path: TreePath, said: u64, found: u64 },
    /// The disk failed.
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// The content could not be read.
    #[error("cannot write {}", .path.display())]
    Content { path: PathBuf, source: content::Error },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::InTheWay { .. } | Self::SameName { .. } => Kind::Refused,
            Self::ThroughLink { .. } | Self::Store { .. } => Kind::Usage,
            Self::Clash { .. } | Self::Size { .. } => Kind::Damaged,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => Kind::Usage,
            Self::NoRoom { .. } | Self::Io { .. } => Kind::Io,
            Self::Content { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        let words = match self {
            Self::InTheWay { .. } => "choose an empty directory, or give --force; nothing was written",
            Self::ThroughLink { .. } => "remove the link, or choose another directory; nothing was written",
            Self::Store { .. } => "choose a directory outside the store",
            Self::Clash { .. } | Self::Size { .. } => "do not use this commit; it was not made by vds",
            Self::SameName { .. } => {
                "choose a directory on another file system, or name one of them after --; nothing was written"
            }
            Self::NoRoom { .. } => "free some space, or name fewer paths after --; nothing was written",
            Self::Io { source, .. } if crate::fault::is_full(source) => {
                "free some space and run the same command again; the files that are there are whole"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
                "choose a directory, or a name that is free; nothing was written"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::InvalidFilename => {
                "choose a directory with a shorter path, or another file system"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "somebody else wrote it just now; run the same command again"
            }
            Self::Io { .. } => "mend that and run the same command again; the files that are there are whole",
            Self::Content { source, .. } => return source.hint(),
        };
        Some(words.to_owned())
    }
}
