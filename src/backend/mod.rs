//! The first seam: where immutable files are kept.
//!
//! The object layer above deals in hashes; here are only whole files that are written once and never changed.

mod contract;
mod faulty;
mod local;
mod memory;

#[cfg(test)]
mod conformance;

pub use contract::{Backend, Error, Listed};
pub use faulty::FaultyBackend;
pub use local::LocalBackend;
pub use memory::MemoryBackend;
