//! File contents as chunks.
//!
//! A file of up to [`SMALL`] bytes is one chunk, whose id is the blob's. A larger one is cut by content, so that an
//! insertion in the middle of it costs a few new chunks; the list of its chunks lies under its blob id, which is still
//! the BLAKE3 of the whole.

mod error;
mod manifest;
mod read;
mod write;

pub use error::Error;
pub use manifest::{Manifest, Piece};
pub use read::{Reader, Stream, check, copy, load, manifest, open};
pub use write::{Kept, keep, keep_bytes};

/// The smallest chunk of a large file, in bytes; the last may be smaller.
pub const CHUNK_MIN: u32 = 16 << 10;
/// The chunk size that cutting aims at, in bytes.
pub const CHUNK_AVERAGE: u32 = 64 << 10;
/// The largest chunk, in bytes.
pub const CHUNK_MAX: u32 = 256 << 10;
/// The largest file that is kept whole, in bytes.
pub const SMALL: u64 = CHUNK_AVERAGE as u64;
