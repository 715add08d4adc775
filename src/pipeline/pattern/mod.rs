//! Patterns over branches and paths: what `repo@branch:/glob` means.

mod captures;
mod glob;
mod parse;
mod path;
mod places;
mod reach;
mod source;

pub use path::PathPattern;
pub use source::{BranchGlob, BranchPattern, PatternError, Source};
