//! Since when all that operations named is kept.
//!
//! What a branch stood at before can be named, and come back, for as long as it is kept. A collection moves the bound: what only older
//! operations named may be gone.

use super::{Error, keys};
use crate::ledger::Session;
use crate::meta::Batch;

/// The number of the oldest operation that can still be undone, and whose names can still be followed; 0 if none has been given up.
pub fn kept_since(facts: &Session) -> Result<u64, Error> {
    let number =
        facts.get(keys::KEPT_SINCE)?.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
    Ok(number.unwrap_or(0))
}

/// Adds to `batch` that what older operations than this named may be gone.
pub fn keep_since(batch: &mut Batch, number: u64) {
    batch.put(keys::KEPT_SINCE.to_vec(), number.to_be_bytes().to_vec());
}
