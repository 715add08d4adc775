//! One step of a change, and whether it is made or only looked at.

use super::error::Error;
use crate::history::Author;
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::RepoName;

/// Whether a change is made or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is made.
    Make,
    /// Nothing is changed.
    DryRun,
}

/// Makes the change of this repo. The number of the operation.
pub(super) fn commit(
    facts: &mut Session,
    author: &Author,
    batch: &Batch,
    repo: &RepoName,
) -> Result<u64, Error> {
    match facts.commit(&author.now(), batch)? {
        Outcome::Done { number } => Ok(number),
        Outcome::Stale { .. } => Err(Error::Moved { repo: repo.clone() }),
    }
}
