//! An opened store (`opened`): the pair of seams, and where they lie on disk, in the format that a file of its own tells (`format`),
//! and to which earlier ones lead (`migrate`); and whether that is the disk of another machine (`network`).

mod error;
mod format;
mod migrate;
mod network;
mod opened;

pub use error::Error;
pub use migrate::{Migration, Step, migrate, migration};
pub use network::network;
pub use opened::{DEFAULT_WAIT, DIR_NAME, Store};
