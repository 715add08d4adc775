//! What the file system says of a file, by which an unchanged one is recognised.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

use crate::object::FileKind;

/// The facts that change when a file does. Times are in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) size: u64,
    modified: i64,
    changed: i64,
    inode: u64,
    device: u64,
    mode: u32,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
        Self {
            size: meta.len(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
            mode: meta.mode(),
        }
    }

    /// Whether a later change would surely have shown: its times lie clearly before `now`, however coarse the clock of
    /// the file system is (4 ms on common kernels).
    pub(super) fn is_settled(&self, now: i64) -> bool {
        const GRAIN: i64 = 10_000_000;
        self.modified.max(self.changed) < now.saturating_sub(GRAIN)
    }

    pub(super) fn kind(&self) -> FileKind {
        if self.mode & 0o100 == 0 { FileKind::File } else { FileKind::Executable }
    }
}
