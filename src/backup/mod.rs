//! Copies of a store in use, that open and are whole: a directory that grows with it (`directory`), or one file (`archive`).

mod archive;
mod directory;
mod error;

pub use archive::{Archived, archive, stream};
pub use directory::{Backed, backup};
pub use error::Error;
