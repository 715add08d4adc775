//! What can go wrong on the way back through history.

use crate::fault::fault;
use crate::object::TreePath;
use crate::{content, history, pipeline, snapshot};

/// A failed search in history.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A tree failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// A pipeline failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// A content failed.
    #[error("cannot read {path}")]
    Content { path: TreePath, source: content::Error },
}

impl Error {
    pub(super) fn content(path: &TreePath, source: content::Error) -> Self {
        Self::Content { path: path.clone(), source }
    }
}

fault! {
    Error passes on History, Snapshot, Pipeline;
    kind { Self::Content { source, .. } => source.kind(), }
    hint { Self::Content { source, .. } => source.hint(), }
}
