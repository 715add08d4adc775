//! History as one file, for where no line leads.
//!
//! A bundle has the commits of some branches and tags with all that they name, from the beginning or since commits that whoever
//! takes it must have. It is written under another name and renamed when it is whole. Who takes it trusts nothing: first the
//! checksum of the whole file, then each object as a store takes it from anywhere (`transfer::Intake`), then the names, in one
//! step. So a bundle is taken whole or not at all.
//!
//! Every byte is on the page of the format (docs/format.md).

mod apply;
mod create;
mod error;
mod format;
mod read;
mod verify;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod thinned;

pub use apply::{Applied, Landed, Landing, apply};
pub use create::{Created, create};
pub use error::Error;
pub use format::{Head, Repo};
pub use read::Bundle;
pub use verify::verify;
