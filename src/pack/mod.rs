//! Objects in packs.
//!
//! Small things are appended to files of some 32 MiB that are fsynced once, named by their hash, and never changed. A
//! footer lists what a pack holds; from the footers of all packs comes an index of sorted tables that are mapped, not
//! loaded.

mod cache;
mod catalogue;
mod codec;
mod condemned;
mod footer;
mod graph;
mod index;
mod inspect;
mod listing;
mod mend;
mod reader;
mod rehearsal;
mod room;
mod search;
mod stock;
mod table;
mod writer;

#[cfg(test)]
mod tests;

pub use catalogue::Catalogue;
pub use codec::{Codec, compress, decompress};
pub use condemned::Condemned;
pub use footer::{Footer, Located};
pub use inspect::{Fits, Inspected, TableFault, Tables, inspect_tables, listed};
pub use listing::Listing;
pub use mend::CopyError;
pub use reader::{Counts, Location, Packs};
pub use rehearsal::Rehearsal;
pub use room::Disk;
pub use stock::Stock;
pub use writer::{Writer, Written};

/// How large a pack may grow before it is sealed, in bytes.
pub const PACK_SIZE: u64 = 32 << 20;

/// The largest object, in bytes.
pub const MAX_OBJECT: u32 = 1 << 30;
