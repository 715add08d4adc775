//! How much room the store's disk has, and how much of it is not for data.
//!
//! sled does not always open again after its disk was full to the last byte, and a full journal can record nothing. So
//! packs stop growing while there is still room for both.

use std::path::Path;

use rustix::fs::statvfs;

use crate::backend;
use crate::setting::Reserve;

/// The file system that a directory lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// How many bytes it has.
    pub size: u64,
    /// How many are free for us.
    pub free: u64,
    /// How many of these are not for data.
    pub reserve: u64,
}

impl Disk {
    /// The disk of `dir`, on which `reserve` is kept free; `None` if its file system does not say.
    pub fn of(dir: &Path, reserve: Reserve) -> Option<Self> {
        let stat = statvfs(dir).ok().filter(|stat| stat.f_blocks > 0)?;
        let size = stat.f_blocks.saturating_mul(stat.f_frsize);
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        Some(Self { size, free, reserve: reserve.on(size) })
    }

    /// Whether so many bytes fit without what is kept free.
    pub fn has_room_for(self, bytes: u64) -> bool {
        bytes.saturating_add(self.reserve) <= self.free
    }

    /// Fails when only the reserve is left.
    pub(super) fn check(dir: &Path, reserve: Reserve) -> Result<(), backend::Error> {
        match Self::of(dir, reserve) {
            Some(Self { free, reserve, .. }) if free < reserve => {
                Err(backend::Error::NoRoom { place: dir.display().to_string(), free, reserve })
            }
            _ => Ok(()),
        }
    }
}
