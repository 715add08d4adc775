//! Where things come from: which commits changed a path, and who made what a file was made from.

mod blame;
mod error;
mod order;
mod walk;
mod why;

#[cfg(test)]
mod tests;

pub use blame::{Setting, blame, blame_lines};
pub use error::Error;
pub use order::in_lines;
pub use walk::{Follow, Lineage, Merges, Selection, Sight, Step, Walk, was_there};
pub use why::{DatumWhy, Datums, InputWhy, Source, Why, why};
