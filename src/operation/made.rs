//! Going back, made in one session.

use super::error::{Aim, Error};
use super::mark;
use super::names::Names;
use super::plan::{Plan, Stop, Wish, plan};
use super::subject::is_change;
use super::told::{Changed, Noun, tell};
use crate::history::{self, Author};
use crate::ledger::{Outcome, Session};
use crate::pipeline::trigger::Caused;
use crate::refs::Mode;
use crate::store::Store;

/// What is to be made.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) wishes: Vec<Wish>,
    /// The newest operation when this was decided.
    pub(super) seen: u64,
    /// The oldest operation whose values are wanted.
    pub(super) oldest: u64,
    pub(super) aim: Aim,
}

/// What was made, or would be.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) operation: Option<u64>,
    pub(super) changes: Vec<Changed>,
    pub(super) caused: Caused,
}

/// Makes what is wanted; `None` if somebody has changed something since it was decided.
pub(super) fn make(
    store: &Store,
    author: &Author,
    mode: Mode,
    wanted: Wanted,
) -> Result<Option<Made>, Error> {
    let Wanted { wishes, seen, oldest, aim } = wanted;
    let mut facts = store.session()?;
    if has_changed(&facts, seen)? {
        return Ok(None);
    }
    let since = history::kept_since(&facts)?;
    if oldest < since {
        return Err(Error::Collected { aim, since });
    }
    let origin = author.now();
    let mut names = Names::now(&facts)?;
    let Plan { batch, changes, caused } = match plan(store, &mut facts, wishes, &origin, aim) {
        Ok(plan) => plan,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Obstacle(obstacle)) => {
            let (operations, undone) = (facts.operations(), mark::all(&facts)?);
            drop(facts);
            return Err(obstacle.blame(operations, names, &undone, aim));
        }
    };
    names.forward(&changes)?;
    let mut told = tell(&changes, &names)?;
    told.retain(|changed| changed.noun != Noun::Commit);
    let operation = match mode {
        Mode::Make if !batch.writes.is_empty() => match facts.commit(&origin, &batch)? {
            Outcome::Done { number } => Some(number),
            Outcome::Stale { .. } => return Ok(None),
        },
        Mode::Make | Mode::DryRun => None,
    };
    Ok(Some(Made { operation, changes: told, caused }))
}

/// Whether somebody changed something after the operation `seen`.
fn has_changed(facts: &Session, seen: u64) -> Result<bool, Error> {
    for operation in facts.operations() {
        let operation = operation?;
        if operation.number <= seen {
            break;
        }
        if is_change(&operation) {
            return Ok(true);
        }
    }
    Ok(false)
}
