//! The append-only record of operations: the point at which a change is made for good.
//!
//! One file: `vdsjrnl` and version 1 (8 bytes), then records. A record is its length (u32), its number (u64, from 1), its
//! payload, 16 bytes of checksum, and the length again, little-endian; the length counts number, payload and checksum.
//! The checksum is the start of the BLAKE3 of the checksum before (zeros for the first), the number and the payload, so a
//! record in the wrong place is noticed as well. The length at the end lets the newest record be found without reading the
//! others.

mod disk;
mod error;
mod newest;
mod opened;
mod record;
mod replace;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use newest::NewestFirst;
pub use opened::{Journal, exists, is_gone, length};
pub use record::{MAX_PAYLOAD, Record, Tip};
pub use replace::{oldest_first, replace};
