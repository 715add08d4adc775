//! What can go wrong with settings.

use super::key::Key;
use crate::fault::{Kind, fault};
use crate::ledger;
use crate::object::codec;

/// A setting that cannot be read or set.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The value is none that the setting can have.
    #[error("{key} cannot be {value:?}: {reason}")]
    Value { key: Key, value: String, reason: String },
    /// The value that is kept is none that this release knows.
    #[error("{key} is set to {value:?}, which this vds does not know: {reason}")]
    Stored { key: Key, value: String, reason: String },
    /// The fact has a form that this release does not know.
    #[error("cannot read what {what} is set to")]
    Fact { what: String, source: codec::Error },
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

fault! {
    Error passes on Ledger;
    kind {
        Self::Value { .. } => Kind::Usage,
        Self::Stored { .. } | Self::Fact { .. } => Kind::Damaged,
    }
    hint {
        Self::Value { key, .. } => Some(format!("{key}: {}", key.meaning())),
        Self::Stored { key, .. } => Some(format!("use the vds that set it, or `vds config unset {key}`")),
        Self::Fact { .. } => Some("a later vds may have written it; or restore the store from a backup".to_owned()),
    }
}
