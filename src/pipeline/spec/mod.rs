//! The pipeline file: what a person writes (`file`), as values (`model`).
//!
//! `docs/pipeline.schema.json` tells editors the same; a test holds the two against each other.

mod file;
mod model;

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

pub use file::{SpecError, place};
pub use model::{Command, Input, OnConflict, Spec, Stage, Work, variable};
