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
    /// No version has the columns of the key.
    #[error("cannot compare {path} by row")]
    NoKey { path: TreePath, source: table::Error },
}

impl Error {
    /// Whether a version does not have the columns of the key.
    pub(super) fn is_about_columns(&self) -> bool {
        matches!(self, Self::Table { source: table::Error::NoColumn { .. }, .. })
    }

    /// The error, where each other version has the same one or there is none.
    pub(super) fn of_all_versions(self) -> Self {
        match self {
            Self::Table { path, source: source @ table::Error::NoColumn { .. }, .. } => {
                Self::NoKey { path, source }
            }
            other => other,
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Content { source, .. } => source.kind(),
            Self::Table { source, .. } | Self::NoKey { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Content { source, .. } => source.hint(),
            Self::Table { source, .. } | Self::NoKey { source, .. } => source.hint(),
        }
    }
}
