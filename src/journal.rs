//! The append-only record of operations: the point at which a change is made for good.
//!
//! One file of records. A record is its length (u32), its number (u64, from 1), its payload, 16 bytes of checksum, and
//! the length again, little-endian; the length counts number, payload and checksum. The checksum is the start of the
//! BLAKE3 of the checksum before, the number and the payload, so a record in the wrong place is noticed as well. The
//! length at the end lets the newest record be found without reading the others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, Kind};

const CHECK: usize = 16;
const NUMBER: usize = 8;
const LENGTH: usize = 4;

/// The largest payload, in bytes.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// A failed operation on the journal.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The file failed.
    #[error("cannot {verb} the journal {path}")]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// A record with good ones behind it is bad.
    #[error("the journal {path} is damaged at byte {offset}")]
    Damaged { path: PathBuf, offset: u64 },
    /// The record would be too long.
    #[error("a change of {len} bytes is too large for the journal")]
    TooLarge { len: usize },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io { .. } => Kind::Io,
            Self::Damaged { .. } => Kind::Damaged,
            Self::TooLarge { .. } => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space on the store's disk and try again; nothing was lost".to_owned())
            }
            Self::Io { .. } => None,
            Self::Damaged { .. } => Some("restore the journal from a backup of the store".to_owned()),
            Self::TooLarge { .. } => Some("make the change in several steps".to_owned()),
        }
    }
}

/// One record, with where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, counted from 1.
    pub number: u64,
    /// What was recorded.
    pub payload: Vec<u8>,
    check: [u8; CHECK],
    start: u64,
}

impl Record {
    fn end(&self) -> u64 {
        self.start + (2 * LENGTH + NUMBER + CHECK + self.payload.len()) as u64
    }
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    last: Option<Record>,
}

fn check_of(before: &[u8; CHECK], number: u64, payload: &[u8]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(&number.to_le_bytes()).update(payload);
    let mut check = [0; CHECK];
    hasher.finalize_xof().fill(&mut check);
    check
}

impl Journal {
    /// Opens the journal in the directory `dir`, and makes it if it is not there. A record that was not written to its
    /// end is cut off and kept beside the journal; the next one takes its place.
    ///
    /// Only one process may have it open so; the caller sees to it.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("operations");
        let fail = |verb, source| Error::Io { verb, path: path.clone(), source };
        let fresh = !path.exists();
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = opened.map_err(|source| fail("open", source))?;
        if fresh {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| fail("make", source))?;
        }
        let mut journal = Self { path, file, last: None };
        journal.last = journal.find_last()?;
        Ok(journal)
    }

    /// The number of the newest record; 0 when there is none.
    pub fn last_number(&self) -> u64 {
        self.last.as_ref().map_or(0, |record| record.number)
    }

    /// Adds a record; on return it is on disk. After an error the journal must be opened anew.
    pub fn append(&mut self, payload: &[u8]) -> Result<u64, Error> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::TooLarge { len: payload.len() });
        }
        let number = self.last_number() + 1;
        let before = self.last.as_ref().map_or([0; CHECK], |record| record.check);
        let start = self.last.as_ref().map_or(0, Record::end);
        let check = check_of(&before, number, payload);
        let len = u32::try_from(NUMBER + payload.len() + CHECK).unwrap_or(u32::MAX).to_le_bytes();
        let bytes = [&len[..], &number.to_le_bytes(), payload, &check, &len].concat();
        self.file.write_all_at(&bytes, start).map_err(|source| self.fail("append to", source))?;
        self.file.sync_data().map_err(|source| self.fail("append to", source))?;
        self.last = Some(Record { number, payload: payload.to_vec(), check, start });
        Ok(number)
    }

    /// The records after number `after`, oldest first.
    pub fn after(&self, after: u64) -> Result<Vec<Record>, Error> {
        let mut records: Vec<Record> = Vec::new();
        for record in self.newest_first() {
            let record = record?;
            if record.number <= after {
                break;
            }
            records.push(record);
        }
        records.reverse();
        Ok(records)
    }

    /// All records, newest first.
    pub fn newest_first(&self) -> NewestFirst<'_> {
        NewestFirst { journal: self, next: self.last.clone() }
    }

    fn fail(&self, verb: &'static str, source: io::Error) -> Error {
        Error::Io { verb, path: self.path.clone(), source }
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
        if end < (2 * LENGTH + NUMBER + CHECK) as u64 {
            return Ok(None);
        }
        let Some(len) = self.length_at(end - LENGTH as u64)? else { return Ok(None) };
        match end.checked_sub(len + 2 * LENGTH as u64) {
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
        Ok(parse(&body, start)
            .filter(|_| self.length_at(start + len + LENGTH as u64).ok().flatten() == Some(len)))
    }

    fn is_good(&self, record: &Record) -> Result<bool, Error> {
        let before = self.ending_at(record.start)?;
        let (number, check) = before.map_or((0, [0; CHECK]), |before| (before.number, before.check));
        let linked = record.number == number + 1 && (record.number > 1 || record.start == 0);
        Ok(linked && check_of(&check, record.number, &record.payload) == record.check)
    }

    fn find_last(&self) -> Result<Option<Record>, Error> {
        let end = self.len()?;
        if end == 0 {
            return Ok(None);
        }
        if let Some(record) = self.ending_at(end)?
            && self.is_good(&record)?
        {
            return Ok(Some(record));
        }
        self.cut_torn_tail(end)
    }

    /// Finds the last good record from the front, and cuts off what follows it: the trace of a write that did not end.
    fn cut_torn_tail(&self, end: u64) -> Result<Option<Record>, Error> {
        let mut last: Option<Record> = None;
        let mut at = 0;
        while let Some(record) = self.starting_at(at, end)? {
            let before = last.as_ref().map_or((0, [0; CHECK]), |last| (last.number, last.check));
            let good = record.number == before.0 + 1
                && check_of(&before.1, record.number, &record.payload) == record.check;
            if !good {
                break;
            }
            at = record.end();
            last = Some(record);
        }
        if self.has_record_after(at, end)? {
            return Err(Error::Damaged { path: self.path.clone(), offset: at });
        }
        let tail = self.bytes(at, usize::try_from(end - at).unwrap_or(0))?;
        let aside = self.path.with_extension(format!("torn-{at}"));
        let kept =
            File::create(&aside).and_then(|mut file| file.write_all(&tail).and_then(|()| file.sync_all()));
        kept.and_then(|()| self.file.set_len(at)).map_err(|source| self.fail("mend", source))?;
        tracing::warn!(bytes = tail.len(), kept = %aside.display(), "cut off an unfinished record of the journal");
        Ok(last)
    }

    /// Whether a complete record lies somewhere behind the bad one at `at`: then it is damage and not a torn tail.
    fn has_record_after(&self, at: u64, end: u64) -> Result<bool, Error> {
        Ok(self.ending_at(end)?.is_some_and(|record| record.start > at && record.number > 1))
    }
}

fn parse(body: &[u8], start: u64) -> Option<Record> {
    let (number, rest) = body.split_first_chunk::<NUMBER>()?;
    let (rest, _) = rest.split_last_chunk::<LENGTH>()?;
    let (payload, check) = rest.split_last_chunk::<CHECK>()?;
    Some(Record { number: u64::from_le_bytes(*number), payload: payload.to_vec(), check: *check, start })
}

/// The records of a journal, newest first.
#[derive(Debug)]
pub struct NewestFirst<'a> {
    journal: &'a Journal,
    next: Option<Record>,
}

impl Iterator for NewestFirst<'_> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.next.take()?;
        let damaged = || Error::Damaged { path: self.journal.path.clone(), offset: record.start };
        match self.journal.is_good(&record) {
            Ok(true) => {}
            Ok(false) => return Some(Err(damaged())),
            Err(error) => return Some(Err(error)),
        }
        match self.journal.ending_at(record.start) {
            Ok(before) => self.next = before,
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(record))
    }
}

/// Whether there is a journal in `dir`.
pub fn exists(dir: &Path) -> bool {
    fs::metadata(dir.join("operations")).is_ok_and(|meta| meta.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(journal: &Journal) -> Vec<Vec<u8>> {
        journal.after(0).unwrap().into_iter().map(|record| record.payload).collect()
    }

    fn written(count: u8) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        for n in 0..count {
            assert_eq!(journal.append(&vec![n; usize::from(n) * 3]).unwrap(), u64::from(n) + 1);
        }
        let path = dir.path().join("operations");
        (dir, path)
    }

    #[test]
    fn records_come_back_in_order() {
        let (dir, _) = written(5);
        let journal = Journal::open(dir.path()).unwrap();
        assert_eq!(payloads(&journal), (0..5_u8).map(|n| vec![n; usize::from(n) * 3]).collect::<Vec<_>>());
        assert_eq!(journal.after(3).unwrap().iter().map(|r| r.number).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(journal.newest_first().map(|r| r.unwrap().number).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_torn_tail_is_cut_wherever_it_tore() {
        let (_dir, path) = written(4);
        let whole = fs::read(&path).unwrap();
        let last = 2 * LENGTH + NUMBER + CHECK + 9;
        for cut in 1..last {
            let (dir, path) = written(4);
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut journal = Journal::open(dir.path()).unwrap();
            assert_eq!(journal.last_number(), 3, "cut {cut}");
            assert_eq!(journal.append(b"again").unwrap(), 4);
            assert_eq!(payloads(&Journal::open(dir.path()).unwrap()).last().unwrap(), b"again");
        }
    }

    #[test]
    fn a_bad_bit_before_the_tail_is_damage() {
        let (_dir, path) = written(4);
        let whole = fs::read(&path).unwrap();
        let last = 2 * LENGTH + NUMBER + CHECK + 9;
        for at in 0..whole.len() - last {
            let (dir, path) = written(4);
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, &damaged).unwrap();
            let read = Journal::open(dir.path()).and_then(|journal| journal.after(0));
            assert!(matches!(read, Err(Error::Damaged { .. })), "byte {at}: {read:?}");
        }
    }
}
