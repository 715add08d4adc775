//! The record of operations, and going back in it.
//!
//! Every change is an operation in the journal, with what each fact held before and after. `log` tells them in words. To take one back
//! (`undo`) is to make the opposite change, as a new operation, if nothing has changed the same facts since; so taking back can be taken
//! back as well. A mark among the facts says which operations are undone.

mod chosen;
mod error;
mod log;
mod made;
mod mark;
mod names;
mod plan;
mod restore;
mod subject;
mod told;
mod undo;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod with_pipelines;

pub use error::Error;
pub use log::{Filter, Scope, load, log};
pub use restore::restore;
pub use told::{Changed, Noun, Standing, Told};
pub use undo::{Reverted, Turn, Which, redo, undo};
