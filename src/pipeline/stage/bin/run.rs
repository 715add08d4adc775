//! Which of the two ways a run of `bin` goes.

use super::params::{By, Params};
use super::{by_path, by_time};
use crate::pipeline::stage::{Earlier, Error, Files, Input, Memo, Output, Report, Sources};

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

/// What the file at `path` of an output was made from, which was made from the files `now` and has the private state `state`.
pub fn sources(params: &Params, now: &dyn Files, state: &dyn Files, path: &str) -> Result<Sources, Error> {
    let files = match params.by {
        By::Path => by_path::sources(params, now, path)?,
        By::Time => by_time::sources(now, state, path)?,
    };
    Ok(Sources { datum: path.to_owned(), files: vec![files] })
}
