//! From files on disk to edits of a tree.
//!
//! Files are walked in parallel, unchanged ones are recognised by their stamps without being opened, and the others are
//! read into the store. A file that changes under the reading is read again or reported, never stored torn. What cannot
//! be read is an error, because data that is missing without a word is worse; what holds no data is passed over and
//! counted.

pub mod cache;
mod error;
mod gather;
mod passed;
mod read;
mod room;
mod rule;
mod survey;
mod walk;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use gather::{Gathered, Memory, Overlay, gather, gather_reader};
pub use rule::{Rule, left_out};
pub use survey::{Survey, read_each, survey};
pub use walk::{Found, find, walk};
