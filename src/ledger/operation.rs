//! One recorded change, and its bytes in the journal.

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::journal::MAX_PAYLOAD;
use crate::object::codec;

const VERSION: u8 = 1;

/// What sort of change an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OriginKind {
    /// A person's change of refs or pipelines.
    Operation,
    /// The machinery's: the state of jobs.
    Housekeeping,
}

/// Who made a change, when, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// The author's distance from UTC, in minutes east.
    pub offset: i16,
    /// Who.
    pub author: String,
    /// The command line.
    pub command: String,
    /// What sort of change it is.
    pub kind: OriginKind,
}

/// How one key changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The key.
    pub key: Vec<u8>,
    /// What it held before.
    pub before: Option<Vec<u8>>,
    /// What it holds after.
    pub after: Option<Vec<u8>>,
}

/// One recorded change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its number, counted from 1 without a gap.
    pub number: u64,
    /// Who made it, when, and how.
    pub origin: Origin,
    /// What it changed.
    pub changes: Vec<KeyChange>,
}

/// The operation in this payload.
pub(super) fn decode(number: u64, payload: &[u8]) -> Result<Operation, Error> {
    let (origin, changes) =
        codec::decode(VERSION, payload).map_err(|source| Error::Operation { number, source })?;
    Ok(Operation { number, origin, changes })
}

/// The payload of an operation.
pub(super) fn encode(origin: &Origin, changes: &[KeyChange]) -> Result<Vec<u8>, Error> {
    // Summed up first, so that what cannot be kept is not laid out in memory either.
    let len = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
    let total: usize = changes.iter().map(|c| c.key.len() + len(&c.before) + len(&c.after)).sum();
    if total > MAX_PAYLOAD {
        return Err(Error::TooLarge);
    }
    codec::encode(VERSION, &(origin, changes)).map_err(|error| match error {
        codec::Error::TooLarge => Error::TooLarge,
        source => Error::Record { source },
    })
}
