//! The second seam: the small mutable facts.
//!
//! An ordered key-value space, used in short sessions: take what is needed, let go, work, come back to compare and
//! set. Nothing here knows what the keys mean.

mod contract;
mod faulty;
mod memory;
mod sled;
mod turns;

#[cfg(test)]
mod conformance;

pub use contract::{Applied, Batch, Error, MetaSession, MetaStore, Visitor};
pub use faulty::FaultyMeta;
pub use memory::MemoryMeta;
pub use sled::SledMeta;
