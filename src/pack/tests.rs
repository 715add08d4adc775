//! The promises of packs.

use std::fs;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Packs, Writer, Written};
use crate::backend::{Backend, FaultyBackend, LocalBackend, MemoryBackend};
use crate::object::{AccessError, Digest, ObjectKind, ObjectRead, ObjectWrite};
use crate::owner::Tmp;

struct Place {
    dir: tempfile::TempDir,
    backend: Arc<MemoryBackend>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("index")).unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        Self { dir, backend: Arc::new(MemoryBackend::default()) }
    }

    fn packs(&self) -> Packs {
        let backend: Arc<dyn Backend> = self.backend.clone();
        Packs::new(backend, &self.dir.path().join("index"), &Tmp::new(&self.dir.path().join("tmp")))
    }

    fn writer(&self) -> Writer {
        Writer::new(&self.packs(), &Tmp::new(&self.dir.path().join("tmp")))
    }

    fn keep(&self, objects: &[Vec<u8>]) -> Written {
        let writer = self.writer();
        for bytes in objects {
            writer.write_object(ObjectKind::Chunk, &Digest::of(bytes), bytes).unwrap();
        }
        writer.finish().unwrap()
    }
}

fn text(n: usize) -> Vec<u8> {
    format!("2024-05-01T14:{:02}:00Z,{n},{}\n", n % 60, n * 7).repeat(n % 50 + 1).into_bytes()
}

#[test]
fn objects_come_back_through_the_writer_and_after_it() {
    let place = Place::new();
    let objects: Vec<Vec<u8>> = (0..500).map(text).chain([Vec::new(), vec![0; 300_000]]).collect();
    let writer = place.writer();
    objects.par_iter().for_each(|bytes| {
        let digest = Digest::of(bytes);
        writer.write_object(ObjectKind::Chunk, &digest, bytes).unwrap();
        assert_eq!(*writer.read_object(&digest).unwrap().bytes, **bytes);
        assert!(writer.has_object(&digest).unwrap());
    });
    let written = writer.finish().unwrap();
    assert_eq!((written.objects, written.packs.len()), (502, 1));
    assert!(written.stored < written.bytes / 3, "{written:?}");
    let packs = place.packs();
    for bytes in &objects {
        assert_eq!(*packs.read_object(&Digest::of(bytes)).unwrap().bytes, **bytes);
    }
    assert!(matches!(packs.read_object(&Digest::of(b"absent")), Err(AccessError::Missing { .. })));
    assert_eq!(fs::read_dir(place.dir.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_pack_is_named_by_its_own_hash() {
    let dir = tempfile::tempdir().unwrap();
    for sub in ["packs", "index", "tmp"] {
        fs::create_dir(dir.path().join(sub)).unwrap();
    }
    let backend = Arc::new(LocalBackend::new(&dir.path().join("packs")));
    let packs = Packs::new(backend.clone(), &dir.path().join("index"), &Tmp::new(&dir.path().join("tmp")));
    let writer = Writer::new(&packs, &Tmp::new(&dir.path().join("tmp")));
    writer.write_object(ObjectKind::Chunk, &Digest::of(b"x"), b"x").unwrap();
    writer.finish().unwrap();
    let listed = backend.list().unwrap();
    let file = dir.path().join(format!("packs/{:.2}/{}.pack", listed[0].name, listed[0].name));
    assert_eq!(Digest::of(&fs::read(file).unwrap()), listed[0].name);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let place = Place::new();
    let writer = place.writer();
    writer.write_object(ObjectKind::Chunk, &Digest::of(b"x"), b"x").unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(place.dir.path().join("tmp")).unwrap().count(), 0);
    assert_eq!(place.backend.list().unwrap(), []);
}

#[test]
fn many_small_packs_keep_few_tables() {
    let place = Place::new();
    let early = place.packs();
    for n in 0..60 {
        place.keep(&[text(n), text(n + 1000)]);
    }
    let tables = fs::read_dir(place.dir.path().join("index")).unwrap().count();
    assert!(tables <= 10, "{tables} tables");
    for n in (0..60).flat_map(|n| [n, n + 1000]) {
        assert_eq!(*early.read_object(&Digest::of(&text(n))).unwrap().bytes, *text(n));
    }
}

#[test]
fn lost_and_broken_tables_are_made_again() {
    let place = Place::new();
    place.keep(&[text(1)]);
    place.keep(&[text(2)]);
    let tables: Vec<_> =
        fs::read_dir(place.dir.path().join("index")).unwrap().map(|e| e.unwrap().path()).collect();
    fs::remove_file(&tables[0]).unwrap();
    fs::write(&tables[1], b"vdsindx\x01 and no more").unwrap();
    let packs = place.packs();
    for n in [1, 2] {
        assert_eq!(*packs.read_object(&Digest::of(&text(n))).unwrap().bytes, *text(n));
    }
}

#[test]
fn damage_anywhere_in_a_table_is_mended_from_the_packs() {
    let place = Place::new();
    place.keep(&[text(1), text(2)]);
    let table = fs::read_dir(place.dir.path().join("index")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&table).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&table, &damaged).unwrap();
        let packs = place.packs();
        for n in [1, 2] {
            assert_eq!(*packs.read_object(&Digest::of(&text(n))).unwrap().bytes, *text(n), "byte {at}");
        }
        assert!(matches!(packs.read_object(&Digest::of(b"absent")), Err(AccessError::Missing { .. })));
        assert_eq!(fs::read(&table).unwrap(), whole, "byte {at}");
    }
}

#[test]
fn damage_anywhere_in_a_pack_is_noticed_and_its_pack_named() {
    let place = Place::new();
    place.keep(&[text(3), vec![7; 10]]);
    let listed = place.backend.list().unwrap()[0];
    let footer = place.packs().footer(&listed.name, listed.len).unwrap();
    let objects_end = footer.entries.iter().map(|e| e.offset + u64::from(e.stored)).max().unwrap();
    for at in 8..usize::try_from(listed.len).unwrap() {
        place.backend.damage(&listed.name, |bytes| bytes[at] ^= 1);
        let read = |n: &[u8]| place.packs().read_object(&Digest::of(n));
        let results = [read(&text(3)), read(&[7; 10])];
        if (at as u64) < objects_end {
            let named = |e: &AccessError| e.to_string().contains(&listed.name.to_string());
            assert_eq!(results.iter().filter(|r| r.as_ref().is_err_and(named)).count(), 1, "byte {at}");
        } else {
            assert!(place.packs().footer(&listed.name, listed.len).is_err(), "byte {at}");
        }
        place.backend.damage(&listed.name, |bytes| bytes[at] ^= 1);
    }
    place.backend.damage(&listed.name, |bytes| bytes.truncate(20));
    assert!(place.packs().read_object(&Digest::of(&text(3))).is_err());
}

#[test]
fn a_failed_operation_is_an_error_and_names_nothing_that_is_not_whole() {
    let objects: Vec<Vec<u8>> = (0..6).map(text).collect();
    for nth in 1.. {
        let place = Place::new();
        let backend = Arc::new(FaultyBackend::new(MemoryBackend::default(), nth));
        let (index, tmp) = (place.dir.path().join("index"), place.dir.path().join("tmp"));
        let packs = || Packs::new(backend.clone(), &index, &Tmp::new(&tmp));
        let attempt = || -> Result<(), AccessError> {
            for half in objects.chunks(3) {
                let writer = Writer::new(&packs(), &Tmp::new(&tmp));
                for bytes in half {
                    writer.write_object(ObjectKind::Chunk, &Digest::of(bytes), bytes)?;
                }
                writer.finish()?;
            }
            fs::remove_dir_all(&index).unwrap();
            fs::create_dir(&index).unwrap();
            let packs = packs();
            objects.iter().try_for_each(|bytes| packs.read_object(&Digest::of(bytes)).map(drop))
        };
        let attempted = attempt();
        if !backend.has_failed() {
            attempted.unwrap();
            assert!(nth > 10, "{nth} operations are too few");
            return;
        }
        // A footer that could not be read is looked at once more, so not every fault is an error.
        assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0, "operation {nth}");
        for file in backend.list().unwrap() {
            packs().footer(&file.name, file.len).unwrap();
        }
        // What failed is done again, and then all is there.
        attempt().unwrap();
    }
}

#[test]
fn what_is_kept_is_asked_of_the_packs_and_not_of_the_tables_alone() {
    let place = Place::new();
    for n in 0..4 {
        place.keep(&[text(n), text(n + 100)]);
    }
    let check = |want: [bool; 4]| {
        let writer = place.writer();
        let has = [0, 1, 2, 3].map(|n| writer.has_object(&Digest::of(&text(n + 100))).unwrap());
        assert_eq!(has, want);
        let rehearsal = super::Rehearsal::new(&place.packs());
        assert_eq!([0, 1, 2, 3].map(|n| rehearsal.has_object(&Digest::of(&text(n + 100))).unwrap()), want);
    };
    let tables = || fs::read_dir(place.dir.path().join("index")).unwrap().map(|table| table.unwrap().path());
    tables().for_each(|table| fs::remove_file(table).unwrap());
    check([true; 4]);
    let gone = place.packs().locate(&Digest::of(&text(2))).unwrap().unwrap().pack;
    place.backend.delete(&gone).unwrap();
    check([true, true, false, true]);
    place.keep(&[text(102)]);
    check([true; 4]);
    assert_eq!(*place.packs().read_object(&Digest::of(&text(102))).unwrap().bytes, *text(102));
    assert_eq!(*place.packs().read_object(&Digest::of(&text(103))).unwrap().bytes, *text(103));
}

#[test]
fn packs_that_no_table_lists_are_gathered_into_one() {
    let place = Place::new();
    for n in 0..30 {
        place.keep(&[text(n)]);
    }
    let index = place.dir.path().join("index");
    fs::remove_dir_all(&index).unwrap();
    fs::create_dir(&index).unwrap();
    let packs = place.packs();
    for n in 0..30 {
        assert_eq!(*packs.read_object(&Digest::of(&text(n))).unwrap().bytes, *text(n));
    }
    assert_eq!(fs::read_dir(&index).unwrap().count(), 1);
}
