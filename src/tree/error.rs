//! What can go wrong with a tree.

use super::node::MAX_KEY;
use crate::fault::{Kind, fault};
use crate::object::{AccessError, NodeId};

/// A failed operation on a tree.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// A node could not be read or written.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// The bytes are no node.
    #[error("tree node {node} is malformed: {reason}")]
    Malformed { node: NodeId, reason: &'static str },
    /// The entries were not given in strictly ascending order. This is a mistake of the caller.
    #[error("the entries of a tree must be given in order")]
    Unsorted,
    /// A key is too long.
    #[error("a tree cannot hold a key of {len} bytes: the longest has {MAX_KEY}")]
    LongKey { len: usize },
}

fault! {
    Error passes on Object;
    kind {
        Self::Malformed { .. } => Kind::Damaged,
        Self::Unsorted | Self::LongKey { .. } => Kind::Usage,
    }
    hint {
        Self::Malformed { .. } => {
            Some("a later vds may have written it; or restore the store from a backup".to_owned())
        }
        Self::Unsorted => None,
        Self::LongKey { .. } => Some("give it a shorter name".to_owned()),
    }
}
