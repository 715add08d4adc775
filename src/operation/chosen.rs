//! Which operation is meant by a plain `undo` or `redo`.
//!
//! `undo` means the newest change that counts: what was taken back, and the takings back themselves, are passed over, so that the next
//! `undo` goes further back. `redo` means the newest `undo` that was not redone, as long as nothing else was changed since.

use std::collections::BTreeSet;

use super::error::Error;
use super::mark::{Turned, turned};
use super::subject::is_change;
use crate::ledger::{self, Operation};

/// How far back one's own newest change is looked for, to advise about it.
const ADVICE: usize = 1000;

type Item = Result<Operation, ledger::Error>;

/// The operation `number` among these.
pub(super) fn numbered(
    mut operations: impl Iterator<Item = Item>,
    number: u64,
    newest: u64,
) -> Result<Operation, Error> {
    let is_it = |item: &Item| item.as_ref().map_or(true, |operation| operation.number == number);
    Ok(operations.find(is_it).ok_or(Error::Unknown { number, newest })??)
}

/// The newest change that counts, which must be one by `me`.
pub(super) fn newest(
    operations: impl Iterator<Item = Item>,
    undone: &BTreeSet<u64>,
    me: &str,
) -> Result<Operation, Error> {
    let counts = |item: &Item| {
        let of = |o: &Operation| is_change(o) && turned(o).is_none() && !undone.contains(&o.number);
        item.as_ref().map_or(true, of)
    };
    let mut counting = operations.filter(counts);
    let found = counting.next().ok_or(Error::NothingToUndo)??;
    if found.origin.author == me {
        return Ok(found);
    }
    let mine = counting.take(ADVICE).filter_map(Result::ok).find(|o| o.origin.author == me);
    let Operation { number, origin, .. } = found;
    let yours = mine.map(|operation| operation.number);
    Err(Error::NotYours { number, author: origin.author, command: origin.command, yours })
}

/// The newest undo that was not redone.
pub(super) fn last_undo(operations: impl Iterator<Item = Item>, me: &str) -> Result<Operation, Error> {
    let mut redone = 0_u32;
    let mut blocked = false;
    for operation in operations {
        let operation = operation?;
        match turned(&operation) {
            Some(Turned::Redid(_)) => redone += 1,
            Some(Turned::Undid(_)) if redone > 0 => redone -= 1,
            Some(Turned::Undid(_)) if blocked => {
                return Err(Error::NothingToRedo { undo: Some(operation.number) });
            }
            Some(Turned::Undid(_)) if operation.origin.author == me => return Ok(operation),
            Some(Turned::Undid(_)) => {
                let Operation { number, origin, .. } = operation;
                let (author, command) = (origin.author, origin.command);
                return Err(Error::NotYours { number, author, command, yours: None });
            }
            None => blocked |= is_change(&operation),
        }
    }
    Err(Error::NothingToRedo { undo: None })
}
