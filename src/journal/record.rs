//! A record's bytes, and how records are chained.

use crate::object::codec::MAX_RECORD;

pub(super) const HEAD: &[u8; 8] = b"vdsjrnl\x01";
/// Where the first record begins.
pub(super) const START: u64 = HEAD.len() as u64;
pub(super) const CHECK: usize = 16;
pub(super) const NUMBER: usize = 8;
pub(super) const LENGTH: usize = 4;
/// What a record has besides its payload.
pub(super) const FRAME: usize = 2 * LENGTH + NUMBER + CHECK;

/// The largest payload, in bytes: the largest record there is, with its version byte.
#[expect(clippy::cast_possible_truncation, reason = "64 MiB fit any usize")]
pub const MAX_PAYLOAD: usize = MAX_RECORD as usize + 1;

/// One record, with where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, counted from 1.
    pub number: u64,
    /// What was recorded.
    pub payload: Vec<u8>,
    /// Its checksum, which covers all records up to it.
    pub check: [u8; CHECK],
    pub(super) start: u64,
}

impl Record {
    pub(super) fn end(&self) -> u64 {
        self.start + (FRAME + self.payload.len()) as u64
    }

    pub(super) fn tip(&self) -> Tip {
        Tip { number: self.number, check: self.check }
    }

    /// Whether it is whole and comes next after `before`.
    pub(super) fn follows(&self, before: Tip) -> bool {
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

/// The checksum of a record that comes after one with the checksum `before`.
pub(super) fn check_of(before: &[u8; CHECK], number: u64, payload: &[u8]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(&number.to_le_bytes()).update(payload);
    let mut check = [0; CHECK];
    hasher.finalize_xof().fill(&mut check);
    check
}

/// The record whose parts after the first length are `body`, if the lengths at both ends agree.
pub(super) fn parse(body: &[u8], start: u64) -> Option<Record> {
    let len = u32::try_from(body.len().checked_sub(LENGTH)?).ok()?;
    let (number, rest) = body.split_first_chunk::<NUMBER>()?;
    let (rest, again) = rest.split_last_chunk::<LENGTH>()?;
    let (payload, check) = rest.split_last_chunk::<CHECK>()?;
    (u32::from_le_bytes(*again) == len).then_some(())?;
    Some(Record { number: u64::from_le_bytes(*number), payload: payload.to_vec(), check: *check, start })
}
