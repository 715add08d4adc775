//! The marks among the facts that say which operations are undone.
//!
//! The mark of an operation is set by the one that takes it back, and removed by the one that brings it back.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::error::Error;
use crate::ledger::{Operation, Session};

const UNDONE: &[u8] = b"undone/";

/// Where the mark of an operation lies.
pub(super) fn key(number: u64) -> Vec<u8> {
    [UNDONE, &number.to_be_bytes()].concat()
}

/// The operation whose mark lies at `key`.
pub(super) fn number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(UNDONE)?.try_into().ok()?))
}

/// The operations that are undone.
pub(super) fn all(facts: &Session) -> Result<BTreeSet<u64>, Error> {
    let mut all = BTreeSet::new();
    facts.scan(UNDONE, &mut |key, _| {
        all.extend(number(key));
        ControlFlow::Continue(())
    })?;
    Ok(all)
}

/// What an operation did to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    Undid(u64),
    Redid(u64),
}

/// Which operation this one undid or redid, if it is one that does.
pub(super) fn turned(operation: &Operation) -> Option<Turned> {
    operation.changes.iter().find_map(|change| {
        let number = number(&change.key)?;
        Some(if change.after.is_some() { Turned::Undid(number) } else { Turned::Redid(number) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_mark_never_changes() {
        assert_eq!(key(258), b"undone/\0\0\0\0\0\0\x01\x02");
        assert_eq!((number(&key(258)), number(b"undone/x")), (Some(258), None));
    }
}
