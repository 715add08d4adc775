//! The append-only record of operations: the point at which a change is made for good.
//!
//! One file: `vdsjrnl` and version 1 (8 bytes), then records. A record is its length (u32), its number (u64, from 1), its
//! payload, 16 bytes of checksum, and the length again, little-endian; the length counts number, payload and checksum.
//! The checksum is the start of the BLAKE3 of the checksum before (zeros for the first), the number and the payload, so a
//! record in the wrong place is noticed as well. The length at the end lets the newest record be found without reading the
//! others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fault::{Fault, Kind, forbids_writing};
use crate::object::codec::MAX_RECORD;

const HEAD: &[u8; 8] = b"vdsjrnl\x01";
/// Where the first record begins.
const START: u64 = HEAD.len() as u64;
const CHECK: usize = 16;
const NUMBER: usize = 8;
const LENGTH: usize = 4;
/// What a record has besides its payload.
const FRAME: usize = 2 * LENGTH + NUMBER + CHECK;

/// The largest payload, in bytes: the largest record there is, with its version byte.
#[expect(clippy::cast_possible_truncation, reason = "64 MiB fit any usize")]
pub const MAX_PAYLOAD: usize = MAX_RECORD as usize + 1;

/// A failed operation on the journal.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The file failed.
    #[error("cannot {verb} the journal {path}")]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// The file is not a journal, or one of a later release.
    #[error("{path} is not a journal that this vds knows")]
    Foreign { path: PathBuf },
    /// A record with good ones behind it is bad.
    #[error("the journal {path} is damaged at byte {offset}")]
    Damaged { path: PathBuf, offset: u64 },
    /// The record would be too long.
    #[error("a change of {len} bytes is too large for the journal, whose records have at most {MAX_PAYLOAD}")]
    TooLarge { len: usize },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io { .. } => Kind::Io,
            Self::Damaged { .. } | Self::Foreign { .. } => Kind::Damaged,
            Self::TooLarge { .. } => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space on the store's disk and try again; nothing was lost".to_owned())
            }
            Self::Io { .. } => None,
            Self::Damaged { .. } | Self::Foreign { .. } => {
                Some("restore the journal from a backup of the store".to_owned())
            }
            Self::TooLarge { .. } => Some("make the change in several steps; nothing was changed".to_owned()),
        }
    }
}

impl Error {
    /// Whether the journal failed because it may not be written.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Io { source, .. } if forbids_writing(source))
    }
}

/// One record, with where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, counted from 1.
    pub number: u64,
    /// What was recorded.
    pub payload: Vec<u8>,
    /// Its checksum, which covers all records up to it.
    pub check: [u8; CHECK],
    start: u64,
}

impl Record {
    fn end(&self) -> u64 {
        self.start + (FRAME + self.payload.len()) as u64
    }

    fn tip(&self) -> Tip {
        Tip { number: self.number, check: self.check }
    }

    /// Whether it is whole and comes next after `before`.
    fn follows(&self, before: Tip) -> bool {
        self.number == before.number + 1 && check_of(&before.check, self.number, &self.payload) == self.check
    }
}

/// A point in a journal: all records up to a number. Equal tips have equal records below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tip {
    /// The number of the last record; 0 when there is none.
    pub number: u64,
    /// Its checksum; zeros when there is none.
    pub check: [u8; CHECK],
}

fn check_of(before: &[u8; CHECK], number: u64, payload: &[u8]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(&number.to_le_bytes()).update(payload);
    let mut check = [0; CHECK];
    hasher.finalize_xof().fill(&mut check);
    check
}

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
        if disk.len()? < START {
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

    /// Adds a record; on return it is on disk. After an error the journal must be opened anew.
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
        appended.map_err(|source| self.disk.fail("append to", source))?;
        self.tip = Tip { number, check };
        self.end += bytes.len() as u64;
        Ok(self.tip)
    }

    /// The records up to the tip, newest first, each read when it is asked for. What others append meanwhile is not seen.
    pub fn newest_first(&self) -> NewestFirst {
        NewestFirst { disk: Arc::clone(&self.disk), end: self.end, ahead: None }
    }
}

/// How far a journal is good.
struct Found {
    tip: Tip,
    end: u64,
}

/// The file.
#[derive(Debug)]
struct Disk {
    path: PathBuf,
    file: File,
}

impl Disk {
    fn fail(&self, verb: &'static str, source: io::Error) -> Error {
        Error::Io { verb, path: self.path.clone(), source }
    }

    fn damaged(&self, offset: u64) -> Error {
        Error::Damaged { path: self.path.clone(), offset }
    }

    fn len(&self) -> Result<u64, Error> {
        self.file.metadata().map(|meta| meta.len()).map_err(|source| self.fail("read", source))
    }

    fn bytes(&self, start: u64, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, start).map_err(|source| self.fail("read", source))?;
        Ok(bytes)
    }

    fn length_at(&self, at: u64) -> Result<Option<u64>, Error> {
        let len = self.bytes(at, LENGTH)?.try_into().map_or(0, u32::from_le_bytes);
        let sane = (NUMBER + CHECK..=NUMBER + CHECK + MAX_PAYLOAD).contains(&(len as usize));
        Ok(sane.then_some(u64::from(len)))
    }

    /// The record that ends at `end`, if there is a well-formed one; its checksum is not looked at.
    fn ending_at(&self, end: u64) -> Result<Option<Record>, Error> {
        if end < START + FRAME as u64 {
            return Ok(None);
        }
        let Some(len) = self.length_at(end - LENGTH as u64)? else { return Ok(None) };
        match end.checked_sub(len + 2 * LENGTH as u64).filter(|start| *start >= START) {
            Some(start) => Ok(self.starting_at(start, end)?.filter(|record| record.end() == end)),
            None => Ok(None),
        }
    }

    /// The record that starts at `start` and lies within `end`; its checksum is not looked at.
    fn starting_at(&self, start: u64, end: u64) -> Result<Option<Record>, Error> {
        if start + LENGTH as u64 > end {
            return Ok(None);
        }
        let Some(len) = self.length_at(start)? else { return Ok(None) };
        if start + len + 2 * LENGTH as u64 > end {
            return Ok(None);
        }
        let body = self.bytes(start + LENGTH as u64, usize::try_from(len).unwrap_or(0) + LENGTH)?;
        Ok(parse(&body, start).filter(|record| (record.end() - start - 2 * LENGTH as u64) == len))
    }

    /// Finds the last good record. Anything behind it is the trace of a write that did not end.
    fn find_last(&self) -> Result<Found, Error> {
        let end = self.len()?;
        let nothing = Found { tip: Tip::default(), end: START };
        if end <= START {
            return if HEAD.starts_with(&self.bytes(0, usize::try_from(end).unwrap_or(0))?) {
                Ok(nothing)
            } else {
                Err(Error::Foreign { path: self.path.clone() })
            };
        }
        if self.bytes(0, HEAD.len())? != HEAD {
            return Err(Error::Foreign { path: self.path.clone() });
        }
        if let Some(record) = self.ending_at(end)?
            && self.is_good(&record)?
        {
            return Ok(Found { tip: record.tip(), end });
        }
        let mut found = nothing;
        while let Some(record) = self.starting_at(found.end, end)?.filter(|record| record.follows(found.tip))
        {
            found = Found { tip: record.tip(), end: record.end() };
        }
        // A complete record somewhere behind the bad one: then it is damage and not a torn tail.
        match self.ending_at(end)? {
            Some(last) if last.start > found.end && last.number > 1 => Err(self.damaged(found.end)),
            _ => Ok(found),
        }
    }

    fn is_good(&self, record: &Record) -> Result<bool, Error> {
        let before = self.ending_at(record.start)?.map(|before| before.tip());
        let first = record.start == START;
        Ok(before.is_none() == first && record.follows(before.unwrap_or_default()))
    }

    /// Cuts off what begins at `at`, and keeps it beside the journal.
    fn cut_off(&self, at: u64) -> Result<(), Error> {
        let tail = self.bytes(at, usize::try_from(self.len()?.saturating_sub(at)).unwrap_or(0))?;
        let aside = self.path.with_extension(format!("torn-{at}"));
        let kept =
            File::create(&aside).and_then(|mut file| file.write_all(&tail).and_then(|()| file.sync_all()));
        kept.and_then(|()| self.file.set_len(at)).map_err(|source| self.fail("mend", source))?;
        tracing::warn!(bytes = tail.len(), kept = %aside.display(), "cut off an unfinished record of the journal");
        Ok(())
    }
}

/// The record whose parts after the first length are `body`, if the lengths at both ends agree.
fn parse(body: &[u8], start: u64) -> Option<Record> {
    let len = u32::try_from(body.len().checked_sub(LENGTH)?).ok()?;
    let (number, rest) = body.split_first_chunk::<NUMBER>()?;
    let (rest, again) = rest.split_last_chunk::<LENGTH>()?;
    let (payload, check) = rest.split_last_chunk::<CHECK>()?;
    (u32::from_le_bytes(*again) == len).then_some(())?;
    Some(Record { number: u64::from_le_bytes(*number), payload: payload.to_vec(), check: *check, start })
}

/// The records of a journal, newest first. At most two are in memory at a time.
#[derive(Debug)]
pub struct NewestFirst {
    disk: Arc<Disk>,
    /// Where the next one ends.
    end: u64,
    /// The next one, if it was read already.
    ahead: Option<Record>,
}

impl NewestFirst {
    fn step(&mut self) -> Result<Option<Record>, Error> {
        if self.end <= START {
            return Ok(None);
        }
        let damaged = |at: u64| self.disk.damaged(at);
        let record = match self.ahead.take() {
            Some(record) => record,
            None => self.disk.ending_at(self.end)?.ok_or_else(|| damaged(self.end))?,
        };
        self.ahead = self.disk.ending_at(record.start)?;
        let before = self.ahead.as_ref().map(Record::tip);
        let linked =
            before.is_none() == (record.start == START) && record.follows(before.unwrap_or_default());
        if !linked {
            return Err(damaged(record.start));
        }
        self.end = record.start;
        Ok(Some(record))
    }
}

impl Iterator for NewestFirst {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            // What lies before a bad record is not told as if nothing was missing.
            self.end = START;
        }
        step.transpose()
    }
}

/// Whether there is a journal in `dir` that holds anything.
pub fn exists(dir: &Path) -> bool {
    fs::metadata(dir.join("operations")).is_ok_and(|meta| meta.len() > START)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(journal: &Journal) -> Vec<Vec<u8>> {
        let mut payloads: Vec<_> = journal.newest_first().map(|record| record.unwrap().payload).collect();
        payloads.reverse();
        payloads
    }

    fn written(count: u8) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        for n in 0..count {
            assert_eq!(journal.append(&vec![n; usize::from(n) * 3]).unwrap().number, u64::from(n) + 1);
        }
        let path = dir.path().join("operations");
        (dir, path)
    }

    #[test]
    fn records_come_back_in_order() {
        let (dir, _) = written(5);
        let journal = Journal::open(dir.path()).unwrap();
        assert_eq!(payloads(&journal), (0..5_u8).map(|n| vec![n; usize::from(n) * 3]).collect::<Vec<_>>());
        assert_eq!(journal.newest_first().map(|r| r.unwrap().number).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_torn_tail_is_cut_wherever_it_tore() {
        let (_dir, path) = written(4);
        let whole = fs::read(&path).unwrap();
        let last = FRAME + 9;
        for cut in 1..last {
            let (dir, path) = written(4);
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            // A reader, who may come while the writer is at it, leaves the tail alone.
            assert_eq!(Journal::read(dir.path()).unwrap().tip().number, 3, "cut {cut}");
            assert_eq!(fs::read(&path).unwrap(), whole[..whole.len() - cut]);
            let mut journal = Journal::open(dir.path()).unwrap();
            assert_eq!(journal.tip().number, 3, "cut {cut}");
            assert_eq!(journal.append(b"again").unwrap().number, 4);
            assert_eq!(payloads(&Journal::open(dir.path()).unwrap()).last().unwrap(), b"again");
        }
    }

    #[test]
    fn a_bad_bit_before_the_tail_is_damage() {
        let (_dir, path) = written(4);
        let whole = fs::read(&path).unwrap();
        let last = FRAME + 9;
        for at in 0..whole.len() - last {
            let (dir, path) = written(4);
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, &damaged).unwrap();
            let read: Result<Vec<_>, _> =
                Journal::open(dir.path()).and_then(|journal| journal.newest_first().collect());
            let noticed = match read {
                Err(Error::Foreign { .. }) => at < HEAD.len(),
                Err(Error::Damaged { .. }) => at >= HEAD.len(),
                _ => false,
            };
            assert!(noticed, "byte {at}: {read:?}");
        }
    }

    #[test]
    fn a_journal_that_was_not_made_to_its_end_is_made_again() {
        for len in 0..=HEAD.len() {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("operations"), &HEAD[..len]).unwrap();
            assert_eq!(Journal::read(dir.path()).unwrap().tip(), Tip::default());
            assert_eq!(Journal::open(dir.path()).unwrap().append(b"first").unwrap().number, 1);
            assert_eq!(payloads(&Journal::read(dir.path()).unwrap()), [b"first"]);
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("operations"), b"a text").unwrap();
        assert!(matches!(Journal::open(dir.path()), Err(Error::Foreign { .. })));
        assert_eq!(fs::read(dir.path().join("operations")).unwrap(), b"a text");
    }

    #[test]
    fn what_is_appended_meanwhile_does_not_disturb_a_reading() {
        let (dir, path) = written(5);
        let mut reading = Journal::read(dir.path()).unwrap().newest_first();
        assert_eq!(reading.next().unwrap().unwrap().number, 5);
        Journal::open(dir.path()).unwrap().append(b"more").unwrap();
        // A record that is only half written, and the mending of it.
        OpenOptions::new().append(true).open(&path).unwrap().write_all(&[9, 0, 0]).unwrap();
        assert_eq!(reading.next().unwrap().unwrap().number, 4);
        assert_eq!(Journal::read(dir.path()).unwrap().tip().number, 6);
        Journal::open(dir.path()).unwrap();
        assert_eq!(reading.map(|record| record.unwrap().number).collect::<Vec<_>>(), [3, 2, 1]);
    }

    #[test]
    fn the_bytes_of_a_journal_never_change() {
        let (_dir, path) = written(3);
        let hex: String = fs::read(path).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, include_str!("object/golden/journal-v1.hex").trim());
    }
}
