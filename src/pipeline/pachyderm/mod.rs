//! Pachyderm's pipeline specs, as vds pipeline files.
//!
//! A text is taken apart into documents (`read`), whose keys are brought to today's names (`names`); each document is held against
//! the keys that are known (`keys`) and becomes a stage (`input`, `stage`), all of them together one pipeline file (`translate`).
//! What is stored is that file: nothing else in vds knows of Pachyderm's specs.

mod amounts;
mod clock;
mod family;
mod input;
mod keys;
mod names;
mod node;
mod notes;
mod read;
mod stage;
mod translate;
mod write;

#[cfg(test)]
mod tests;

pub use translate::{TranslateError, Translated, Untranslated, is_translation, translate};
