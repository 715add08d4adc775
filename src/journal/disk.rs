//! The journal's file: finding records in it from either end, and telling a torn tail from damage.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::error::Error;
use super::record::{CHECK, FRAME, HEAD, LENGTH, MAX_PAYLOAD, NUMBER, Record, START, Tip, parse};

/// How much is copied at a time, in bytes.
const PIECE: u64 = 1 << 20;

/// How far a journal is good.
pub(super) struct Found {
    pub(super) tip: Tip,
    pub(super) end: u64,
}

/// The file.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Disk {
    pub(super) fn fail(&self, verb: &'static str, source: io::Error) -> Error {
        Error::Io { verb, path: self.path.clone(), source }
    }

    pub(super) fn damaged(&self, offset: u64) -> Error {
        Error::Damaged { path: self.path.clone(), offset }
    }

    pub(super) fn len(&self) -> Result<u64, Error> {
        self.file.metadata().map(|meta| meta.len()).map_err(|source| self.fail("read", source))
    }

    pub(super) fn bytes(&self, start: u64, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, start).map_err(|source| self.fail("read", source))?;
        Ok(bytes)
    }

    /// What the file begins with.
    pub(super) fn head(&self) -> Result<Vec<u8>, Error> {
        self.bytes(0, HEAD.len())
    }

    /// Copies the first `len` bytes.
    pub(super) fn copy_to(&self, len: u64, to: &mut dyn Write) -> Result<(), Error> {
        let mut at = 0;
        while at < len {
            let piece = self.bytes(at, usize::try_from((len - at).min(PIECE)).unwrap_or(0))?;
            to.write_all(&piece).map_err(|source| self.fail("copy", source))?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    fn length_at(&self, at: u64) -> Result<Option<u64>, Error> {
        let len = self.bytes(at, LENGTH)?.try_into().map_or(0, u32::from_le_bytes);
        let sane = (NUMBER + CHECK..=NUMBER + CHECK + MAX_PAYLOAD).contains(&(len as usize));
        Ok(sane.then_some(u64::from(len)))
    }

    /// The record that ends at `end`, if there is a well-formed one; its checksum is not looked at.
    pub(super) fn ending_at(&self, end: u64) -> Result<Option<Record>, Error> {
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
    pub(super) fn starting_at(&self, start: u64, end: u64) -> Result<Option<Record>, Error> {
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
    pub(super) fn find_last(&self) -> Result<Found, Error> {
        let end = self.len()?;
        let nothing = Found { tip: Tip::default(), end: START };
        if end <= START {
            let begun = self.bytes(0, usize::try_from(end).unwrap_or(0))?;
            // After a power cut some of the bytes may not have reached the disk, and read as zeros.
            return if begun.iter().zip(HEAD).all(|(byte, head)| byte == head || *byte == 0) {
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
    pub(super) fn cut_off(&self, at: u64) -> Result<(), Error> {
        let tail = self.bytes(at, usize::try_from(self.len()?.saturating_sub(at)).unwrap_or(0))?;
        let aside = self.path.with_extension(format!("torn-{at}"));
        let kept =
            File::create(&aside).and_then(|mut file| file.write_all(&tail).and_then(|()| file.sync_all()));
        kept.and_then(|()| self.file.set_len(at)).map_err(|source| self.fail("mend", source))?;
        tracing::warn!(bytes = tail.len(), kept = %aside.display(), "cut off an unfinished record of the journal");
        Ok(())
    }
}
