//! Ordered maps as prolly trees: the form of every file tree and result table.
//!
//! Sorted entries are cut into nodes by a hash of their keys, each node is named by the hash of its canonical bytes,
//! and an inner node lists its children with their last keys, entry counts and weights. So equal maps have equal
//! roots whatever edits led there, an edit writes the nodes on its path, and equal subtrees are skipped in comparisons.
//! (The idea is Noms'; the size-conditioned cut is Dolt's.)

mod beyond;
mod build;
mod cursor;
mod cut;
mod diff;
mod edit;
mod error;
mod leaf;
mod node;
mod open;
mod totals;
mod value;
mod walk;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub use beyond::{Novel, Site, beyond};
pub use build::{build, empty};
pub use cursor::Cursor;
pub use cut::{CONSTANT, MAX, MIN, SCALE};
pub use diff::{Change, Diff, diff, diff_in};
pub use edit::edit;
pub use error::Error;
pub use node::MAX_KEY;
pub use open::{Below, Opened, open, peek};
pub use totals::{Totals, totals, totals_in};
pub use value::{Raw, Value};
pub use walk::walk;
