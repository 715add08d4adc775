//! Histories of which rules let old files go, from store to store.

use std::collections::BTreeMap;
use std::time::Duration;

use super::contract::{Delivery, Parcel};
use super::faulty::FaultyPeer;
use super::intake::Intake;
use super::register::Register;
use super::story::{Place, author, edits};
use super::*;
use crate::fault::{Fault, Kind};
use crate::gc::{self, Options};
use crate::history::{self, LetGo};
use crate::object::{CommitId, Digest, ObjectKind, ObjectRead, RemoteName};
use crate::progress::Silent;
use crate::reach::{self, Marks, Root};
use crate::refs::Mode;
use crate::snapshot::Snapshot;
use crate::store::{DEFAULT_WAIT, Store};

const RULE: &str = "r@main:keep-last=2";

fn let_go(place: &Place, rule: &str) -> u64 {
    let rules = ["ops=0", rule].iter().map(|rule| rule.parse().unwrap()).collect();
    let options = Options { rules, wait: DEFAULT_WAIT, patience: Duration::ZERO };
    gc::collect(&place.store, &author(), &options, &Silent).unwrap().let_go
}

/// A line of commits that have one file in common, of which all but the last two were let go.
fn source(count: usize) -> (Place, Vec<CommitId>) {
    let place = Place::new();
    let file = |n: usize| edits(&[("same", "stays"), ("f", &n.to_string()), (&format!("d/{n}"), "own")]);
    let line = (0..count).map(|n| place.commit("r", "main", &file(n), None)).collect();
    assert_eq!(let_go(&place, RULE), count as u64 - 2);
    (place, line)
}

fn told(store: &Store, id: CommitId) -> Option<LetGo> {
    drop(store.session().unwrap());
    history::find_let_go(store.objects(), id).unwrap()
}

/// Which of these commits have their files, as far as the store says. All that must be there is there.
fn whole(place: &Place, commits: &[CommitId]) -> Vec<bool> {
    drop(place.store.session().unwrap());
    let objects = place.store.objects();
    objects.complete().unwrap();
    let marks = Marks::new(objects, objects.catalogue().unwrap());
    for id in commits {
        reach::visit(objects, Root::Commit(*id), &marks).unwrap();
    }
    commits.iter().map(|id| told(&place.store, *id).is_none()).collect()
}

/// Of the commits that are there, those that are not told to be without files have them.
fn check_left(place: &Place, commits: &[CommitId]) {
    place.store.objects().forget_seen();
    let there = |id: &&CommitId| place.store.objects().find(id.digest()).unwrap().is_some();
    let there: Vec<CommitId> = commits.iter().filter(there).copied().collect();
    whole(place, &there);
}

fn origin() -> RemoteName {
    ORIGIN.parse().unwrap()
}

fn push_to(place: &Place, peer: &dyn Peer) -> Result<Report, Error> {
    let (ann, choices) = (author(), ["r".parse().unwrap()]);
    let desk = Desk { store: &place.store, author: &ann, progress: &Silent };
    push(&desk, &origin(), peer, &choices, Force::Never, Mode::Make)
}

fn fetch_from(place: &Place, peer: &dyn Peer) -> Result<Fetched, Error> {
    let ann = author();
    let desk = Desk { store: &place.store, author: &ann, progress: &Silent };
    fetch(&desk, &origin(), peer, &Scope::All, Gone::Keep)
}

fn cloned(source: &Place) -> (Place, Copied) {
    let dir = tempfile::tempdir().unwrap();
    let root = source.store.root();
    let Cloned { store, copied, .. } =
        clone(root, dir.path(), &Scope::All, &author(), DEFAULT_WAIT, &Silent).unwrap();
    (Place { dir, store }, copied)
}

#[test]
fn a_clone_has_what_its_source_has_and_says_the_same_of_the_rest() {
    let (source, line) = source(6);
    let (copy, copied) = cloned(&source);
    assert_eq!((copied.commits, copied.let_go), (6, 4));
    assert_eq!(whole(&copy, &line), [false, false, false, false, true, true]);
    for id in &line {
        assert_eq!(told(&copy.store, *id), told(&source.store, *id));
    }
    let objects = copy.store.objects();
    let tree = history::load(objects, line[5]).unwrap().tree;
    assert_eq!(Snapshot::new(objects, tree).files_at(None).unwrap().len(), 8);
    // Nothing comes twice, and what follows goes both ways.
    assert_eq!(fetch_from(&copy, &source.peer()).unwrap().copied, Copied::default());
    let theirs = copy.commit("r", "main", &edits(&[("f", "new")]), None);
    assert_eq!(push_to(&copy, &source.peer()).unwrap().copied.commits, 1);
    assert_eq!(source.head("r", "main"), Some(theirs));
    source.commit("r", "main", &edits(&[("f", "newer")]), None);
    let fetched = fetch_from(&copy, &source.peer()).unwrap().copied;
    assert_eq!((fetched.commits, fetched.let_go), (1, 0));
    // A collection there keeps what is told, and lets go by its own rules.
    assert_eq!(let_go(&copy, "r@main:keep-last=1"), 2);
    assert_eq!(whole(&copy, &line), [false; 6]);
    assert_eq!(told(&copy.store, line[0]), told(&source.store, line[0]));
}

#[test]
fn what_both_have_let_go_is_no_base_for_what_is_sent() {
    let (source, line) = source(4);
    let there = Place::new();
    push_to(&source, &there.peer()).unwrap();
    let next = source.commit("r", "main", &edits(&[("d/0", "back")]), None);
    // There even the commits that the new one follows have lost their files.
    let before = source.head("r", "main");
    assert_eq!((let_go(&there, "r@main:keep-last=1"), before), (1, Some(next)));
    push_to(&source, &there.peer()).unwrap();
    assert_eq!(whole(&there, &line), [false, false, false, true]);
    assert_eq!(whole(&there, &[next]), [true]);
}

#[test]
fn a_transfer_that_is_cut_short_anywhere_leaves_no_record_that_promises_files() {
    let (source, line) = source(5);
    let all = whole(&source, &line);
    let mut faults = 0;
    for nth in 1.. {
        let there = Place::new();
        let peer = FaultyPeer::new(there.peer(), nth);
        let Err(error) = push_to(&source, &peer) else { break };
        assert_eq!(error.kind(), Kind::Io, "{error}");
        check_left(&there, &line);
        push_to(&source, &there.peer()).unwrap();
        assert_eq!(whole(&there, &line), all, "fault {nth}");
        faults += 1;
    }
    assert!(faults > 10, "{faults} faults");
    for nth in 1.. {
        let there = Place::new();
        let Err(_) = fetch_from(&there, &FaultyPeer::new(source.peer(), nth)) else { break };
        check_left(&there, &line);
        fetch_from(&there, &source.peer()).unwrap();
        assert_eq!(whole(&there, &line), all, "fault {nth}");
    }
}

#[test]
fn what_is_told_of_commits_that_are_on_their_way_outlives_a_collection() {
    let (source, line) = source(4);
    let there = Place::new();
    let other = Place { dir: tempfile::tempdir().unwrap(), store: there_again(&there) };
    let record = parcel(&source, line[0]);
    let mut intake = Intake::into(&there.store, &author()).unwrap();
    intake.let_go(&[(line[0], told(&source.store, line[0]).unwrap())]).unwrap();
    intake.put(std::slice::from_ref(&record)).unwrap();
    let_go(&other, RULE);
    assert!(told(&there.store, line[0]).is_some(), "somebody is at work");
    Box::new(intake).finish().unwrap();
    let_go(&other, RULE);
    assert!(told(&there.store, line[0]).is_some(), "it is there");
    push_to(&source, &there.peer()).unwrap();
    assert_eq!(whole(&there, &line), [false, false, true, true]);
    assert_eq!(let_go(&other, RULE), 0);
    assert_eq!(whole(&there, &line), [false, false, true, true]);
}

/// The store, opened by another process, as it were.
fn there_again(place: &Place) -> Store {
    Store::open(place.store.root(), DEFAULT_WAIT).unwrap()
}

#[test]
fn what_is_told_of_commits_that_never_came_goes_with_the_next_collection() {
    let there = Place::new();
    let id = CommitId::of(b"never");
    let gone = LetGo { time: 1, rules: RULE.to_owned() };
    let told_of = &mut BTreeMap::from([(id, gone)]);
    Register::new(&there.store, &author()).add(told_of).unwrap();
    assert!(told(&there.store, id).is_some());
    let_go(&there, RULE);
    assert_eq!(told(&there.store, id), None);
}

fn parcel(place: &Place, id: CommitId) -> Parcel {
    let payload = place.store.objects().read_object(id.digest()).unwrap();
    Parcel { digest: *id.digest(), kind: payload.kind, bytes: payload.bytes }
}

fn gone(rules: &str) -> LetGo {
    LetGo { time: 1, rules: rules.to_owned() }
}

#[test]
fn of_a_commit_that_is_there_with_its_files_nobody_can_say_that_they_are_gone() {
    let there = Place::new();
    let id = there.commit("r", "main", &edits(&[("f", "1")]), None);
    let mut intake = Intake::into(&there.store, &author()).unwrap();
    intake.let_go(&[(id, gone(RULE))]).unwrap();
    intake.put(&[parcel(&there, id)]).unwrap();
    assert!(intake.has_files(id).unwrap());
    Box::new(intake).finish().unwrap();
    assert_eq!((told(&there.store, id), whole(&there, &[id])), (None, vec![true]));
    // Nor if it comes while somebody says so.
    let (source, line) = source(3);
    let all = Place::new();
    let mut intake = Intake::into(&all.store, &author()).unwrap();
    intake.let_go(&[(line[2], gone(RULE))]).unwrap();
    push_to(&source, &LocalPeer::from(there_again(&all))).unwrap();
    intake.put(&[parcel(&source, line[2])]).unwrap();
    Box::new(intake).finish().unwrap();
    assert_eq!(whole(&all, &line), [false, true, true]);
}

#[test]
fn what_is_told_must_be_fit_to_be_told() {
    let there = Place::new();
    for bad in [gone(""), gone("\x1b[2J"), gone("a\nb"), LetGo { time: i64::MAX, ..gone(RULE) }] {
        let mut intake = Intake::into(&there.store, &author()).unwrap();
        let error = intake.let_go(&[(CommitId::of(b"c"), bad)]).unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged);
    }
    assert_eq!(told(&there.store, CommitId::of(b"c")), None);
}

#[test]
fn a_record_that_comes_alone_must_be_right_and_is_no_place_to_stand() {
    let (source, line) = source(4);
    let there = Place::new();
    let taken = |ids: &[CommitId], parcels: &[Parcel]| {
        let mut intake = Intake::into(&there.store, &author()).unwrap();
        let told: Vec<_> = ids.iter().map(|id| (*id, gone(RULE))).collect();
        intake.let_go(&told).and_then(|()| intake.put(parcels)).and_then(|()| Box::new(intake).finish())
    };
    let said = |error: Error| {
        let mut text = error.to_string();
        let mut below: &dyn std::error::Error = &error;
        while let Some(source) = below.source() {
            text += &format!(": {source}");
            below = source;
        }
        text
    };
    // Who does not say so must bring the files.
    assert!(said(taken(&[], &[parcel(&source, line[0])]).unwrap_err()).contains("missing"));
    let orphan = taken(&[line[1]], &[parcel(&source, line[1])]).unwrap_err();
    assert!(said(orphan).contains("that it follows is missing"));
    let record = history::load(source.store.objects(), line[0]).unwrap();
    let bytes = crate::object::Commit { generation: 7, ..record }.to_bytes().unwrap();
    let lie = Parcel { digest: Digest::of(&bytes), kind: ObjectKind::Commit, bytes: bytes.into() };
    let refused = taken(&[CommitId::new(lie.digest)], std::slice::from_ref(&lie)).unwrap_err();
    assert!(said(refused).contains("generation"));
    let other = Parcel { bytes: parcel(&source, line[1]).bytes, ..parcel(&source, line[0]) };
    assert!(matches!(taken(&[line[0]], &[other]), Err(Error::Altered { .. })));
    taken(&line[..2], &[parcel(&source, line[0]), parcel(&source, line[1])]).unwrap();
    assert_eq!(whole(&there, &line[..2]), [false, false]);
    let name = Name::Branch("main".parse().unwrap());
    let (repo, description) = ("r".parse().unwrap(), String::new());
    let moved = RefMove { repo, description, name, before: None, after: Some(line[1]) };
    let refused = there.peer().update(&author(), &[moved]).unwrap_err();
    assert!(matches!(refused, Error::History(history::Error::LetGo { .. })), "{refused}");
}

#[test]
fn a_head_without_files_is_not_sent() {
    let (source, line) = source(3);
    let there = Place::new();
    let peer = there.peer();
    let mut delivery = peer.receive(&author()).unwrap();
    let refused = copy(&source.peer(), &mut *delivery, &[line[0], line[2]], &Silent).unwrap_err();
    assert!(matches!(refused, Error::History(history::Error::LetGo { commit, .. }) if commit == line[0]));
    delivery.finish().unwrap();
    assert_eq!(there.store.objects().find(line[0].digest()).unwrap(), None);
}
