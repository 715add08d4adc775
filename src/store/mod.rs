//! An opened store (`opened`): the pair of seams, and where they lie on disk, in the format that a file of its own tells (`format`).

mod error;
mod format;
mod opened;

pub use error::Error;
pub use opened::{DEFAULT_WAIT, DIR_NAME, Store};
