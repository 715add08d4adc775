//! Tables of rows under keys: CSV text, cut into records that are kept exactly as they were written.
//!
//! What compares or merges tables reads them here. Nothing here knows where the text comes from or what a column means.

mod compare;
mod error;
mod key;
mod record;
mod rows;

#[cfg(test)]
mod tests;

pub use compare::{CellChange, Pair, RowChange, RowFate};
pub use error::Error;
pub use key::{Key, KeyColumns};
pub use record::{Cell, encode, guess_delimiter};
pub use rows::{MAX_BYTES, Row, Table};
