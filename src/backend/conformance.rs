//! What every backend must do, as one suite that each implementation runs.

use std::fs;

use super::{Backend, Error, Listed};
use crate::object::Digest;

/// Checks the contract on an empty backend.
pub(super) fn check(backend: &dyn Backend) {
    let dir = tempfile::tempdir().unwrap();
    let put = |bytes: &[u8]| {
        let source = dir.path().join("source");
        fs::write(&source, bytes).unwrap();
        let name = Digest::of(bytes);
        backend.put(&name, &source).unwrap();
        assert!(!source.exists(), "the source is taken away");
        name
    };
    assert_eq!(backend.list().unwrap(), []);
    let absent = Digest::of(b"absent");
    assert_eq!(backend.find(&absent).unwrap(), None);
    assert!(matches!(backend.read(&absent, 0..1), Err(Error::Missing { .. })));
    backend.delete(&absent).unwrap();

    let (a, b) = (put(b"first file"), put(b"second"));
    assert_eq!(put(b"first file"), a);
    assert_eq!(backend.find(&a).unwrap(), Some(10));
    assert_eq!(backend.read(&a, 0..10).unwrap(), b"first file");
    assert_eq!(backend.read(&a, 6..8).unwrap(), b"fi");
    assert_eq!(backend.read(&a, 4..4).unwrap(), b"");
    assert!(matches!(backend.read(&a, 5..11), Err(Error::Short { .. })));
    assert!(matches!(backend.read(&a, 0..u64::MAX), Err(Error::Short { .. })));
    let mut both = [Listed { name: a, len: 10 }, Listed { name: b, len: 6 }];
    both.sort();
    assert_eq!(backend.list().unwrap(), both);

    backend.delete(&a).unwrap();
    assert!(matches!(backend.read(&a, 0..1), Err(Error::Missing { .. })));
    assert_eq!(backend.list().unwrap(), [Listed { name: b, len: 6 }]);
}
