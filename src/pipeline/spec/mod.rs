//! The pipeline file: what a person writes (`file`), as values (`model`), and its mistakes in plain words
//! (`words`).
//!
//! `docs/pipeline.schema.json` tells editors the same; a test holds the two against each other.

mod file;
mod model;
mod words;

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

pub use file::{SpecError, place};
pub use model::{Command, Declared, Input, OnConflict, Spec, Stage, Work, variable};
