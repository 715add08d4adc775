//! What is stored is what a file held at one moment, and nothing is read twice without need.

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::read::{Taken, read};
use super::walk::walk_all;
use super::{Error, Gathered, Memory, Overlay, gather};
use crate::content;
use crate::object::access::memory::Objects;
use crate::object::{AccessError, Digest, Entry, ObjectKind, ObjectRead, ObjectWrite, Payload};
use crate::progress::Silent;
use crate::snapshot::Snapshot;
use crate::stamp::Begun;
use crate::store::{DEFAULT_WAIT, Store};
use crate::tree;

/// Objects that do something on the side, each time the store is asked for one: the moment between the reading of a
/// file's bytes and the look whether it changed.
struct Meddler<F: FnMut() + Send> {
    objects: Objects,
    meddle: Mutex<F>,
}

impl<F: FnMut() + Send> std::fmt::Debug for Meddler<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meddler")
    }
}

impl<F: FnMut() + Send> ObjectRead for Meddler<F> {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        self.objects.read_object(digest)
    }
}

impl<F: FnMut() + Send> ObjectWrite for Meddler<F> {
    fn write_object(&self, kind: ObjectKind, digest: &Digest, bytes: &[u8]) -> Result<(), AccessError> {
        self.objects.write_object(kind, digest, bytes)
    }

    fn has_object(&self, digest: &Digest) -> Result<bool, AccessError> {
        (self.meddle.lock().unwrap())();
        self.objects.has_object(digest)
    }
}

/// Reads a file of `before`, which `meddle` changes once while it is read; `None` if it went away.
fn read_while(before: &[u8], meddle: impl Fn(&Path) + Send + 'static) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, before).unwrap();
    let found = walk_all(&path, None, None).unwrap().files.remove(0);
    let mut once = Some(());
    let act = move || {
        if once.take().is_some() {
            meddle(&path);
        }
    };
    let sink = Meddler { objects: Objects::default(), meddle: Mutex::new(act) };
    match read(&sink, found, Begun::now(None), &Silent).unwrap() {
        Taken::Known(known) => {
            let bytes = content::load(&sink, known.entry.blob).unwrap();
            assert_eq!(bytes.len() as u64, known.entry.size);
            Some(bytes)
        }
        Taken::Passed(..) => None,
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_again() {
    for len in [10, 1_000_000] {
        let (old, new) = (vec![b'o'; len], vec![b'n'; len]);
        let appended = read_while(&old, |path| {
            fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap();
        });
        assert_eq!(appended.unwrap(), [&old[..], b"more"].concat());
        let bytes = new.clone();
        assert_eq!(read_while(&old, move |path| fs::write(path, &bytes).unwrap()).unwrap(), new);
        let half = len / 2;
        let cut = read_while(&old, move |path| {
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(half as u64).unwrap();
        });
        assert_eq!(cut.unwrap(), vec![b'o'; half]);
        let replaced = read_while(&old, |path| {
            fs::write(path.with_extension("new"), b"another").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        });
        assert_eq!(replaced.unwrap(), b"another");
        let linked = read_while(&old, |path| {
            fs::remove_file(path).unwrap();
            symlink("elsewhere", path).unwrap();
        });
        assert_eq!(linked.unwrap(), b"elsewhere");
        assert_eq!(read_while(&old, |path| fs::remove_file(path).unwrap()), None);
        let pipe = read_while(&old, |path| {
            fs::remove_file(path).unwrap();
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        });
        assert_eq!(pipe, None);
    }
}

#[test]
fn a_file_that_never_stands_still_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, b"x").unwrap();
    let found = walk_all(&path, None, None).unwrap().files.remove(0);
    let act = move || fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    let sink = Meddler { objects: Objects::default(), meddle: Mutex::new(act) };
    assert!(matches!(read(&sink, found, Begun::now(None), &Silent), Err(Error::Unstable { .. })));
}

/// A directory with a store, and a directory `in` to commit.
struct Desk {
    dir: tempfile::TempDir,
    store: Store,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        Self { dir, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("in").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn gather(&self) -> (Gathered, Vec<(String, Entry)>) {
        let writer = self.store.writer();
        let base = Snapshot::new(&writer, tree::empty(&writer).unwrap());
        let places = [self.dir.path().join("in")];
        let all =
            gather(&writer, base, Memory::Keep(&self.store), &places, None, Overlay::Keep, &Silent).unwrap();
        let (root, _) = all.draft.clone().finish(&writer).unwrap();
        let files = Snapshot::new(&writer, root).scan("").unwrap();
        let files = files.map(|item| item.map(|(path, entry)| (path.to_string(), entry)).unwrap()).collect();
        writer.finish().unwrap();
        (all, files)
    }

    /// Waits until what was written is older than the grain of the clock, by the clock of the file system.
    fn settle(&self) {
        let stamp = |name: &str| crate::stamp::Stamp::of(&fs::metadata(self.path(name)).unwrap());
        let newest = fs::read_dir(self.path(""))
            .unwrap()
            .map(|entry| stamp(entry.unwrap().file_name().to_str().unwrap()));
        let newest: Vec<_> = newest.collect();
        while !newest.iter().all(|stamp| stamp.is_settled(Begun::now(Some(self.store.tmp())))) {
            std::thread::yield_now();
        }
    }
}

fn blob(files: &[(String, Entry)], name: &str) -> Digest {
    *files.iter().find(|(path, _)| path == name).unwrap().1.blob.digest()
}

#[test]
fn an_unchanged_file_is_not_read_and_a_changed_one_is() {
    let desk = Desk::new();
    for name in ["a", "b", "c"] {
        desk.write(name, name);
    }
    desk.settle();
    assert_eq!(desk.gather().0.read, 3);
    let (again, files) = desk.gather();
    assert_eq!((again.read, again.files, blob(&files, "a")), (0, 3, Digest::of(b"a")));
    // The same size, and a time set back to what it was: the time of the change tells.
    let before = fs::metadata(desk.path("b")).unwrap().modified().unwrap();
    desk.write("b", "B");
    fs::File::open(desk.path("b")).unwrap().set_modified(before).unwrap();
    let (third, files) = desk.gather();
    assert_eq!((third.read, blob(&files, "b")), (1, Digest::of(b"B")));
}

#[test]
fn a_file_changed_within_the_grain_of_the_clock_is_read_again() {
    let desk = Desk::new();
    desk.write("a", "1");
    // As if it had been written just now, however long this takes: whatever its stamp says, it is not remembered.
    let file = fs::File::open(desk.path("a")).unwrap();
    let now = file.metadata().unwrap().modified().unwrap();
    file.set_modified(now + std::time::Duration::from_secs(3600)).unwrap();
    assert_eq!((desk.gather().0.read, desk.gather().0.read), (1, 1));
    file.set_modified(now).unwrap();
    desk.settle();
    assert_eq!((desk.gather().0.read, desk.gather().0.read), (1, 0));
}

#[test]
fn a_lost_or_damaged_memory_and_lost_objects_cost_a_reading_and_nothing_else() {
    let desk = Desk::new();
    desk.write("a", "content");
    desk.settle();
    desk.gather();
    let memory = fs::read_dir(desk.store.root().join("cache")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&memory).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&memory, damaged).unwrap();
        let (again, files) = desk.gather();
        assert_eq!((again.read, blob(&files, "a")), (1, Digest::of(b"content")), "byte {at}");
    }
    for len in [0, 31, 32, 40] {
        fs::write(&memory, &whole[..len]).unwrap();
        assert_eq!(desk.gather().0.read, 1, "{len} bytes");
    }
    assert_eq!(desk.gather().0.read, 0);
    for sub in ["packs", "index"] {
        fs::remove_dir_all(desk.store.root().join(sub)).unwrap();
    }
    let store = Store::open(desk.store.root(), DEFAULT_WAIT).unwrap();
    let desk = Desk { store, ..desk };
    let (again, files) = desk.gather();
    assert_eq!((again.read, blob(&files, "a")), (1, Digest::of(b"content")));
}

#[test]
fn a_link_to_the_outside_is_a_link() {
    let desk = Desk::new();
    symlink("/etc/passwd", desk.path("link")).unwrap();
    symlink("link2", desk.path("link2")).unwrap();
    symlink(std::ffi::OsStr::from_bytes(b"bad\xff"), desk.path("odd")).unwrap();
    let (_, files) = desk.gather();
    let want: [(&str, &[u8]); 3] = [("link", b"/etc/passwd"), ("link2", b"link2"), ("odd", b"bad\xff")];
    for (name, target) in want {
        assert_eq!(blob(&files, name), Digest::of(target));
    }
}
