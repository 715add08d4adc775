//! From files on disk to edits of a tree.
//!
//! Files are walked in parallel, unchanged ones are recognised by their stamps without being opened, and the others are
//! read into the store. A file that changes under the reading is read again or reported, never stored torn.

mod cache;
mod error;
mod gather;
mod stamp;
mod walk;

pub use error::Error;
pub use gather::{Gathered, Overlay, gather, gather_reader};
pub use walk::{Found, walk};
