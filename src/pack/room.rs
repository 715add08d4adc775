//! How much room the store's disk has, and how much of it is not for data.
//!
//! sled does not always open again after its disk was full to the last byte, and a full journal can record nothing. So
//! packs stop growing while there is still room for both.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;

/// What is kept free for the journal, the facts and the index, in bytes.
const RESERVE: u64 = 64 << 20;

/// On small file systems, the part of them that is kept free.
const SHARE: u64 = 16;

/// The file system that a directory lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// How many bytes are free for us.
    pub free: u64,
    /// How many of these are not for data.
    pub reserve: u64,
}

impl Disk {
    /// The disk of `dir`; `None` if its file system does not say.
    pub fn of(dir: &Path) -> Option<Self> {
        let stat = statvfs(dir).ok().filter(|stat| stat.f_blocks > 0)?;
        let size = stat.f_blocks.saturating_mul(stat.f_frsize);
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        Some(Self { free, reserve: RESERVE.min(size / SHARE) })
    }

    /// Fails as a full disk does when only the reserve is left.
    pub(super) fn check(dir: &Path) -> io::Result<()> {
        match Self::of(dir) {
            Some(Self { free, reserve }) if free < reserve => {
                let text =
                    format!("only {free} bytes are free, and {reserve} are kept for the store's records");
                Err(io::Error::new(io::ErrorKind::StorageFull, text))
            }
            _ => Ok(()),
        }
    }
}
