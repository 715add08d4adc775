//! From a version of a tree to files on disk.
//!
//! Everything is planned before anything is written, nothing is written outside the directory whatever the tree says,
//! and files that differ from what is to be written are not overwritten unless that is asked for. A file appears whole
//! and checked, or not at all, so a checkout that was interrupted can be repeated.

mod act;
mod amend;
mod error;
mod place;
mod plan;
mod run;

#[cfg(test)]
mod tests;

pub use amend::amend;
pub use error::Error;
pub use place::{Place, There};
pub use run::{Clash, Stamped, Written, checkout, outside_stores};
