//! Where it lies among the facts which commits' files were let go: the root of a table of them.
//!
//! The table is in the packs, since it may be long (`history::let_go`). Rooms below history only hand its root on.

use crate::ledger::{self, Session};
use crate::meta::Batch;
use crate::object::{Digest, NodeId};

/// The fact.
pub const KEY: &[u8] = b"let-go";

/// The root that the fact's value holds.
pub fn read(value: &[u8]) -> Option<NodeId> {
    Some(NodeId::new(Digest::from_bytes(value.try_into().ok()?)))
}

/// The root of the table; `None` if no files were ever let go.
pub fn root(facts: &Session) -> Result<Option<NodeId>, ledger::Error> {
    Ok(facts.get(KEY)?.as_deref().and_then(read))
}

/// Adds the root of the table to `batch`.
pub fn put(batch: &mut Batch, root: NodeId) {
    batch.put(KEY.to_vec(), root.digest().as_bytes().to_vec());
}
