//! What can go wrong between two versions of a file.

use crate::fault::{Fault, Kind};
use crate::object::TreePath;
use crate::{content, table};

/// Two versions of a file could not be compared.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// A content failed.
    #[error("cannot read {path}")]
    Content { path: TreePath, source: content::Error },
    /// A version is no table with rows under the key.
    #[error("cannot compare {path} by row as it was {side}")]
    Table { path: TreePath, side: &'static str, source: table::Error },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Content { source, .. } => source.kind(),
            Self::Table { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Content { source, .. } => source.hint(),
            Self::Table { source, .. } => source.hint(),
        }
    }
}
