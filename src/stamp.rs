//! What the file system says of a file, by which an unchanged one is recognised without being read.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::Stat;
use serde::{Deserialize, Serialize};

use crate::object::FileKind;
use crate::owner::Tmp;

/// How coarse the clock of a file system may be, in nanoseconds: 4 ms on common kernels.
const GRAIN: i64 = 10_000_000;

/// The same for file systems that count whole seconds (FAT: two), and for those whose clock need not be ours.
const COARSE: i64 = 2_000_000_000;

const SECOND: i64 = 1_000_000_000;

/// The facts that change when a file does. Times are in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The file's length in bytes.
    pub size: u64,
    modified: i64,
    changed: i64,
    inode: u64,
    device: u64,
    mode: u32,
}

/// What the time was when files began to be looked at, by the clock that stamps files: not the system's, which a file
/// server need not share.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    now: i64,
    device: Option<u64>,
}

impl Begun {
    /// Now, by the file system of `tmp`; by the system's clock where nothing can be written.
    pub fn now(tmp: Option<&Tmp>) -> Self {
        tmp.and_then(|tmp| Self::by_file_system(tmp).ok()).unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
            let now = now.and_then(|now| i64::try_from(now.as_nanos()).ok()).unwrap_or(0);
            Self { now, device: None }
        })
    }

    fn by_file_system(tmp: &Tmp) -> io::Result<Self> {
        let path = tmp.path()?;
        let stamp = Stamp::of(&File::create(&path)?.metadata()?);
        fs::remove_file(path)?;
        Ok(Self { now: stamp.modified, device: Some(stamp.device) })
    }
}

impl Stamp {
    /// How many bytes [`Self::to_bytes`] gives.
    pub const LEN: usize = 44;

    /// What `meta` says.
    pub fn of(meta: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(SECOND).saturating_add(nanos);
        Self {
            size: meta.len(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
            mode: meta.mode(),
        }
    }

    /// The same from the system's own form.
    pub fn of_stat(stat: &Stat) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(SECOND).saturating_add(nanos);
        Self {
            size: number(stat.st_size),
            modified: nanos(number(stat.st_mtime), number(stat.st_mtime_nsec)),
            changed: nanos(number(stat.st_ctime), number(stat.st_ctime_nsec)),
            inode: number(stat.st_ino),
            device: number(stat.st_dev),
            mode: number(stat.st_mode),
        }
    }

    /// The stamp as 44 bytes, little-endian, in the order of its fields.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let words =
            [self.size, self.modified.cast_unsigned(), self.changed.cast_unsigned(), self.inode, self.device];
        let words = words.into_iter().flat_map(u64::to_le_bytes).chain(self.mode.to_le_bytes());
        bytes.iter_mut().zip(words).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Whether a change after `begun` would surely have shown: the file's times lie before it by more than the grain of
    /// the clock (git calls a file for which this does not hold "racy").
    pub fn is_settled(&self, begun: Begun) -> bool {
        let coarse = self.modified % SECOND == 0 && self.changed % SECOND == 0;
        let foreign = begun.device.is_some_and(|device| device != self.device);
        let grain = if coarse || foreign { COARSE } else { GRAIN };
        self.modified.max(self.changed) < begun.now.saturating_sub(grain)
    }

    /// Whether `other` is this file with this content, though it may have another name by now.
    pub fn is_same_file(&self, other: &Self) -> bool {
        Self { changed: other.changed, ..*self } == *other
    }

    /// What kind of file it is, if it is no link.
    pub fn kind(&self) -> FileKind {
        if self.mode & 0o100 == 0 { FileKind::File } else { FileKind::Executable }
    }
}

/// A number of the system, whose types differ from one system to the next.
fn number<From: TryInto<To>, To: Default>(number: From) -> To {
    number.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_system_give_one_stamp() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stamp = Stamp::of(&fs::metadata(file.path()).unwrap());
        assert_eq!(Stamp::of_stat(&rustix::fs::stat(file.path()).unwrap()), stamp);
        assert_eq!(stamp.to_bytes().len(), Stamp::LEN);
    }

    #[test]
    fn a_change_within_the_grain_of_the_clock_is_not_trusted() {
        let stamp = |modified, changed| Stamp { size: 1, modified, changed, inode: 1, device: 1, mode: 0 };
        let begun = |now| Begun { now, device: Some(1) };
        let odd = 7 * SECOND + 5;
        assert!(stamp(odd, odd).is_settled(begun(odd + GRAIN + 1)));
        assert!(!stamp(odd, odd).is_settled(begun(odd + GRAIN)));
        // A time that was set back shows in the other one; one in the future is never trusted.
        assert!(!stamp(5, odd).is_settled(begun(odd)));
        assert!(!stamp(odd + 100 * SECOND, odd).is_settled(begun(odd + SECOND)));
        // Whole seconds come from a coarse clock, another device may have another clock.
        assert!(!stamp(SECOND, SECOND).is_settled(begun(2 * SECOND)));
        assert!(stamp(SECOND, SECOND).is_settled(begun(4 * SECOND)));
        assert!(!stamp(odd, odd).is_settled(Begun { now: odd + SECOND, device: Some(2) }));
    }
}
