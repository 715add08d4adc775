//! What can go wrong on the way to what is reachable.

use crate::fault::fault;
use crate::object::AccessError;
use crate::{content, history, integrate, ledger, pipeline, tree};

/// Something that is named could not be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// An object could not be read.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// The list of a file's chunks could not be read.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// What pipelines keep could not be read.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// An open merge could not be read.
    #[error(transparent)]
    Integrate(#[from] integrate::Error),
}

fault! {
    Error passes on Ledger, History, Tree, Object, Content, Pipeline, Integrate;
    kind {}
    hint {}
}
