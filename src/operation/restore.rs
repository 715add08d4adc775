//! Going back to how all was after an operation.

use std::collections::BTreeMap;

use super::error::{Aim, Error};
use super::made::{Made, Wanted, make};
use super::plan::{Expected, Wish};
use super::subject::{Care, Subject};
use super::undo::{Reverted, TRIES, Turn};
use crate::history::{self, Author, Subject as Fact};
use crate::ledger::{self, Operation, Origin, OriginKind, Session};
use crate::refs::Mode;
use crate::store::Store;

/// Makes repos, branches, tags and pipelines what they were after the operation `number`. What stages put out is not moved: they
/// find their results again.
pub fn restore(store: &Store, author: &Author, number: u64, mode: Mode) -> Result<Reverted, Error> {
    let aim = Aim::Restore(number);
    for _ in 0..TRIES {
        let (seen, operations) = {
            let facts = store.session()?;
            (facts.newest(), facts.operations())
        };
        let (mut wishes, origin) = values_after(operations, number, seen)?;
        leave_outputs(&store.session()?, &mut wishes)?;
        let wishes = wishes.into_iter().map(|(key, value)| Wish { key, value, expected: Expected::Anything });
        let wanted = Wanted { wishes: wishes.collect(), seen, oldest: number + 1, aim };
        if let Some(made) = make(store, author, mode, wanted)? {
            let Made { operation, changes, caused } = made;
            return Ok(Reverted { operation, turn: Turn::Restored, number, origin, changes, caused });
        }
    }
    Err(Error::Contended { aim })
}

type Values = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What each fact that people changed after the operation `number` held right after it, and who had made that operation.
fn values_after(
    operations: impl Iterator<Item = Result<Operation, ledger::Error>>,
    number: u64,
    newest: u64,
) -> Result<(Values, Origin), Error> {
    let mut values = Values::new();
    for operation in operations {
        let operation = operation?;
        if operation.number == number {
            return Ok((values, operation.origin));
        }
        if operation.origin.kind == OriginKind::Operation {
            // The oldest has the last word.
            values.extend(operation.changes.into_iter().map(|change| (change.key, change.before)));
        }
    }
    Err(Error::Unknown { number, newest })
}

/// Takes out what is not to be restored: the marks of what is undone, and the branches of what is a stage's output now.
fn leave_outputs(facts: &Session, values: &mut Values) -> Result<(), Error> {
    let repos = history::list(facts)?;
    let is_output = |id: u64| repos.iter().any(|repo| repo.id == id && repo.output_of.is_some());
    values.retain(|key, _| match Subject::of(key) {
        Subject::Mark(_) => false,
        Subject::History(Fact::Branch(id, _)) => !is_output(id),
        subject => subject.care() != Care::Left,
    });
    Ok(())
}
