//! What can go wrong with an archive.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::amount::bytes;
use crate::content;
use crate::fault::{Fault, Kind};
use crate::object::{PathError, TreePath};
use crate::pack::Disk;

/// A failed reading of an archive. Nothing has been committed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// It could not be opened.
    #[error("cannot open {place}")]
    Unopenable { place: String, source: io::Error },
    /// It could not be read to its end.
    #[error("cannot read {place} to its end")]
    Broken { place: String, source: io::Error },
    /// It is something else.
    #[error("{place} is no tar, zip, gz or zst archive{}", .looks.map(|looks| format!(": it looks like {looks}")).unwrap_or_default())]
    Unknown { place: String, looks: Option<&'static str> },
    /// It is not a tar, which alone can come without a name.
    #[error("standard input is no tar archive, but {what}")]
    NotPiped { what: &'static str },
    /// There is nothing in it.
    #[error("{place} holds no files")]
    Empty { place: String },
    /// A member cannot be stored, or must not be.
    #[error("{member:?} cannot be imported: {why}")]
    Member { member: String, why: Why },
    /// Two members claim one bit of the archive.
    #[error("members of {place} overlap each other, as in archives that are made to do harm")]
    Overlap { place: String },
    /// The members will not fit.
    #[error("the archive needs about {}; the disk of {} has {} free, and {} are kept free", bytes(*.needed), .place.display(), bytes(.disk.free), bytes(.disk.reserve))]
    NoRoom { place: PathBuf, needed: u64, disk: Disk },
    /// A member's content could not be stored.
    #[error("cannot store {member:?}")]
    Content { member: String, source: content::Error },
}

/// Why a member is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Its name begins with a slash.
    Absolute,
    /// Its name leads out of the archive.
    Outside,
    /// Its name is not UTF-8.
    NotUtf8,
    /// No path in a tree is like this.
    Illegal(PathError),
    /// The link leads out of the archive.
    LinkOutside(String),
    /// The hard link is to a file that did not come before it.
    NoTarget(String),
    /// It is a file, and the name of a directory in which others are.
    AlsoDirectory(TreePath),
    /// It is no file, directory or link.
    Special(&'static str),
    /// It is encrypted.
    Encrypted,
    /// It is stored in a way that is not understood.
    Method(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute => write!(f, "its name is absolute"),
            Self::Outside => write!(f, "its name leads out of the archive"),
            Self::NotUtf8 => write!(f, "its name is not UTF-8"),
            Self::Illegal(error) => write!(f, "{}", error.reason),
            Self::LinkOutside(to) => write!(f, "it is a link to {to:?}, out of the archive"),
            Self::NoTarget(to) => write!(f, "it is a hard link to {to:?}, which is no file before it"),
            Self::AlsoDirectory(below) => write!(f, "it is a file, and {below} would lie in it"),
            Self::Special(what) => write!(f, "it is {what}"),
            Self::Encrypted => write!(f, "it is encrypted"),
            Self::Method(how) => write!(f, "it is stored in a way that vds does not read ({how})"),
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Unopenable { source, .. } if source.kind() == io::ErrorKind::NotFound => Kind::NotFound,
            Self::Unopenable { .. } | Self::Broken { .. } | Self::NoRoom { .. } => Kind::Io,
            Self::Unknown { .. }
            | Self::NotPiped { .. }
            | Self::Empty { .. }
            | Self::Overlap { .. }
            | Self::Member { .. } => Kind::Usage,
            Self::Content { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unopenable { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
                Some("a directory is put on a branch with `vds commit`".to_owned())
            }
            Self::Unopenable { .. } => Some("check the path; nothing was committed".to_owned()),
            Self::Broken { .. } => Some("fetch it again; nothing was committed".to_owned()),
            Self::Unknown { looks: Some(_), .. } => {
                let way =
                    "let its own program turn it into a tar, as in `xz -dc ARCHIVE | vds import REPO -`";
                Some(way.to_owned())
            }
            Self::Unknown { .. } => Some("a plain file is put on a branch with `vds commit`".to_owned()),
            Self::NotPiped { .. } => {
                Some("name the archive; a tar may come through a pipe, also compressed".to_owned())
            }
            Self::Empty { .. } => Some("see whether it came whole; nothing was committed".to_owned()),
            Self::Overlap { .. } => {
                Some("do not trust where it comes from; nothing was committed".to_owned())
            }
            Self::NoRoom { .. } => {
                Some("free some space; `vds config get reserve` tells what is kept free".to_owned())
            }
            Self::Member { .. } => {
                let way = "unpack it with a program that you trust, and commit the directory; nothing was committed";
                Some(way.to_owned())
            }
            Self::Content { source, .. } => source.hint(),
        }
    }
}
