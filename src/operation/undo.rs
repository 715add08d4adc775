//! Taking an operation back, and bringing it back again.
//!
//! The operation is chosen without holding anything, since the journal may be long; then, in one session, its facts are given
//! their old values, if nobody has changed anything since it was chosen.

use super::chosen;
use super::error::{Aim, Error};
use super::made::{Made, Wanted, make};
use super::mark::{self, Turned, turned};
use super::plan::{Expected, Wish};
use super::subject::is_change;
use super::told::Changed;
use crate::history::Author;
use crate::ledger::{Operation, Origin, Session};
use crate::pipeline::trigger::Caused;
use crate::refs::Mode;
use crate::store::Store;

/// How often a choice is made anew when other processes change the store meanwhile.
pub(super) const TRIES: usize = 50;

/// Which operation to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest change that counts, if it is one's own.
    Newest,
    /// The one of this number.
    Number(u64),
}

/// In which direction it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// An operation was taken back.
    Undone,
    /// One was brought back that had been taken back.
    Redone,
    /// All was made as it had been after an operation.
    Restored,
}

/// What going back came to, or would.
#[derive(Debug, Clone)]
pub struct Reverted {
    /// The operation that did it; `None` when nothing was changed.
    pub operation: Option<u64>,
    /// In which direction it went.
    pub turn: Turn,
    /// The operation that was taken back, brought back or gone back to.
    pub number: u64,
    /// Who had made that, when, and how.
    pub origin: Origin,
    /// What was changed.
    pub changes: Vec<Changed>,
    /// What this caused.
    pub caused: Caused,
}

/// Takes an operation back.
pub fn undo(store: &Store, author: &Author, which: Which, mode: Mode) -> Result<Reverted, Error> {
    turn(store, author, mode, |facts| {
        let (newest, undone) = (facts.newest(), mark::all(facts)?);
        let operations = facts.operations();
        Ok(move || match which {
            Which::Newest => chosen::newest(operations, &undone, &author.name),
            Which::Number(number) => {
                let found = chosen::numbered(operations, number, newest)?;
                let is_undone = match turned(&found) {
                    None => undone.contains(&number),
                    Some(Turned::Undid(other)) => !undone.contains(&other),
                    Some(Turned::Redid(other)) => undone.contains(&other),
                };
                match is_undone {
                    true => Err(Error::Undone { number }),
                    false if !is_change(&found) => Err(Error::Nothing { number }),
                    false => Ok(found),
                }
            }
        })
    })
}

/// Brings back what the last [`undo`] took back.
pub fn redo(store: &Store, author: &Author, mode: Mode) -> Result<Reverted, Error> {
    turn(store, author, mode, |facts| {
        let operations = facts.operations();
        Ok(move || chosen::last_undo(operations, &author.name))
    })
}

/// Reverts the operation that is chosen. The choice is prepared in a session, and made without one.
fn turn<C: FnOnce() -> Result<Operation, Error>>(
    store: &Store,
    author: &Author,
    mode: Mode,
    prepare: impl Fn(&Session) -> Result<C, Error>,
) -> Result<Reverted, Error> {
    let mut aim = Aim::Undo(0);
    for _ in 0..TRIES {
        let (seen, choose, operations) = {
            let facts = store.session()?;
            (facts.newest(), prepare(&facts)?, facts.operations())
        };
        let chosen = choose()?;
        let number = chosen.number;
        // To take a redo back is to undo again what it redid; to take an undo back is to redo that.
        let (aims, turn, subject) = match turned(&chosen) {
            None => (Aim::Undo(number), Turn::Undone, chosen.clone()),
            Some(Turned::Redid(other)) => {
                (Aim::Undo(other), Turn::Undone, chosen::numbered(operations, other, seen)?)
            }
            Some(Turned::Undid(other)) => {
                (Aim::Redo(other), Turn::Redone, chosen::numbered(operations, other, seen)?)
            }
        };
        aim = aims;
        let source = if turn == Turn::Redone { &chosen } else { &subject };
        let wanted = Wanted { wishes: wishes(source), seen, oldest: source.number, aim };
        if let Some(made) = make(store, author, mode, wanted)? {
            let Made { operation, changes, caused } = made;
            let Operation { number, origin, .. } = subject;
            return Ok(Reverted { operation, turn, number, origin, changes, caused });
        }
    }
    Err(Error::Contended { aim })
}

/// The opposite of an operation. One that is no undo itself is marked as undone.
fn wishes(operation: &Operation) -> Vec<Wish> {
    let back = operation.changes.iter().map(|change| Wish {
        key: change.key.clone(),
        value: change.before.clone(),
        expected: Expected::Value(change.after.clone()),
    });
    let mark = turned(operation).is_none().then(|| Wish {
        key: mark::key(operation.number),
        value: Some(Vec::new()),
        expected: Expected::Value(None),
    });
    back.chain(mark).collect()
}
