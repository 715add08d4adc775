//! What a person does at night with a store that has lost something: nothing that he is told makes it worse.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use desk::Desk;

const JOURNAL: &str = ".vds/journal/operations";

/// A desk with some commits.
fn some_commits() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    for n in 0..5 {
        desk.write("in/f", &format!("{n}"));
        desk.ok(&["commit", "r", "in", "-m", &n.to_string()]);
    }
    desk
}

fn packs(desk: &Desk) -> usize {
    let fans = fs::read_dir(desk.path(".vds/packs")).unwrap().flatten();
    fans.map(|fan| fs::read_dir(fan.path()).unwrap().count()).sum()
}

/// Changes one byte, this far from the end.
fn flip(desk: &Desk, from_end: i64) {
    let mut file = fs::OpenOptions::new().write(true).open(desk.path(JOURNAL)).unwrap();
    file.seek(SeekFrom::End(-from_end)).unwrap();
    file.write_all(&[0x5a]).unwrap();
}

/// The first command made an empty journal; a collection deleted all packs then, and the store was found right.
#[test]
fn a_store_without_journal_and_facts_is_not_taken_for_an_empty_one() {
    let lose: [fn(&Desk); 2] = [
        |desk| fs::remove_dir_all(desk.path(".vds/journal")).unwrap(),
        |desk| fs::write(desk.path(JOURNAL), "").unwrap(),
    ];
    for lose in lose {
        let desk = some_commits();
        let before = packs(&desk);
        lose(&desk);
        fs::remove_dir_all(desk.path(".vds/meta")).unwrap();
        for args in
            [&["repo", "list"][..], &["gc"], &["gc", "--retain", "ops=0"], &["cat", "r:f"], &["backup", "b"]]
        {
            let (code, said) = desk.no(args);
            assert!(code == 5 && said.contains("vds rebuild --without-journal"), "{args:?}: {said}");
        }
        assert_eq!((desk.no(&["verify"]).0, packs(&desk)), (5, before));
        desk.ok(&["rebuild", "--without-journal"]);
        desk.ok(&["verify"]);
        assert!(desk.ok(&["repo", "list"]).contains("recovered"));
    }
}

#[test]
fn a_collection_does_not_empty_a_store_of_which_nothing_is_known() {
    let desk = some_commits();
    desk.ok(&["init", "other"]);
    fs::remove_dir_all(desk.path("other/.vds/packs")).unwrap();
    desk::copy(&desk.path(".vds/packs"), &desk.path("other/.vds/packs"));
    for args in [&["--store", "other", "gc"][..], &["--store", "other", "gc", "--dry-run"]] {
        let (code, said) = desk.no(args);
        assert!(code == 5 && said.contains("no operation of this store is known"), "{said}");
    }
}

#[test]
fn a_damaged_journal_does_not_take_the_place_of_a_good_one() {
    let desk = some_commits();
    desk.ok(&["backup", "b"]);
    desk.write("in/f", "more");
    desk.ok(&["commit", "r", "in", "-m", "more"]);
    let len = i64::try_from(fs::metadata(desk.path(JOURNAL)).unwrap().len()).unwrap();
    flip(&desk, len / 2);
    for place in ["b", "new", "b.tar"] {
        assert_eq!(desk.no(&["backup", place]).0, 5, "{place}");
    }
    desk.ok(&["--store", "b", "verify"]);
    assert_eq!(desk.ok(&["--store", "b", "cat", "r:f"]), "4");
}

/// The hint was to move the facts away, which alone knew of the last commit.
#[test]
fn what_the_facts_alone_know_is_kept_by_what_is_advised() {
    let desk = some_commits();
    flip(&desk, 30);
    desk.write("in/f", "more");
    let (code, said) = desk.no(&["commit", "r", "in", "-m", "more"]);
    assert!(code == 5 && said.contains("hint: `vds rebuild --without-journal`"), "{said}");
    assert_eq!(desk.no(&["backup", "b"]).0, 5);
    desk.ok(&["rebuild", "--without-journal"]);
    assert_eq!(desk.ok(&["cat", "r:f"]), "4");
    desk.ok(&["verify"]);
}

#[test]
fn a_store_is_no_place_for_its_backup() {
    let desk = some_commits();
    for place in [".", ".vds", ".vds/b", ".vds/b.tar"] {
        let (code, said) = desk.no(&["backup", place]);
        assert!(code == 2 && said.contains("no place for its backup"), "{place}: {said}");
    }
    desk.ok(&["backup", "b.tar"]);
    desk.ok(&["backup", "b"]);
}

#[test]
fn of_two_collections_at_once_neither_waits_for_the_other_to_end() {
    let desk = some_commits();
    desk.write("in/f", &"large".repeat(1000));
    desk.ok(&["commit", "r@side", "in", "-m", "side"]);
    desk.ok(&["branch", "delete", "r@side"]);
    let gc = || desk.command(&["gc", "--retain", "ops=0", "--json"]);
    let both: Vec<_> = (0..2)
        .map(|_| gc().stdout(std::process::Stdio::piped()).spawn().unwrap())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .collect();
    for output in both {
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.success() && said["waiting"] == 0, "{said}");
    }
}
