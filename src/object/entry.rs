//! What a tree says of one file.

use serde::{Deserialize, Serialize};

use super::digest::BlobId;

/// What kind of file a path holds. The numbers are part of the tree format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum FileKind {
    /// An ordinary file.
    File = 0,
    /// A file with its executable bit set.
    Executable = 1,
    /// A symbolic link; its blob is the target's bytes.
    Symlink = 2,
}

impl FileKind {
    /// The kind with this number in the tree format.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::File),
            1 => Some(Self::Executable),
            2 => Some(Self::Symlink),
            _ => None,
        }
    }
}

/// One file in a tree: what it is, its content, and how many bytes that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// What kind of file it is.
    pub kind: FileKind,
    /// The content.
    pub blob: BlobId,
    /// The content's length in bytes.
    pub size: u64,
}
