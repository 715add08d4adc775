//! `bin`: regroups files, or rows, by a template of their time.
//!
//! The contract is in `docs/stages.md`. By path, an output with one source is the source's blob under another name; nothing
//! is read. By time, each source's rows are kept apart in the private state, so that an output is put together again from
//! the parts of all its sources when one of them changes.

mod by_path;
mod by_time;
mod merge;
mod params;
mod run;
mod template;

#[cfg(test)]
mod tests;

pub use params::{By, Params};
pub use run::{run, sources};
