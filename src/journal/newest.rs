//! A journal read backwards, as far as somebody wants to know.

use std::sync::Arc;

use super::disk::Disk;
use super::error::Error;
use super::record::{Record, START};

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
    /// The records that end at `end` or before.
    pub(super) fn new(disk: Arc<Disk>, end: u64) -> Self {
        Self { disk, end, ahead: None }
    }

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
