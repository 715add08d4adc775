//! What can go wrong on the way back through history.

use crate::fault::fault;
use crate::{history, snapshot};

/// A failed search in history.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A tree failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
}

fault! {
    Error passes on History, Snapshot;
    kind {}
    hint {}
}
