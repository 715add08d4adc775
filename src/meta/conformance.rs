//! What every store of small facts must do, as one suite that each implementation runs.

use std::ops::ControlFlow;

use super::{Applied, Batch, MetaSession, MetaStore};

/// Checks the contract on an empty store.
pub(super) fn check(meta: &dyn MetaStore) {
    nothing_is_there_at_first(meta);
    a_batch_is_all_or_none(meta);
    an_expectation_may_be_of_absence(meta);
    any_bytes_are_kept_as_they_are(meta);
    a_scan_goes_in_byte_order_and_stops_when_told(meta);
    a_later_session_sees_it(meta);
    what_was_set_aside_is_gone(meta);
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

fn nothing_is_there_at_first(meta: &dyn MetaStore) {
    let mut session = meta.session().unwrap();
    assert_eq!(session.get(b"absent").unwrap(), None);
    assert!(keys(&*session, b"", 9).is_empty());
    assert_eq!(session.apply(&Batch::default()).unwrap(), Applied::Done);
}

fn a_batch_is_all_or_none(meta: &dyn MetaStore) {
    let mut session = meta.session().unwrap();
    let mut batch = put(b"all/a", b"1");
    batch.expect(b"all/a".to_vec(), None).put(b"all/b".to_vec(), b"2".to_vec());
    assert_eq!(session.apply(&batch).unwrap(), Applied::Done);
    assert_eq!(session.apply(&batch).unwrap(), Applied::Stale { key: b"all/a".to_vec() });
    let mut wrong = put(b"all/b", b"3");
    wrong.expect(b"all/b".to_vec(), Some(b"2".to_vec())).expect(b"all/a".to_vec(), Some(b"9".to_vec()));
    assert_eq!(session.apply(&wrong).unwrap(), Applied::Stale { key: b"all/a".to_vec() });
    assert_eq!(session.get(b"all/b").unwrap(), Some(b"2".to_vec()));
    let mut removal = Batch::default();
    removal
        .expect(b"all/b".to_vec(), Some(b"2".to_vec()))
        .remove(b"all/b".to_vec())
        .remove(b"absent".to_vec());
    assert_eq!(session.apply(&removal).unwrap(), Applied::Done);
    assert_eq!(session.get(b"all/b").unwrap(), None);
}

fn an_expectation_may_be_of_absence(meta: &dyn MetaStore) {
    let mut session = meta.session().unwrap();
    let mut try_put = |expected: &[(&[u8], Option<&[u8]>)]| {
        let mut batch = put(b"expect/new", b"x");
        for (key, value) in expected {
            batch.expect(key.to_vec(), value.map(<[u8]>::to_vec));
        }
        session.apply(&batch).unwrap()
    };
    // Of several that differ, the first is named.
    let stale = |key: &[u8]| Applied::Stale { key: key.to_vec() };
    assert_eq!(
        try_put(&[(b"expect/a", None), (b"expect/c", Some(b"1")), (b"expect/b", Some(b""))]),
        stale(b"expect/c")
    );
    assert_eq!(try_put(&[(b"expect/a", Some(b""))]), stale(b"expect/a"));
    assert_eq!(try_put(&[(b"expect/a", None), (b"expect/new", None)]), Applied::Done);
    assert_eq!(try_put(&[(b"expect/new", None)]), stale(b"expect/new"));
    assert_eq!(try_put(&[(b"expect/new", Some(b"x")), (b"expect/a", None)]), Applied::Done);
}

fn any_bytes_are_kept_as_they_are(meta: &dyn MetaStore) {
    let mut session = meta.session().unwrap();
    let long = vec![0xa5; 200_000];
    for (key, value) in [(&b"any/\x00"[..], &b""[..]), (b"any/\xff\xff", b"\x00"), (b"any/long", &long)] {
        assert_eq!(session.apply(&put(key, value)).unwrap(), Applied::Done);
        assert_eq!(session.get(key).unwrap().as_deref(), Some(value));
        assert_eq!(session.apply(&put(key, b"other")).unwrap(), Applied::Done);
        assert_eq!(session.get(key).unwrap().as_deref(), Some(&b"other"[..]));
    }
}

fn a_scan_goes_in_byte_order_and_stops_when_told(meta: &dyn MetaStore) {
    let mut session = meta.session().unwrap();
    for key in
        [&b"scan/b"[..], b"scan/\xff", b"scan/\xff\xff", b"scan", b"scan/", b"scan0", b"scan/a", b"scam/z"]
    {
        assert_eq!(session.apply(&put(key, b"")).unwrap(), Applied::Done);
    }
    assert_eq!(
        keys(&*session, b"scan/", 9),
        [&b"scan/"[..], b"scan/a", b"scan/b", b"scan/\xff", b"scan/\xff\xff"]
    );
    assert_eq!(keys(&*session, b"scan/\xff", 9), [&b"scan/\xff"[..], b"scan/\xff\xff"]);
    assert_eq!(keys(&*session, b"scan/", 2), [&b"scan/"[..], b"scan/a"]);
    assert_eq!(keys(&*session, b"scan/", 1), [b"scan/"]);
    assert_eq!(keys(&*session, b"sca", 1), [b"scam/z"]);
    assert!(keys(&*session, b"none", 9).is_empty());
    let all = keys(&*session, b"", usize::MAX);
    assert!(all.is_sorted() && all.len() > 8);
}

fn a_later_session_sees_it(meta: &dyn MetaStore) {
    assert_eq!(meta.session().unwrap().apply(&put(b"later", b"value")).unwrap(), Applied::Done);
    assert_eq!(meta.session().unwrap().get(b"later").unwrap(), Some(b"value".to_vec()));
}

fn what_was_set_aside_is_gone(meta: &dyn MetaStore) {
    let aside = meta.set_aside().unwrap();
    assert!(aside.is_none_or(|place| place.exists()), "what was there is kept");
    let mut session = meta.session().unwrap();
    assert!(keys(&*session, b"", 9).is_empty());
    assert_eq!(session.apply(&put(b"fresh", b"start")).unwrap(), Applied::Done);
    assert_eq!(session.get(b"fresh").unwrap(), Some(b"start".to_vec()));
}
