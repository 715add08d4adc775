//! From archives to edits of a tree.
//!
//! Members are read one after the other, straight into the store: nothing is unpacked to disk, and memory does not grow with
//! their sizes. An archive is written by others, so each of its names is judged before anything is made of it: what would
//! lead out of the place where it is put, or cannot be a file there, refuses the whole archive and is named.

mod error;
mod format;
mod member;
mod take;
mod tarball;
mod zipped;

#[cfg(test)]
mod tests;

pub use error::{Error, Why};
pub use format::Source;
pub use take::{Imported, import};
