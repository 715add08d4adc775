//! What every store of small facts must do, as one suite that each implementation runs.

use std::ops::ControlFlow;

use super::{Applied, Batch, MetaSession, MetaStore};

/// Checks the contract on an empty store.
pub(super) fn check(meta: &dyn MetaStore) {
    a_batch_is_all_or_none(meta);
    a_scan_goes_in_byte_order_and_stops_when_told(meta);
    a_later_session_sees_it(meta);
}

fn put(key: &[u8], value: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.put(key.to_vec(), value.to_vec());
    batch
}

fn keys(session: &dyn MetaSession, prefix: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut visit = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        if keys.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    session.scan(prefix, &mut visit).unwrap();
    keys
}

fn a_batch_is_all_or_none(meta: &dyn MetaStore) {
    let mut session = meta.session().unwrap();
    assert_eq!(session.get(b"all/a").unwrap(), None);
    let mut batch = put(b"all/a", b"1");
    batch.expect(b"all/a".to_vec(), None).put(b"all/b".to_vec(), b"2".to_vec());
    assert_eq!(session.apply(&batch).unwrap(), Applied::Done);
    assert_eq!(session.apply(&batch).unwrap(), Applied::Stale { key: b"all/a".to_vec() });
    let mut wrong = put(b"all/b", b"3");
    wrong.expect(b"all/b".to_vec(), Some(b"2".to_vec())).expect(b"all/a".to_vec(), Some(b"9".to_vec()));
    assert!(matches!(session.apply(&wrong).unwrap(), Applied::Stale { .. }));
    assert_eq!(session.get(b"all/b").unwrap(), Some(b"2".to_vec()));
    let mut removal = Batch::default();
    removal
        .expect(b"all/b".to_vec(), Some(b"2".to_vec()))
        .remove(b"all/b".to_vec())
        .remove(b"absent".to_vec());
    assert_eq!(session.apply(&removal).unwrap(), Applied::Done);
    assert_eq!(session.get(b"all/b").unwrap(), None);
}

fn a_scan_goes_in_byte_order_and_stops_when_told(meta: &dyn MetaStore) {
    let mut session = meta.session().unwrap();
    for key in [&b"scan/b"[..], b"scan/\xff", b"scan", b"scan/", b"scan0", b"scan/a", b"scam/z"] {
        assert_eq!(session.apply(&put(key, b"")).unwrap(), Applied::Done);
    }
    assert_eq!(keys(&*session, b"scan/", 9), [&b"scan/"[..], b"scan/a", b"scan/b", b"scan/\xff"]);
    assert_eq!(keys(&*session, b"scan/", 2), [&b"scan/"[..], b"scan/a"]);
    assert!(keys(&*session, b"none", 9).is_empty());
}

fn a_later_session_sees_it(meta: &dyn MetaStore) {
    assert_eq!(meta.session().unwrap().apply(&put(b"later", b"value")).unwrap(), Applied::Done);
    assert_eq!(meta.session().unwrap().get(b"later").unwrap(), Some(b"value".to_vec()));
}
