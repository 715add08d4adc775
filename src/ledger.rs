//! The journal and the small facts together: the way every change of refs goes.
//!
//! A change is checked against the facts, then appended to the journal and fsynced, which makes it; then the facts
//! follow. So the facts can always be caught up or rebuilt from the journal, and a session does so when it opens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fault::{Kind, fault};
use crate::journal::{self, Journal};
use crate::meta::{self, Applied, Batch, MetaSession, MetaStore, Visitor};
use crate::object::codec;

/// Where the number of the last applied operation lies.
const APPLIED: &[u8] = b"applied";

const VERSION: u8 = 1;

/// A failed operation on the ledger.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The small facts failed.
    #[error(transparent)]
    Meta(#[from] meta::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// An operation has a form that this release does not know.
    #[error("cannot read operation {number} of the journal")]
    Operation { number: u64, source: codec::Error },
}

fault! {
    Error passes on Meta, Journal;
    kind {
        Self::Operation { .. } => Kind::Damaged,
    }
    hint {
        Self::Operation { .. } => Some("a later vds may have written it: use that one".to_owned()),
    }
}

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

/// How a commit to the ledger ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is made, on disk.
    Done {
        /// The operation's number.
        number: u64,
    },
    /// Nothing was changed, because this key is not as expected.
    Stale {
        /// The first key that differs.
        key: Vec<u8>,
    },
}

/// The journal and the facts of one store; clones share them.
#[derive(Debug, Clone)]
pub struct Ledger {
    meta: Arc<dyn MetaStore>,
    journal: PathBuf,
}

/// A short look at the facts, and the right to change them.
#[derive(Debug)]
pub struct Session {
    facts: Box<dyn MetaSession>,
    journal: Journal,
}

impl Ledger {
    /// The ledger of these facts and the journal in the directory `journal`, which must exist.
    pub fn new(meta: Arc<dyn MetaStore>, journal: &Path) -> Self {
        Self { meta, journal: journal.to_owned() }
    }

    /// Begins a session. Facts that are behind the journal are caught up; facts that cannot be opened are set aside and
    /// rebuilt.
    pub fn session(&self) -> Result<Session, Error> {
        let facts = match self.meta.session() {
            Err(meta::Error::Unopenable { reason, .. }) if journal::exists(&self.journal) => {
                let aside = self.meta.set_aside()?.unwrap_or_default();
                tracing::warn!(%reason, kept = %aside.display(), "the facts could not be opened; rebuilding them from the journal");
                self.meta.session()?
            }
            other => other?,
        };
        let journal = Journal::open(&self.journal)?;
        let mut session = Session { facts, journal };
        session.catch_up()?;
        Ok(session)
    }

    /// All operations, newest first.
    pub fn operations(&self) -> Result<impl Iterator<Item = Result<Operation, Error>>, Error> {
        // Read under the lock, because a record may be in the writing; a list of numbers is all that is kept of it.
        let session = self.session()?;
        let mut records = Vec::new();
        for record in session.journal.newest_first() {
            records.push(record?);
        }
        Ok(records.into_iter().map(|record| decode(record.number, &record.payload)))
    }
}

fn decode(number: u64, payload: &[u8]) -> Result<Operation, Error> {
    let (origin, changes) =
        codec::decode(VERSION, payload).map_err(|source| Error::Operation { number, source })?;
    Ok(Operation { number, origin, changes })
}

impl Session {
    /// The value at `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.facts.get(key)?)
    }

    /// Visits every key that starts with `prefix`, in order, until told to stop.
    pub fn scan(&self, prefix: &[u8], visit: &mut Visitor<'_>) -> Result<(), Error> {
        Ok(self.facts.scan(prefix, visit)?)
    }

    /// Makes a change, all of it or nothing. When it is done, it is on disk.
    pub fn commit(&mut self, origin: &Origin, batch: &Batch) -> Result<Outcome, Error> {
        for (key, value) in &batch.expect {
            if self.get(key)? != *value {
                return Ok(Outcome::Stale { key: key.clone() });
            }
        }
        let mut changes = Vec::new();
        for (key, after) in &batch.writes {
            let before = self.get(key)?;
            if before != *after {
                changes.push(KeyChange { key: key.clone(), before, after: after.clone() });
            }
        }
        let number = self.journal.last_number() + 1;
        let payload = codec::encode(VERSION, &(origin, &changes))
            .map_err(|source| Error::Operation { number, source })?;
        self.journal.append(&payload)?;
        self.follow(number, changes)?;
        Ok(Outcome::Done { number })
    }

    fn follow(&mut self, number: u64, changes: Vec<KeyChange>) -> Result<(), Error> {
        let writes = changes.into_iter().map(|change| (change.key, change.after)).collect();
        let mut batch = Batch { writes, ..Batch::default() };
        batch.put(APPLIED.to_vec(), number.to_be_bytes().to_vec());
        match self.facts.apply(&batch)? {
            Applied::Done | Applied::Stale { .. } => Ok(()),
        }
    }

    fn catch_up(&mut self) -> Result<(), Error> {
        let applied = self.facts.get(APPLIED)?;
        let applied = applied.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
        if applied == self.journal.last_number() {
            return Ok(());
        }
        let missing = self.journal.after(applied)?;
        tracing::info!(operations = missing.len(), "catching the facts up with the journal");
        // Folded into one batch: the facts end where the last operation left each key.
        let mut last = std::collections::BTreeMap::new();
        for record in &missing {
            for change in decode(record.number, &record.payload)?.changes {
                last.insert(change.key.clone(), change);
            }
        }
        self.follow(self.journal.last_number(), last.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{FaultyMeta, MemoryMeta};

    fn origin() -> Origin {
        let (author, command) = ("Ann".to_owned(), "test".to_owned());
        Origin { time: 1, offset: 0, author, command, kind: OriginKind::Operation }
    }

    fn put(key: &str, value: &str) -> Batch {
        let mut batch = Batch::default();
        batch.put(key.into(), value.into());
        batch
    }

    fn get(ledger: &Ledger, key: &str) -> Option<Vec<u8>> {
        ledger.session().unwrap().get(key.as_bytes()).unwrap()
    }

    #[test]
    fn a_change_is_made_once_and_recorded_with_what_was_before() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(Arc::new(MemoryMeta::default()), dir.path());
        let mut session = ledger.session().unwrap();
        assert_eq!(session.commit(&origin(), &put("a", "1")).unwrap(), Outcome::Done { number: 1 });
        let mut second = put("a", "2");
        second.expect(b"a".to_vec(), Some(b"1".to_vec()));
        assert_eq!(session.commit(&origin(), &second).unwrap(), Outcome::Done { number: 2 });
        assert_eq!(session.commit(&origin(), &second).unwrap(), Outcome::Stale { key: b"a".to_vec() });
        drop(session);
        let newest = ledger.operations().unwrap().next().unwrap().unwrap();
        let change =
            KeyChange { key: b"a".to_vec(), before: Some(b"1".to_vec()), after: Some(b"2".to_vec()) };
        assert_eq!((newest.number, newest.changes), (2, vec![change]));
    }

    #[test]
    fn lost_facts_are_rebuilt_from_the_journal() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(Arc::new(MemoryMeta::default()), dir.path());
        for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
            ledger.session().unwrap().commit(&origin(), &put(key, value)).unwrap();
        }
        let rebuilt = Ledger::new(Arc::new(MemoryMeta::default()), dir.path());
        assert_eq!((get(&rebuilt, "a"), get(&rebuilt, "b")), (Some(b"3".to_vec()), Some(b"2".to_vec())));
    }

    #[test]
    fn what_the_journal_has_is_made_even_when_the_facts_failed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(Arc::new(FaultyMeta::new(MemoryMeta::default(), 1)), dir.path());
        assert!(ledger.session().unwrap().commit(&origin(), &put("a", "1")).is_err());
        assert_eq!(get(&ledger, "a"), Some(b"1".to_vec()));
    }
}
