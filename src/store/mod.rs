//! An opened store (`opened`): the pair of seams, and where they lie on disk, in the format that a file of its own tells (`format`),
//! and to which earlier ones lead (`migrate`).

mod error;
mod format;
mod migrate;
mod opened;

pub use error::Error;
pub use migrate::{Migration, Step, migrate, migration};
pub use opened::{DEFAULT_WAIT, DIR_NAME, Store};
