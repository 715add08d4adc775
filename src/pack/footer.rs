//! What a pack holds, as its last bytes tell.
//!
//! A pack is `vdspack` and version 1 (8 bytes), the stored objects one after another, then the footer: for each object,
//! sorted by digest, [`Located`] in 50 bytes; then the trailer: the number of objects (u32), where the footer begins (u64),
//! the first 16 bytes of the footer's BLAKE3, and `vdspkend`. Integers are little-endian. The pack's name is the BLAKE3
//! of the whole file.

use super::codec::Codec;
use crate::object::{Digest, ObjectKind};

pub(super) const HEAD: &[u8; 8] = b"vdspack\x01";
const TAIL: &[u8; 8] = b"vdspkend";
const ENTRY: usize = 50;
pub(super) const TRAILER: usize = 36;

/// One object in a pack: digest (32 bytes), kind (u8), codec (u8), offset (u64), stored length (u32), length (u32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The object's name.
    pub digest: Digest,
    /// What it is.
    pub kind: ObjectKind,
    /// How its bytes are stored.
    pub codec: Codec,
    /// Where they begin in the pack.
    pub offset: u64,
    /// How many bytes are stored.
    pub stored: u32,
    /// How many bytes the object has.
    pub len: u32,
}

/// The objects of a pack, sorted by digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footer {
    /// The objects.
    pub entries: Vec<Located>,
}

impl Located {
    /// How many bytes of its pack it takes, with its entry in the footer.
    pub fn footprint(&self) -> u64 {
        u64::from(self.stored) + ENTRY as u64
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.digest.as_bytes());
        out.extend([self.kind as u8, self.codec as u8]);
        out.extend(self.offset.to_le_bytes());
        out.extend(self.stored.to_le_bytes());
        out.extend(self.len.to_le_bytes());
    }

    pub(super) fn take(bytes: &[u8]) -> Option<Self> {
        let (digest, rest) = bytes.split_first_chunk::<32>()?;
        let ([kind, codec], rest) = rest.split_first_chunk::<2>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (stored, rest) = rest.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        rest.is_empty().then_some(())?;
        Some(Self {
            digest: Digest::from_bytes(*digest),
            kind: ObjectKind::from_number(*kind)?,
            codec: Codec::from_number(*codec)?,
            offset: u64::from_le_bytes(*offset),
            stored: u32::from_le_bytes(*stored),
            len: u32::from_le_bytes(*len),
        })
    }
}

/// Where a pack's footer lies, as its trailer says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trailer {
    pub(super) start: u64,
    check: [u8; 16],
    count: u32,
}

impl Trailer {
    /// Reads the last [`TRAILER`] bytes of a pack of `len` bytes.
    pub(super) fn read(bytes: &[u8], len: u64) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let (start, rest) = rest.split_first_chunk::<8>()?;
        let (check, rest) = rest.split_first_chunk::<16>()?;
        let (count, start) = (u32::from_le_bytes(*count), u64::from_le_bytes(*start));
        let fits = start >= HEAD.len() as u64
            && start.checked_add(u64::from(count) * ENTRY as u64 + TRAILER as u64) == Some(len);
        (rest == TAIL && fits).then_some(Self { start, check: *check, count })
    }
}

impl Footer {
    /// The footer and trailer of a pack whose objects end at `start`.
    pub(super) fn to_bytes(&self, start: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len() * ENTRY + TRAILER);
        self.entries.iter().for_each(|entry| entry.put(&mut out));
        let check = *blake3::hash(&out).as_bytes();
        out.extend(u32::try_from(self.entries.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend(check.first_chunk::<16>().unwrap_or(&[0; 16]));
        out.extend(TAIL);
        out
    }

    /// Reads the bytes between the objects and the trailer.
    pub(super) fn read(bytes: &[u8], trailer: &Trailer) -> Option<Self> {
        let right = blake3::hash(bytes).as_bytes().starts_with(&trailer.check);
        let entries = bytes.chunks(ENTRY).map(Located::take).collect::<Option<Vec<_>>>()?;
        let sorted = entries.is_sorted_by(|a, b| a.digest < b.digest);
        let inside = |e: &Located| {
            e.offset >= HEAD.len() as u64
                && e.len <= super::MAX_OBJECT
                && e.offset.checked_add(u64::from(e.stored)).is_some_and(|end| end <= trailer.start)
        };
        let whole = right && sorted && entries.len() == trailer.count as usize && entries.iter().all(inside);
        whole.then_some(Self { entries })
    }
}
