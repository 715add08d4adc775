//! Bundles with commits whose files were let go.

use std::fs;
use std::time::Duration;

use super::format::{MAGIC, START, TRAILER, Trailer};
use super::tests::{Heads, bundle, forged, open_bytes, refused, sealed, taken, verified};
use super::*;
use crate::gc::{self, Options};
use crate::history::{self, LetGo};
use crate::object::CommitId;
use crate::progress::Silent;
use crate::store::DEFAULT_WAIT;
use crate::transfer::{Place, author, edits};

/// A line of commits, of which all but the last was let go.
fn place(count: usize) -> (Place, Vec<CommitId>) {
    let place = Place::new();
    let file = |n: usize| edits(&[("same", "stays"), ("f", &n.to_string())]);
    let line = (0..count).map(|n| place.commit("r", "main", &file(n), None)).collect();
    assert_eq!(let_go(&place), count as u64 - 1);
    (place, line)
}

fn let_go(place: &Place) -> u64 {
    let rules = "ops=0 r@main:keep-last=1".parse().unwrap();
    let options = Options { rules, wait: DEFAULT_WAIT, patience: Duration::ZERO };
    gc::collect(&place.store, &author(), &options, &Silent).unwrap().let_go
}

fn version(bytes: &[u8]) -> u8 {
    bytes[MAGIC.len()]
}

/// Which of these commits are told to have lost their files.
fn told(place: &Place, line: &[CommitId]) -> Vec<bool> {
    drop(place.store.session().unwrap());
    let objects = place.store.objects();
    line.iter().map(|id| history::find_let_go(objects, *id).unwrap().is_some()).collect()
}

#[test]
fn a_bundle_tells_of_which_commits_the_files_were_let_go() {
    let (source, line) = place(3);
    let path = bundle(&source, &["r"], &[]).unwrap();
    assert_eq!(version(&fs::read(&path).unwrap()), 2);
    let (copy, head) = (Place::new(), Bundle::open(&path, &Silent).unwrap().head);
    assert_eq!((head.let_go(), head.thinned.len()), (2, 1));
    for against in [None, Some(&source), Some(&copy)] {
        verified(&path, against).unwrap();
    }
    taken(&copy, &path, Landing::Branches).unwrap();
    assert_eq!(told(&copy, &line), [true, true, false]);
    // Again it changes nothing.
    taken(&copy, &path, Landing::Branches).unwrap();
    taken(&source, &path, Landing::Branches).unwrap();
    assert_eq!(told(&source, &line), [true, true, false]);
    // What is new has all its files, and is as it always was.
    source.commit("r", "main", &edits(&[("f", "new")]), None);
    let since = bundle(&source, &["r"], &["main~1"]).unwrap();
    assert_eq!(version(&fs::read(&since).unwrap()), 1);
    verified(&since, Some(&copy)).unwrap();
    taken(&copy, &since, Landing::Branches).unwrap();
    assert_eq!(copy.head("r", "main"), source.head("r", "main"));
    // One that goes on from what was let go has what it shares with that.
    let since = bundle(&source, &["r"], &["main~2"]).unwrap();
    assert_eq!(version(&fs::read(&since).unwrap()), 1);
    verified(&since, Some(&source)).unwrap();
    taken(&copy, &since, Landing::Branches).unwrap();
}

#[test]
fn what_is_there_with_its_files_stays_as_it_is() {
    let files = |n: usize| edits(&[("f", &n.to_string())]);
    let whole = Place::new();
    let line: Vec<CommitId> = (0..2).map(|n| whole.commit("r", "main", &files(n), None)).collect();
    let thin = Place::new();
    taken(&thin, &bundle(&whole, &["r"], &[]).unwrap(), Landing::Branches).unwrap();
    let_go(&thin);
    let path = bundle(&thin, &["r"], &[]).unwrap();
    assert_eq!(told(&thin, &line), [true, false]);
    for _ in 0..2 {
        verified(&path, Some(&whole)).unwrap();
        taken(&whole, &path, Landing::Branches).unwrap();
        assert_eq!(told(&whole, &line), [false, false]);
        whole.whole();
    }
}

#[test]
fn one_that_was_changed_and_sealed_anew_is_taken_whole_or_not_at_all() {
    let (source, line) = place(2);
    let bytes = fs::read(bundle(&source, &["r"], &[]).unwrap()).unwrap();
    let body = &bytes[..bytes.len() - 32];
    let mut there = Place::new();
    for at in 0..body.len() {
        let mut changed = body.to_vec();
        changed[at] ^= 1 << (at % 8);
        let path = open_bytes(&there, &sealed(&changed));
        let verdict = verified(&path, None);
        let taken = taken(&there, &path, Landing::Branches);
        assert_eq!(taken.is_ok(), verdict.is_ok(), "byte {at}: {verdict:?}");
        if there.head("r", "main").is_some() {
            // Another time, or other rules.
            assert_eq!(told(&there, &line), [true, false], "byte {at}");
            there = Place::new();
        }
    }
}

#[test]
fn what_is_told_of_the_wrong_commits_is_refused() {
    let (source, line) = place(3);
    let bytes = fs::read(bundle(&source, &["r"], &[]).unwrap()).unwrap();
    let at = bytes.len() - TRAILER;
    let Trailer { head, objects: count } =
        Trailer::from_bytes(bytes[at..at + 16].try_into().unwrap()).unwrap();
    let objects = &bytes[usize::try_from(START).unwrap()..usize::try_from(head).unwrap()];
    let rules = |rules: &str| LetGo { time: 1, rules: rules.to_owned() };
    let with_results = |version, gone: Vec<(LetGo, Vec<CommitId>)>, results: Option<LetGo>| {
        let main: Heads<'_> = vec![("main", line[2])];
        let tags: Heads<'_> = Vec::new();
        let needs: Vec<CommitId> = Vec::new();
        forged(version, objects, count, &(needs, vec![("r", "", main, tags)], gone, results))
    };
    let with = |version, gone| with_results(version, gone, None);
    let mut both = line[..2].to_vec();
    both.sort();
    let there = Place::new();
    taken(&there, &open_bytes(&there, &with(2, vec![(rules("x"), both.clone())])), Landing::Branches)
        .unwrap();
    assert_eq!(told(&there, &line), [true, true, false]);
    let (first, last) = (vec![both[0]], vec![both[1]]);
    for gone in [
        vec![],
        vec![(rules("x"), vec![])],
        vec![(rules("x"), both.iter().rev().copied().collect())],
        vec![(rules("x"), both.clone()), (rules("y"), first.clone())],
        vec![(rules("y"), first.clone()), (rules("x"), last.clone())],
        vec![(rules("\x1b[2J"), both.clone())],
        vec![(LetGo { time: i64::MAX, ..rules("x") }, both.clone())],
        vec![(rules("x"), both.clone()), (rules("y"), vec![line[2]])],
    ] {
        refused(&with(2, gone), "what it is of");
    }
    refused(&with(1, vec![(rules("x"), both.clone())]), "what it is of");
    refused(&with_results(2, vec![(rules("x"), both.clone())], Some(rules("\x1b[2J"))), "what it is of");
    refused(&with(2, vec![(rules("x"), first)]), "is refused");
    let absent = vec![CommitId::of(b"absent")];
    refused(&with(2, vec![(rules("x"), both), (rules("y"), absent)]), "does not have");
}
