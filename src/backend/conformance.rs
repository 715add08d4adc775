//! What every backend must do, as one suite that each implementation runs.

use std::fs;
use std::path::PathBuf;
use std::thread;

use super::{Backend, Error, Listed};
use crate::object::Digest;

/// Checks the contract on an empty backend.
pub(super) fn check(backend: &dyn Backend) {
    let desk = Desk { backend, dir: tempfile::tempdir().unwrap() };
    desk.what_is_not_there_is_missing();
    desk.what_was_put_is_read_as_it_was();
    desk.no_range_leaves_the_file();
    desk.a_list_is_in_order_and_whole();
    desk.what_was_deleted_is_gone_and_may_come_back();
    desk.a_file_that_cannot_be_had_is_not_named();
    desk.many_may_put_at_once();
}

struct Desk<'a> {
    backend: &'a dyn Backend,
    dir: tempfile::TempDir,
}

impl Desk<'_> {
    fn source(&self, bytes: &[u8]) -> (Digest, PathBuf) {
        let name = Digest::of(bytes);
        let source = self.dir.path().join(format!("{name:.12}-{:?}", thread::current().id()));
        fs::write(&source, bytes).unwrap();
        (name, source)
    }

    fn put(&self, bytes: &[u8]) -> Digest {
        let (name, source) = self.source(bytes);
        self.backend.put(&name, &source).unwrap();
        assert!(!source.exists(), "the source is taken away");
        name
    }

    fn what_is_not_there_is_missing(&self) {
        let absent = Digest::of(b"absent");
        assert_eq!(self.backend.list().unwrap(), []);
        assert_eq!(self.backend.find(&absent).unwrap(), None);
        for range in [0..1, 0..0] {
            assert!(
                matches!(self.backend.read(&absent, range), Err(Error::Missing { name, .. }) if name == absent)
            );
        }
        self.backend.delete(&absent).unwrap();
    }

    fn what_was_put_is_read_as_it_was(&self) {
        let long = vec![0xff; 100_000];
        for bytes in [&b"first file"[..], b"", &long] {
            let len = bytes.len() as u64;
            for _ in 0..2 {
                let name = self.put(bytes);
                self.backend.settle(&name).unwrap();
                assert_eq!(self.backend.find(&name).unwrap(), Some(len));
                assert_eq!(self.backend.read(&name, 0..len).unwrap(), bytes);
            }
        }
    }

    fn no_range_leaves_the_file(&self) {
        let name = self.put(b"first file");
        let read = |start: u64, end: u64| self.backend.read(&name, std::ops::Range { start, end });
        assert_eq!(read(6, 8).unwrap(), b"fi");
        for empty in [0, 4, 10] {
            assert_eq!(read(empty, empty).unwrap(), b"");
        }
        for (start, end) in [(5, 11), (10, 11), (11, 11), (0, u64::MAX), (u64::MAX - 1, u64::MAX), (8, 6)] {
            let got = read(start, end);
            assert!(matches!(got, Err(Error::Short { .. })), "{start}..{end}: {got:?}");
        }
    }

    fn a_list_is_in_order_and_whole(&self) {
        let mut expected: Vec<Listed> =
            (0..40_usize).map(|n| Listed { name: self.put(&vec![7; n * 11]), len: n as u64 * 11 }).collect();
        expected.sort();
        let listed = self.backend.list().unwrap();
        assert!(listed.is_sorted_by(|a, b| a.name < b.name), "{listed:?}");
        assert!(expected.iter().all(|file| listed.contains(file)));
    }

    fn what_was_deleted_is_gone_and_may_come_back(&self) {
        let (kept, gone) = (self.put(b"kept"), self.put(b"gone"));
        assert_eq!(self.backend.read(&gone, 0..4).unwrap(), b"gone");
        for _ in 0..2 {
            self.backend.delete(&gone).unwrap();
            assert_eq!(self.backend.find(&gone).unwrap(), None);
            assert!(matches!(self.backend.read(&gone, 0..1), Err(Error::Missing { .. })));
            assert!(self.backend.list().unwrap().iter().all(|file| file.name != gone));
        }
        assert_eq!(self.backend.read(&kept, 0..4).unwrap(), b"kept");
        assert_eq!(self.put(b"gone"), gone);
        assert_eq!(self.backend.read(&gone, 0..4).unwrap(), b"gone");
    }

    fn a_file_that_cannot_be_had_is_not_named(&self) {
        let name = Digest::of(b"never written");
        let put = self.backend.put(&name, &self.dir.path().join("no such file"));
        assert!(matches!(put, Err(Error::Io { .. })), "{put:?}");
        assert_eq!(self.backend.find(&name).unwrap(), None);
        assert!(self.backend.list().unwrap().iter().all(|file| file.name != name));
    }

    fn many_may_put_at_once(&self) {
        thread::scope(|scope| {
            for own in 0..4_u8 {
                scope.spawn(move || {
                    for n in 0..10_u8 {
                        let (shared, mine) = (self.put(&[n; 500]), self.put(&[n, own]));
                        assert_eq!(self.backend.read(&shared, 0..500).unwrap(), [n; 500]);
                        assert_eq!(self.backend.read(&mine, 0..2).unwrap(), [n, own]);
                    }
                });
            }
        });
    }
}
