//! Compression of one object.

use std::cell::RefCell;

/// zstd's level: on tick data 1 compresses better than 3, and twice as fast.
const LEVEL: i32 = 1;

/// Objects below this many bytes are not worth the attempt.
const WORTHWHILE: usize = 64;

/// What is tried first of an object longer than twice this, in bytes.
const SAMPLE: usize = 16 << 10;

/// How an object's bytes are stored. The numbers are part of the pack format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    Raw = 0,
    /// As one zstd frame (RFC 8878).
    Zstd = 1,
}

impl Codec {
    /// The codec with this number in the pack format.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

thread_local! {
    /// Making a context costs more than compressing a small object with it.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The compressed bytes, if they are at least a tenth shorter.
pub fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < WORTHWHILE {
        return None;
    }
    let sample = bytes.get(..SAMPLE).filter(|_| bytes.len() > 2 * SAMPLE);
    if sample.is_some_and(|sample| shorter(sample).is_none()) {
        return None;
    }
    shorter(bytes)
}

fn shorter(bytes: &[u8]) -> Option<Vec<u8>> {
    let compressed = COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        slot.as_mut()?.compress(bytes).ok()
    })?;
    (compressed.len() + compressed.len() / 10 <= bytes.len()).then_some(compressed)
}

/// The `len` bytes that were stored as `stored`, or `None` if they were not.
pub fn decompress(codec: Codec, stored: Vec<u8>, len: usize) -> Option<Vec<u8>> {
    let bytes = match codec {
        Codec::Raw => stored,
        Codec::Zstd => DECOMPRESSOR.with_borrow_mut(|slot| {
            if slot.is_none() {
                *slot = zstd::bulk::Decompressor::new().ok();
            }
            slot.as_mut()?.decompress(&stored, len).ok()
        })?,
    };
    (bytes.len() == len).then_some(bytes)
}
