//! Which of the two ways a run of `bin` goes.

use super::params::{By, Params};
use super::{by_path, by_time};
use crate::pipeline::stage::{Earlier, Error, Input, Memo, Output, Report};

/// Runs the stage: see the module.
pub fn run(
    params: &Params,
    input: &Input<'_>,
    earlier: Option<Earlier<'_>>,
    output: &mut dyn Output,
    state: &mut dyn Output,
    memo: &mut dyn Memo,
) -> Result<Report, Error> {
    match params.by {
        By::Path => by_path::run(params, input, output, memo),
        By::Time => by_time::run(params, input, earlier, output, state, memo),
    }
}
