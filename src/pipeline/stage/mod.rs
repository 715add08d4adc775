//! The built-in stages, and what a stage sees of the world: versions of file trees, and a place for its output.
//!
//! A stage is a function from its input trees to an output tree and a private state tree. It is told what changed
//! since an earlier run of the same stage and may start from that run's output; the output must be the same bytes as
//! if it had started from nothing.

mod contract;
mod decimal;
mod listing;
mod sums;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod fake;

pub mod bin;
pub mod measure;
pub mod select;

use contract::counted;
pub use contract::{Change, Earlier, Effort, Error, Files, Input, Memo, Output, Report, Sources, WARNING};
