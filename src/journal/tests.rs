//! What the journal promises, with its bytes.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use super::record::{FRAME, HEAD};
use super::*;

fn payloads(journal: &Journal) -> Vec<Vec<u8>> {
    let mut payloads: Vec<_> = journal.newest_first().map(|record| record.unwrap().payload).collect();
    payloads.reverse();
    payloads
}

fn written(count: u8) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path()).unwrap();
    for n in 0..count {
        assert_eq!(journal.append(&vec![n; usize::from(n) * 3]).unwrap().number, u64::from(n) + 1);
    }
    let path = dir.path().join("operations");
    (dir, path)
}

#[test]
fn records_come_back_in_order() {
    let (dir, _) = written(5);
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(payloads(&journal), (0..5_u8).map(|n| vec![n; usize::from(n) * 3]).collect::<Vec<_>>());
    assert_eq!(journal.newest_first().map(|r| r.unwrap().number).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
}

#[test]
fn a_torn_tail_is_cut_wherever_it_tore() {
    let (_dir, path) = written(4);
    let whole = fs::read(&path).unwrap();
    let last = FRAME + 9;
    for cut in 1..last {
        let (dir, path) = written(4);
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        // A reader, who may come while the writer is at it, leaves the tail alone.
        assert_eq!(Journal::read(dir.path()).unwrap().tip().number, 3, "cut {cut}");
        assert_eq!(fs::read(&path).unwrap(), whole[..whole.len() - cut]);
        let mut journal = Journal::open(dir.path()).unwrap();
        assert_eq!(journal.tip().number, 3, "cut {cut}");
        assert_eq!(journal.append(b"again").unwrap().number, 4);
        assert_eq!(payloads(&Journal::open(dir.path()).unwrap()).last().unwrap(), b"again");
    }
}

#[test]
fn a_bad_bit_before_the_tail_is_damage() {
    let (_dir, path) = written(4);
    let whole = fs::read(&path).unwrap();
    let last = FRAME + 9;
    for at in 0..whole.len() - last {
        let (dir, path) = written(4);
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let read: Result<Vec<_>, _> =
            Journal::open(dir.path()).and_then(|journal| journal.newest_first().collect());
        let noticed = match read {
            Err(Error::Foreign { .. }) => at < HEAD.len(),
            Err(Error::Damaged { .. }) => at >= HEAD.len(),
            _ => false,
        };
        assert!(noticed, "byte {at}: {read:?}");
    }
}

#[test]
fn a_journal_that_was_not_made_to_its_end_is_made_again() {
    for len in 0..=HEAD.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("operations"), &HEAD[..len]).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap().tip(), Tip::default());
        assert_eq!(Journal::open(dir.path()).unwrap().append(b"first").unwrap().number, 1);
        assert_eq!(payloads(&Journal::read(dir.path()).unwrap()), [b"first"]);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("operations"), b"a text").unwrap();
    assert!(matches!(Journal::open(dir.path()), Err(Error::Foreign { .. })));
    assert_eq!(fs::read(dir.path().join("operations")).unwrap(), b"a text");
}

#[test]
fn what_is_appended_meanwhile_does_not_disturb_a_reading() {
    let (dir, path) = written(5);
    let mut reading = Journal::read(dir.path()).unwrap().newest_first();
    assert_eq!(reading.next().unwrap().unwrap().number, 5);
    Journal::open(dir.path()).unwrap().append(b"more").unwrap();
    // A record that is only half written, and the mending of it.
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&[9, 0, 0]).unwrap();
    assert_eq!(reading.next().unwrap().unwrap().number, 4);
    assert_eq!(Journal::read(dir.path()).unwrap().tip().number, 6);
    Journal::open(dir.path()).unwrap();
    assert_eq!(reading.map(|record| record.unwrap().number).collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn the_bytes_of_a_journal_never_change() {
    let (_dir, path) = written(3);
    let hex: String = fs::read(path).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("../object/golden/journal-v1.hex").trim());
}
