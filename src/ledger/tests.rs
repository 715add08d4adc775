//! The promises of the ledger.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::fault::{Fault, Kind};
use crate::journal::MAX_PAYLOAD;
use crate::meta::{self, Batch, FaultyMeta, MemoryMeta, MetaSession, MetaStore};

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
    let change = KeyChange { key: b"a".to_vec(), before: Some(b"1".to_vec()), after: Some(b"2".to_vec()) };
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
    let mut session = ledger.session().unwrap();
    assert_eq!(session.commit(&origin(), &put("a", "1")).unwrap(), Outcome::Done { number: 1 });
    // What the session knows is no longer how things are.
    assert!(matches!(session.commit(&origin(), &put("a", "2")), Err(Error::Behind { number: 1 })));
    drop(session);
    assert_eq!(get(&ledger, "a"), Some(b"1".to_vec()));
    assert_eq!(commit(&ledger, "a", "2").unwrap(), Outcome::Done { number: 2 });
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
