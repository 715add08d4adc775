//! The pipeline file: what a person writes (`file`, `input_file`), as values (`model`, `input`), and its mistakes in plain words
//! (`words`).
//!
//! `docs/pipeline.schema.json` tells editors the same; a test holds the two against each other.

mod file;
mod input;
mod input_file;
mod model;
mod words;

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

pub use file::{SpecError, place};
pub use input::{Contents, Input, Leaf, Partner, Role, Template};
pub use model::{Command, Declared, OnConflict, Spec, Stage, Work, variable};
