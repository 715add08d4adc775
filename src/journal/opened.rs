//! An open journal: how far it reaches, and the next record.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::disk::{Disk, Found};
use super::error::Error;
use super::newest::NewestFirst;
use super::record::{CHECK, HEAD, MAX_PAYLOAD, NUMBER, START, Tip, check_of};

/// An open journal, as far as it reached when it was opened or appended to.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<Disk>,
    tip: Tip,
    end: u64,
}

impl Journal {
    /// Opens the journal in the directory `dir`, and makes it if it is not there. A record that was not written to its
    /// end is cut off and kept beside the journal; the next one takes its place.
    ///
    /// Only one process may have it open so; the caller sees to it.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("operations");
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let disk = match opened {
            Ok(file) => Disk { path, file },
            Err(source) => return Err(Error::Io { verb: "open", path, source }),
        };
        let found = disk.find_last()?;
        // A file without its whole head was not made to its end.
        if disk.len()? < START || disk.bytes(0, HEAD.len())? != HEAD {
            let made = disk.file.write_all_at(HEAD, 0).and_then(|()| disk.file.sync_all());
            made.and_then(|()| File::open(dir)?.sync_all()).map_err(|source| disk.fail("make", source))?;
        }
        if found.end < disk.len()? {
            disk.cut_off(found.end)?;
        }
        Ok(Self { disk: Arc::new(disk), tip: found.tip, end: found.end })
    }

    /// Opens the journal in the directory `dir` to read it only, while another process may be appending to it. What
    /// follows the last whole record is left alone.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("operations");
        let disk = match File::open(&path) {
            Ok(file) => Disk { path, file },
            Err(source) => return Err(Error::Io { verb: "open", path, source }),
        };
        let Found { tip, end } = disk.find_last()?;
        Ok(Self { disk: Arc::new(disk), tip, end })
    }

    /// How far it reaches.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// How many bytes it has as far as it is whole.
    #[expect(clippy::len_without_is_empty, reason = "it has its head at least")]
    pub fn len(&self) -> u64 {
        self.end
    }

    /// Copies it as far as it is whole.
    pub fn copy_to(&self, to: &mut dyn Write) -> Result<(), Error> {
        self.disk.copy_to(self.end, to)
    }

    /// How many bytes follow the last whole record: the trace of a write that did not end, or of one that goes on.
    pub fn beyond(&self) -> Result<u64, Error> {
        // A file without its whole head holds nothing.
        Ok(self.disk.len()?.saturating_sub(self.end))
    }

    /// Adds a record; on return it is on disk. After an error it is not there, as far as the disk still obeys.
    pub fn append(&mut self, payload: &[u8]) -> Result<Tip, Error> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::TooLarge { len: payload.len() });
        }
        let number = self.tip.number + 1;
        let check = check_of(&self.tip.check, number, payload);
        let len = u32::try_from(NUMBER + payload.len() + CHECK).unwrap_or(u32::MAX).to_le_bytes();
        let bytes = [&len[..], &number.to_le_bytes(), payload, &check, &len].concat();
        let file = &self.disk.file;
        let appended = file.write_all_at(&bytes, self.end).and_then(|()| file.sync_data());
        if let Err(source) = appended {
            // It may be there whole, and only its sync have failed: who is told that it was not made must not find it made.
            let _ = file.set_len(self.end).and_then(|()| file.sync_data());
            return Err(self.disk.fail("append to", source));
        }
        self.tip = Tip { number, check };
        self.end += bytes.len() as u64;
        Ok(self.tip)
    }

    /// Makes sure that the disk has all records: a process may have been killed when it had written the last one, and not synced it.
    pub fn sync(&self) -> Result<(), Error> {
        self.disk.file.sync_data().map_err(|source| self.disk.fail("sync", source))
    }

    /// The records up to the tip, newest first, each read when it is asked for. What others append meanwhile is not seen.
    pub fn newest_first(&self) -> NewestFirst {
        NewestFirst::new(Arc::clone(&self.disk), self.end)
    }
}

/// How many bytes the journal in `dir` has; 0 if there is none. It grows with each change, so who remembers it sees that there was one.
pub fn length(dir: &Path) -> u64 {
    fs::metadata(dir.join("operations")).map_or(0, |meta| meta.len())
}

/// Whether there is no journal in `dir`, not even an empty one: every store begins with one.
pub fn is_gone(dir: &Path) -> bool {
    length(dir) < START
}

/// Whether there is a journal in `dir` that holds anything.
pub fn exists(dir: &Path) -> bool {
    length(dir) > START
}
