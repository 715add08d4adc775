//! What differs within files: by line, as git writes a patch, or by row of a table.

mod error;
mod head;
mod rows;
mod stat;
mod text;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use head::mode;
pub use rows::{Counts, Part, Values, rows};
pub use stat::{LineCounts, line_counts};
pub use text::{Context, text};
