//! `bin`: regroups files, or rows, by a template of their time.
//!
//! The contract is in `docs/stages.md`. By path, an output with one source is the source's blob under another name; nothing
//! is read. By time, each source's rows are kept apart in the private state, so that an output is put together again from
//! the parts of all its sources when one of them changes.

mod by_path;
mod by_time;
mod merge;
mod params;
mod template;

#[cfg(test)]
mod tests;

pub use params::{By, Params};

use super::{Earlier, Error, Input, Output, Report};

/// Runs the stage: see the module.
pub fn run(
    params: &Params,
    input: &Input<'_>,
    earlier: Option<Earlier<'_>>,
    output: &mut dyn Output,
    state: &mut dyn Output,
) -> Result<Report, Error> {
    match params.by {
        By::Path => by_path::run(params, input, output),
        By::Time => by_time::run(params, input, earlier, output, state),
    }
}
