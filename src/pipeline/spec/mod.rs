//! The pipeline file: what a person writes (`file`, `input_file`), as values (`model`, `input`), and its mistakes in plain words
//! (`words`).
//!
//! `docs/pipeline.schema.json` tells editors the same; a test holds the two against each other.

mod command;
mod command_file;
mod file;
mod input;
mod input_file;
mod model;
mod table;
mod words;

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

pub use command::{Batch, Command, Compat, Declared, Isolation, Limits, Memory, Reprocess};
pub use file::{SpecError, place};
pub use input::{Clock, Contents, Earlier, Input, Leaf, Partner, Role, Template};
pub use model::{OnConflict, PiledUp, Spec, Stage, Work, variable};
