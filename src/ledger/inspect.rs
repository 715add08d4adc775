//! Looking at the journal and the facts for their own sake: whether the facts are what the journal's changes come to.
//!
//! Nothing is mended. The lock is held while the facts are taken into memory, and no longer.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::ControlFlow;

use super::error::Error;
use super::made::Made;
use super::operation::decode;
use super::session::{APPLIED, Barred, Ledger, Session, Writes, tip_from};
use crate::fault::prevents_writing;
use crate::journal::{self, Journal, Tip};
use crate::meta::{self, Batch, MemoryMeta, MetaStore};

/// What was found of the journal and the facts.
#[derive(Debug)]
pub struct Inspected {
    /// How many operations the journal has, as far as it is good.
    pub operations: u64,
    /// How many facts there are.
    pub facts: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// The facts as the journal makes them, to read only; `None` if it is not whole.
    pub session: Option<Session>,
}

/// Something that is not as it should be.
#[derive(Debug)]
pub enum Fault {
    /// The journal is not whole.
    Journal(journal::Error),
    /// An operation of the journal cannot be read.
    Operation(Error),
    /// The journal ends with so many bytes that are no record. The next command cuts them off.
    Tail(u64),
    /// The facts cannot be opened. The next command makes them again.
    Unopenable(String),
    /// The facts follow the operations only up to this number. The next command catches them up.
    Behind(u64),
    /// The facts follow an operation that the journal does not have.
    AtOdds(u64),
    /// The fact at this key is not what the journal says.
    Fact(Vec<u8>),
}

/// The facts as they are kept, where they can be read.
type Kept = BTreeMap<Vec<u8>, Vec<u8>>;

impl Ledger {
    /// Compares the facts with the journal, all of which is read.
    pub fn inspect(&self) -> Result<Inspected, Error> {
        let mut faults = Vec::new();
        let (kept, journal) = self.take(&mut faults)?;
        let found = Inspected { operations: 0, facts: 0, faults, session: None };
        match journal {
            Ok(journal) => found.of(kept, journal),
            Err(error) => {
                let mut found = Inspected { facts: kept.map_or(0, |kept| kept.len() as u64), ..found };
                found.faults.push(Fault::Journal(error));
                Ok(found)
            }
        }
    }

    /// The facts and the journal at one moment.
    fn take(
        &self,
        faults: &mut Vec<Fault>,
    ) -> Result<(Option<Kept>, Result<Journal, journal::Error>), Error> {
        let facts = match self.meta.session() {
            Ok(facts) => Some(facts),
            Err(meta::Error::Unopenable { reason, .. }) => {
                faults.push(Fault::Unopenable(reason));
                None
            }
            // Who may not write may not open them either.
            Err(meta::Error::Io { source, .. }) if prevents_writing(&source) => None,
            Err(error) => return Err(error.into()),
        };
        let journal = if journal::is_gone(&self.journal) && self.has_packs() {
            // A file without its head is as good as none.
            let (path, source) = (self.journal.join("operations"), io::ErrorKind::NotFound.into());
            Err(journal::Error::Io { verb: "read", path, source })
        } else {
            Journal::read(&self.journal)
        };
        let Some(facts) = facts else { return Ok((None, journal)) };
        // While the session lasts nobody appends.
        if let Ok(journal) = &journal {
            faults.extend(Some(journal.beyond()?).filter(|tail| *tail > 0).map(Fault::Tail));
        }
        let mut kept = Kept::new();
        let scanned = facts.scan(b"", &mut |key, value| {
            kept.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        });
        match scanned {
            Ok(()) => Ok((Some(kept), journal)),
            Err(error) => {
                faults.push(Fault::Unopenable(error.to_string()));
                Ok((None, journal))
            }
        }
    }
}

impl Inspected {
    fn of(mut self, kept: Option<Kept>, journal: Journal) -> Result<Self, Error> {
        let applied = kept.as_ref().and_then(|kept| kept.get(APPLIED)).and_then(|bytes| tip_from(bytes));
        let applied = applied.unwrap_or_default();
        self.operations = journal.tip().number;
        // What the operations come to that the facts follow, and those after them.
        let (mut followed, mut later) = (Writes::new(), Writes::new());
        let mut met = applied == Tip::default();
        for record in journal.newest_first() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    self.faults.push(Fault::Journal(error));
                    return Ok(self);
                }
            };
            met |= applied == Tip { number: record.number, check: record.check };
            let operation = match decode(record.number, &record.payload) {
                Ok(operation) => operation,
                Err(error) => {
                    self.faults.push(Fault::Operation(error));
                    return Ok(self);
                }
            };
            let writes = if record.number > applied.number { &mut later } else { &mut followed };
            for change in operation.changes {
                writes.entry(change.key).or_insert(change.after);
            }
        }
        if let Some(kept) = kept {
            self.facts = kept.len() as u64;
            if !met {
                self.faults.push(Fault::AtOdds(applied.number));
            } else if applied.number < self.operations {
                self.faults.push(Fault::Behind(applied.number));
            }
            if met {
                self.compare(kept, &followed);
            }
        }
        followed.extend(later);
        self.session = Some(remembered(followed, journal)?);
        Ok(self)
    }

    /// Notes the facts that are not what these writes come to.
    fn compare(&mut self, mut kept: Kept, followed: &Writes) {
        kept.remove(APPLIED);
        let wrong =
            followed.iter().filter(|(key, value)| kept.remove(*key) != **value).map(|(key, _)| key.clone());
        let wrong: Vec<_> = wrong.collect();
        self.faults.extend(wrong.into_iter().chain(kept.into_keys()).map(Fault::Fact));
    }
}

/// A session with these facts, in which nothing can be changed.
fn remembered(facts: Writes, journal: Journal) -> Result<Session, Error> {
    let mut session = MemoryMeta::default().session()?;
    session.apply(&Batch { writes: facts.into_iter().collect(), ..Batch::default() })?;
    let barred = Some(Barred::ReadOnly("only looked at".to_owned()));
    Ok(Session { facts: session, journal, barred, supposed: Writes::new(), made: Made::default() })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(_) if self.is_loss() => f.write_str("it is missing"),
            Self::Journal(error) => with_sources(f, error),
            Self::Operation(error) => with_sources(f, error),
            Self::Tail(bytes) => write!(f, "it ends with {bytes} bytes of a record that was never finished"),
            Self::Unopenable(reason) => write!(f, "they cannot be opened: {reason}"),
            Self::Behind(0) => f.write_str("they are missing"),
            Self::Behind(number) => write!(f, "they follow the journal only up to operation {number}"),
            Self::AtOdds(number) => {
                write!(f, "the facts follow an operation {number} that the journal does not have")
            }
            Self::Fact(key) => write!(f, "the fact {} is not as the journal says", key.escape_ascii()),
        }
    }
}

fn with_sources(f: &mut fmt::Formatter<'_>, error: &dyn std::error::Error) -> fmt::Result {
    write!(f, "{error}")?;
    error.source().map_or(Ok(()), |source| write!(f, ": {source}"))
}

impl Fault {
    /// Whether the next command mends it by itself, and nothing is lost.
    pub fn mends_itself(&self) -> bool {
        match self {
            Self::Journal(_) | Self::Operation(_) | Self::AtOdds(_) | Self::Fact(_) => false,
            Self::Tail(_) | Self::Unopenable(_) | Self::Behind(_) => true,
        }
    }

    /// Whether there is no journal.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Journal(journal::Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound)
    }
}
