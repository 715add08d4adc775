//! The journal and the small facts together: the way every change of refs goes.
//!
//! A change is checked against the facts, then appended to the journal and fsynced, which makes it; then the facts
//! follow. So the facts can always be caught up or rebuilt from the journal, and a session does so when it opens. Where
//! they may not be written, they are made in memory, and the store can be read all the same.
//!
//! The facts remember which operation they follow, by number and checksum. So a journal that lacks what they have, because
//! an older one was put in its place or its end was lost, is noticed; nothing is then written to either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fault::{Kind, fault};
use crate::journal::{self, Journal, MAX_PAYLOAD, Tip};
use crate::meta::{self, Applied, Batch, MemoryMeta, MetaSession, MetaStore, Visitor};
use crate::object::codec;

/// Where the facts say which operation they follow: its number (u64, big-endian) and its checksum (16 bytes).
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
    /// The change is too large for one operation.
    #[error("this change is too large: one operation holds at most {} MiB", codec::MAX_RECORD >> 20)]
    TooLarge,
    /// The change could not be put into bytes.
    #[error("cannot record this change in the journal")]
    Record { source: codec::Error },
    /// The store may be read only.
    #[error("cannot change the store, which can only be read: {reason}")]
    ReadOnly { reason: String },
    /// The journal is not the one that the facts follow.
    #[error("the store is at odds with itself, and is not changed: {reason}")]
    AtOdds { reason: String },
}

fault! {
    Error passes on Meta, Journal;
    kind {
        Self::Operation { .. } | Self::AtOdds { .. } | Self::Record { .. } => Kind::Damaged,
        Self::TooLarge => Kind::Usage,
        Self::ReadOnly { .. } => Kind::Io,
    }
    hint {
        Self::Operation { .. } => Some("a later vds may have written it: use that one".to_owned()),
        Self::TooLarge => Some("make it in several smaller steps; nothing was changed".to_owned()),
        Self::Record { .. } => None,
        Self::ReadOnly { .. } => Some("you may read this store, but not change it".to_owned()),
        Self::AtOdds { .. } => Some(
            "restore the newest journal/ from a backup; or move meta/ away, to go on from where the journal ends"
                .to_owned(),
        ),
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

/// What each key holds in the end.
type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A short look at the facts, and the right to change them.
#[derive(Debug)]
pub struct Session {
    facts: Box<dyn MetaSession>,
    journal: Journal,
    /// Why nothing can be changed, if so.
    barred: Option<Barred>,
}

#[derive(Debug, Clone)]
enum Barred {
    ReadOnly(String),
    AtOdds(String),
}

impl Ledger {
    /// The ledger of these facts and the journal in the directory `journal`, which must exist.
    pub fn new(meta: Arc<dyn MetaStore>, journal: &Path) -> Self {
        Self { meta, journal: journal.to_owned() }
    }

    /// Begins a session. Facts that are behind the journal are caught up; facts that cannot be opened are set aside and
    /// rebuilt; where nothing may be written, they are made in memory, to be read only.
    pub fn session(&self) -> Result<Session, Error> {
        let facts = match self.meta.session() {
            Err(meta::Error::Unopenable { reason, .. }) if journal::exists(&self.journal) => {
                let aside = self.meta.set_aside()?.unwrap_or_default();
                tracing::warn!(%reason, kept = %aside.display(), "the facts could not be opened; rebuilding them from the journal");
                self.meta.session()?
            }
            Err(error) if error.is_read_only() => return self.read_only(&error),
            other => other?,
        };
        let journal = match Journal::open(&self.journal) {
            Err(error) if error.is_read_only() => return self.read_only(&error),
            other => other?,
        };
        let mut session = Session { facts, journal, barred: None };
        session.catch_up()?;
        Ok(session)
    }

    /// A session that changes nothing on disk. Others may be appending to the journal; what is whole of it counts.
    fn read_only(&self, why: &(dyn std::error::Error + 'static)) -> Result<Session, Error> {
        let reason = why.source().map_or_else(|| why.to_string(), |source| format!("{why}: {source}"));
        let journal = Journal::read(&self.journal)?;
        let facts = MemoryMeta::default().session()?;
        let mut session = Session { facts, journal, barred: None };
        let (changes, _) = session.changes_since(0)?;
        session.follow(changes)?;
        session.barred = Some(Barred::ReadOnly(reason));
        Ok(session)
    }

    /// All operations, newest first, each read from the journal when it is asked for. Nothing is held meanwhile.
    pub fn operations(&self) -> Result<impl Iterator<Item = Result<Operation, Error>> + use<>, Error> {
        Ok(self.session()?.operations())
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

    /// All operations up to now, newest first, each read from the journal when it is asked for. They can be read on when
    /// the session has ended.
    pub fn operations(&self) -> impl Iterator<Item = Result<Operation, Error>> + use<> {
        self.journal.newest_first().map(|record| {
            let record = record?;
            decode(record.number, &record.payload)
        })
    }

    /// Makes a change, all of it or nothing. When it is done, it is on disk.
    pub fn commit(&mut self, origin: &Origin, batch: &Batch) -> Result<Outcome, Error> {
        match self.barred.clone() {
            None => {}
            Some(Barred::ReadOnly(reason)) => return Err(Error::ReadOnly { reason }),
            Some(Barred::AtOdds(reason)) => return Err(Error::AtOdds { reason }),
        }
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
        let payload = encode(origin, &changes)?;
        let Tip { number, .. } = self.journal.append(&payload)?;
        self.follow(changes.into_iter().map(|change| (change.key, change.after)))?;
        Ok(Outcome::Done { number })
    }

    /// Brings the facts to where the journal is, by these writes.
    fn follow(&mut self, writes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) -> Result<(), Error> {
        let mut batch = Batch { writes: writes.into_iter().collect(), ..Batch::default() };
        let Tip { number, check } = self.journal.tip();
        batch.put(APPLIED.to_vec(), [&number.to_be_bytes()[..], &check].concat());
        match self.facts.apply(&batch)? {
            Applied::Done | Applied::Stale { .. } => Ok(()),
        }
    }

    fn catch_up(&mut self) -> Result<(), Error> {
        let applied = self.facts.get(APPLIED)?.as_deref().and_then(tip_from).unwrap_or_default();
        let tip = self.journal.tip();
        if applied == tip {
            return Ok(());
        }
        if applied.number > tip.number {
            self.bar(format!(
                "its facts follow operation {}, but its journal ends at operation {}",
                applied.number, tip.number
            ));
            return Ok(());
        }
        let (changes, found) = self.changes_since(applied.number)?;
        if found != applied {
            self.bar(format!(
                "operation {} of its journal is not the one that its facts follow",
                applied.number
            ));
            return Ok(());
        }
        let operations = tip.number - applied.number;
        if applied.number == 0 {
            tracing::warn!(operations, "the facts were missing; made them again from the journal");
        } else {
            tracing::warn!(operations, "the facts were behind the journal; caught them up");
        }
        self.follow(changes)
    }

    /// Lets nothing be changed, because facts and journal do not belong together, and says so. What the facts know can
    /// still be read.
    fn bar(&mut self, reason: String) {
        tracing::warn!(%reason, "the store is at odds with itself");
        self.barred = Some(Barred::AtOdds(reason));
    }

    /// What the operations after number `after` came to, key by key, and the point in the journal at which they begin. One
    /// operation is in memory at a time, besides what is returned.
    fn changes_since(&self, after: u64) -> Result<(Writes, Tip), Error> {
        let mut last = BTreeMap::new();
        for record in self.journal.newest_first() {
            let record = record?;
            if record.number <= after {
                return Ok((last, Tip { number: record.number, check: record.check }));
            }
            for change in decode(record.number, &record.payload)?.changes {
                last.entry(change.key).or_insert(change.after);
            }
        }
        Ok((last, Tip::default()))
    }
}

fn tip_from(bytes: &[u8]) -> Option<Tip> {
    let (number, check) = bytes.split_first_chunk::<8>()?;
    Some(Tip { number: u64::from_be_bytes(*number), check: check.try_into().ok()? })
}

/// The payload of an operation.
fn encode(origin: &Origin, changes: &[KeyChange]) -> Result<Vec<u8>, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
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

    /// A ledger whose facts outlive it, and where its journal lies.
    fn kept() -> (tempfile::TempDir, Ledger, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(Arc::new(MemoryMeta::default()), dir.path());
        let journal = dir.path().join("operations");
        (dir, ledger, journal)
    }

    fn commit(ledger: &Ledger, key: &str, value: &str) -> Result<Outcome, Error> {
        ledger.session().unwrap().commit(&origin(), &put(key, value))
    }

    #[test]
    fn an_older_journal_is_noticed_and_nothing_is_written_over() {
        let (_dir, ledger, journal) = kept();
        commit(&ledger, "a", "1").unwrap();
        let older = std::fs::read(&journal).unwrap();
        commit(&ledger, "a", "2").unwrap();
        std::fs::write(&journal, &older).unwrap();
        for _ in 0..2 {
            let refused = commit(&ledger, "b", "3").unwrap_err();
            assert!(matches!(&refused, Error::AtOdds { reason } if reason.contains("ends at operation 1")));
            assert_eq!(refused.kind(), Kind::Damaged);
            // What the facts know can still be read.
            assert_eq!((get(&ledger, "a"), get(&ledger, "b")), (Some(b"2".to_vec()), None));
        }
        assert_eq!(std::fs::read(&journal).unwrap(), older);
        // Going on from the journal is a decision, made by taking the facts away.
        let rebuilt = Ledger { meta: Arc::new(MemoryMeta::default()), ..ledger };
        assert_eq!(get(&rebuilt, "a"), Some(b"1".to_vec()));
        assert_eq!(commit(&rebuilt, "b", "3").unwrap(), Outcome::Done { number: 2 });
    }

    #[test]
    fn another_journal_is_noticed_however_long_it_is() {
        for more in 0..3 {
            let (_dir, ledger, journal) = kept();
            let (_other_dir, other, other_journal) = kept();
            commit(&ledger, "a", "1").unwrap();
            for n in 0..=more {
                commit(&other, "x", &n.to_string()).unwrap();
            }
            std::fs::copy(&other_journal, &journal).unwrap();
            assert!(matches!(commit(&ledger, "b", "3"), Err(Error::AtOdds { .. })), "{more} more");
            assert_eq!((get(&ledger, "a"), get(&ledger, "x")), (Some(b"1".to_vec()), None));
        }
    }

    #[test]
    fn facts_that_are_behind_are_caught_up_with_removals_too() {
        let (_dir, ledger, _) = kept();
        commit(&ledger, "a", "1").unwrap();
        let behind = Ledger { meta: Arc::new(MemoryMeta::default()), ..ledger.clone() };
        assert_eq!(get(&behind, "a"), Some(b"1".to_vec()));
        commit(&ledger, "a", "2").unwrap();
        let mut removal = put("b", "3");
        removal.remove(b"a".to_vec());
        ledger.session().unwrap().commit(&origin(), &removal).unwrap();
        assert_eq!((get(&behind, "a"), get(&behind, "b")), (None, Some(b"3".to_vec())));
    }

    /// Facts in a place that may not be written.
    #[derive(Debug)]
    struct Sealed;

    impl MetaStore for Sealed {
        fn session(&self) -> Result<Box<dyn MetaSession>, meta::Error> {
            let source = std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem);
            Err(meta::Error::Io { verb: "open the lock file", place: "a sealed place".to_owned(), source })
        }

        fn set_aside(&self) -> Result<Option<PathBuf>, meta::Error> {
            unreachable!("nothing is moved in a sealed place")
        }
    }

    #[test]
    fn a_place_that_may_not_be_written_can_be_read() {
        let (_dir, ledger, journal) = kept();
        commit(&ledger, "a", "1").unwrap();
        commit(&ledger, "a", "2").unwrap();
        // While somebody who may write is at it.
        let mut half = std::fs::read(&journal).unwrap();
        half.extend([30, 0, 0, 0, 3, 0]);
        std::fs::write(&journal, &half).unwrap();
        let sealed = Ledger { meta: Arc::new(Sealed), ..ledger };
        assert_eq!(get(&sealed, "a"), Some(b"2".to_vec()));
        assert_eq!(sealed.operations().unwrap().count(), 2);
        for _ in 0..2 {
            let refused = commit(&sealed, "a", "3").unwrap_err();
            assert!(matches!(refused, Error::ReadOnly { .. }), "{refused}");
        }
        assert_eq!(std::fs::read(&journal).unwrap(), half);
    }

    #[test]
    fn a_change_beyond_the_limit_is_refused_and_one_below_it_can_be_read_back() {
        let (_dir, ledger, _) = kept();
        let mut batch = Batch::default();
        batch.put(b"large".to_vec(), vec![0; MAX_PAYLOAD]);
        let refused = ledger.session().unwrap().commit(&origin(), &batch).unwrap_err();
        assert!(matches!(refused, Error::TooLarge), "{refused}");
        assert_eq!(refused.kind(), Kind::Usage);
        assert_eq!(ledger.operations().unwrap().count(), 0);
        let mut batch = Batch::default();
        batch.put(b"large".to_vec(), vec![0; 17 << 20]);
        ledger.session().unwrap().commit(&origin(), &batch).unwrap();
        let rebuilt = Ledger { meta: Arc::new(MemoryMeta::default()), ..ledger };
        assert_eq!(get(&rebuilt, "large").map(|value| value.len()), Some(17 << 20));
    }

    #[test]
    fn operations_are_read_on_while_others_change_the_store() {
        let (_dir, ledger, _) = kept();
        for n in 0..5 {
            commit(&ledger, "a", &n.to_string()).unwrap();
        }
        let mut operations = ledger.operations().unwrap();
        assert_eq!(operations.next().unwrap().unwrap().number, 5);
        commit(&ledger, "a", "more").unwrap();
        assert_eq!(operations.map(|o| o.unwrap().number).collect::<Vec<_>>(), [4, 3, 2, 1]);
    }
}
