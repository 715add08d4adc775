//! Making again what follows from packs and journal; and a new journal, where that is lost.

use super::error::Error;
use super::recover::{Recovered, recover};
use crate::history::Author;
use crate::ledger::Fault;
use crate::store::Store;

/// What is done where the journal cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// Nothing: it must be whole.
    Needed,
    /// A new one is begun, with what is known.
    Begun,
}

/// What was made again.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// How many packs the index lists now.
    pub packs: u64,
    /// How many operations the facts were made from.
    pub operations: u64,
    /// How many facts were taken into a new journal; `None` if the old one is good.
    pub refounded: Option<u64>,
    /// The branches that were made of commits that nobody named.
    pub recovered: Recovered,
}

/// Makes the index again from the packs and the facts from the journal.
pub fn rebuild(store: &Store, author: &Author, journal: Journal) -> Result<Rebuilt, Error> {
    let found = store.ledger().inspect()?;
    let unusable = found
        .faults
        .iter()
        .find(|fault| matches!(fault, Fault::Journal(_) | Fault::Operation(_) | Fault::AtOdds(_)));
    let packs = store.objects().reindex()?;
    let mut rebuilt = Rebuilt { packs, ..Rebuilt::default() };
    match (unusable, journal) {
        (None, _) => rebuilt.operations = store.ledger().rebuild()?,
        (Some(fault), Journal::Needed) => return Err(Error::Journal { reason: fault.to_string() }),
        (Some(_), Journal::Begun) => {
            rebuilt.refounded = Some(store.ledger().refound(&author.now())?);
            rebuilt.recovered = recover(store, author)?;
            rebuilt.operations = store.session()?.newest();
        }
    }
    Ok(rebuilt)
}
