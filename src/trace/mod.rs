//! Where things come from: which commits changed a path.

mod error;
mod order;
mod walk;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use order::in_lines;
pub use walk::{Follow, Lineage, Merges, Selection, Sight, Step, Walk};
