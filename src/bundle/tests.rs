//! The promises of bundles.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;

use super::format::{LABEL, MAGIC, START, TRAILER, Trailer};
use super::*;
use crate::fault::{Fault, Kind};
use crate::history::Revision;
use crate::object::{CommitId, Digest, NodeId, codec};
use crate::progress::Silent;
use crate::transfer::{Desk, Fate, Place, author, edits, make, noise, step};

pub(super) fn bundle(place: &Place, names: &[&str], since: &[&str]) -> Result<PathBuf, Error> {
    let path = place.dir.path().join("b.bundle");
    let since: Vec<Revision> = since.iter().map(|rev| rev.parse().unwrap()).collect();
    let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
    create(&place.store, &path, &names, &since, &Silent).map(|_| path)
}

pub(super) fn taken(place: &Place, path: &Path, landing: Landing) -> Result<Applied, Error> {
    let bundle = Bundle::open(path, &Silent)?;
    apply(&Desk { store: &place.store, author: &author(), progress: &Silent }, &bundle, landing)
}

pub(super) fn verified(path: &Path, store: Option<&Place>) -> Result<(), Error> {
    verify(&Bundle::open(path, &Silent)?, store.map(|place| &place.store), &Silent)
}

fn is_lacking<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Needs { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn histories_arrive_as_they_are(first in vec(step(), 1..12), more in vec(step(), 1..8)) {
        let (source, copy) = (Place::new(), Place::new());
        make(&source, &first);
        let path = bundle(&source, &["r"], &[]).unwrap();
        verified(&path, None).unwrap();
        taken(&copy, &path, Landing::Branches).unwrap();
        prop_assert_eq!(copy.whole(), source.whole());
        let since: Vec<String> = source.whole()[0].commits().map(|id| format!("{id:.20}")).collect();
        let since: Vec<&str> = since.iter().map(String::as_str).collect();
        make(&source, &more);
        let path = bundle(&source, &["r"], &since).unwrap();
        prop_assert!(is_lacking(verified(&path, None)));
        verified(&path, Some(&copy)).unwrap();
        let empty = Place::new();
        prop_assert!(is_lacking(taken(&empty, &path, Landing::Branches)));
        prop_assert_eq!(empty.whole(), vec![]);
        taken(&copy, &path, Landing::Branches).unwrap();
        prop_assert_eq!(copy.whole(), source.whole());
        // Taken again it changes nothing.
        taken(&copy, &path, Landing::Branches).unwrap();
        prop_assert_eq!(copy.whole(), source.whole());
    }
}

/// A small store with a bundle of it that has all kinds of objects.
fn small() -> (Place, Vec<u8>) {
    let place = Place::new();
    place.commit("r", "main", &edits(&[("a", "one"), ("d/b", &"two".repeat(100))]), None);
    let large = String::from_utf8(noise(80_000, 1).iter().map(|byte| b'a' + byte % 26).collect()).unwrap();
    place.commit("r", "main", &edits(&[("a", "1"), ("large", &large)]), None);
    let path = bundle(&place, &["r"], &[]).unwrap();
    let bytes = fs::read(path).unwrap();
    (place, bytes)
}

/// A bundle without large contents, so that every byte of it can be tried.
fn tiny() -> Vec<u8> {
    let place = Place::new();
    place.commit("r", "main", &edits(&[("a", "one")]), None);
    place.commit("r", "main", &edits(&[("a", "1"), ("d/b", &"two".repeat(100))]), None);
    fs::read(bundle(&place, &["r"], &[]).unwrap()).unwrap()
}

pub(super) fn open_bytes(place: &Place, bytes: &[u8]) -> PathBuf {
    let path = place.dir.path().join("given.bundle");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_bundle_that_is_damaged_or_cut_short_anywhere_is_refused() {
    let (_, bytes) = small();
    let place = Place::new();
    let mut damaged = bytes.clone();
    // Every byte of the beginning and the end, and some of what lies between.
    let ends = |at: &usize| *at < 400 || at + 400 > bytes.len();
    let places = (0..bytes.len()).filter(|at| ends(at) || at % 997 == 0);
    for at in places.collect::<Vec<_>>() {
        damaged[at] ^= 1 << (at % 8);
        let refused = Bundle::open(&open_bytes(&place, &damaged), &Silent).unwrap_err();
        damaged[at] = bytes[at];
        let is_start = at < MAGIC.len();
        assert_eq!(matches!(refused, Error::NotABundle { .. }), is_start, "byte {at}: {refused}");
        let short = Bundle::open(&open_bytes(&place, &bytes[..at]), &Silent).unwrap_err();
        assert!(matches!(short, Error::NotABundle { .. } | Error::Damaged { .. }), "cut at {at}: {short}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(matches!(Bundle::open(&open_bytes(&place, &longer), &Silent), Err(Error::Damaged { .. })));
    taken(&place, &open_bytes(&place, &bytes), Landing::Branches).unwrap();
    assert_eq!(place.whole().len(), 1);
}

/// The bytes with a checksum that is right.
pub(super) fn sealed(body: &[u8]) -> Vec<u8> {
    [body, Digest::of(body).as_bytes()].concat()
}

#[test]
fn a_bundle_that_was_changed_and_sealed_anew_is_taken_whole_or_not_at_all() {
    let bytes = tiny();
    let body = &bytes[..bytes.len() - 32];
    let mut place = Place::new();
    for at in 0..body.len() {
        let mut forged = body.to_vec();
        forged[at] ^= 1 << (at % 8);
        let path = open_bytes(&place, &sealed(&forged));
        let verdict = verified(&path, None);
        match taken(&place, &path, Landing::Branches) {
            // Another description, or another branch.
            Ok(_) => {
                assert!(verdict.is_ok() && place.whole().len() == 1, "byte {at}: {verdict:?}");
                place = Place::new();
            }
            Err(error) => {
                assert!(place.whole().is_empty(), "byte {at}: {error}");
                assert!(verdict.is_err(), "byte {at}: {error}");
            }
        }
    }
}

/// A bundle of this version, of these objects, as they lie in one, and of this head.
pub(super) fn forged<H: Serialize>(version: u8, objects: &[u8], count: u64, head: &H) -> Vec<u8> {
    let mut body = [&MAGIC[..], &[version]].concat();
    body.extend(objects);
    let trailer = Trailer { head: body.len() as u64, objects: count };
    body.extend(codec::encode(version, head).unwrap());
    body.extend(trailer.to_bytes());
    sealed(&body)
}

pub(super) type Heads<'a> = Vec<(&'a str, CommitId)>;

/// The head of a bundle, as anybody may write it: what it needs; repos with descriptions, branches and tags.
type Forged<'a> = (Vec<CommitId>, Vec<(&'a str, &'a str, Heads<'a>, Heads<'a>)>);

fn head<'a>(repo: &'a str, branches: Heads<'a>, tags: Heads<'a>) -> Forged<'a> {
    (Vec::new(), vec![(repo, "", branches, tags)])
}

#[track_caller]
pub(super) fn refused(bytes: &[u8], why: &str) {
    let place = Place::new();
    let path = open_bytes(&place, bytes);
    let error = taken(&place, &path, Landing::Branches).unwrap_err();
    assert!(error.to_string().contains(why) && error.kind() == Kind::Damaged, "{error}, not {why}");
    assert!(place.whole().is_empty());
    assert!(verified(&path, None).is_err());
}

#[test]
fn names_that_lead_elsewhere_or_to_nothing_are_refused() {
    let bytes = tiny();
    let trailer = bytes.len() - TRAILER;
    let Trailer { head: end, objects: count } =
        Trailer::from_bytes(bytes[trailer..trailer + 16].try_into().unwrap()).unwrap();
    let objects = &bytes[usize::try_from(START).unwrap()..usize::try_from(end).unwrap()];
    let place = Place::new();
    let main = Bundle::open(&open_bytes(&place, &bytes), &Silent).unwrap().head.repos[0].branches[0].1;
    let with = |head| forged(1, objects, count, &head);
    let honest = with(head("r", vec![("main", main)], vec![("v1", main)]));
    taken(&place, &open_bytes(&place, &honest), Landing::Branches).unwrap();
    for repo in ["../r", "/r", "", "a@b"] {
        refused(&with(head(repo, vec![("main", main)], vec![])), "what it is of");
    }
    for branch in ["../../main", "a b", ""] {
        refused(&with(head("r", vec![(branch, main)], vec![])), "what it is of");
    }
    refused(&with(head("r", vec![("main", main), ("main", main)], vec![])), "what it is of");
    refused(&with(head("r", vec![("main", CommitId::of(b"nothing"))], vec![])), "does not have");
    refused(
        &forged(1, &[objects, b"more"].concat(), count, &head("r", vec![("main", main)], vec![])),
        "follows its last",
    );
    refused(&forged(1, objects, count + 1, &head("r", vec![("main", main)], vec![])), "cut short");
    // A branch and a tag of one name.
    refused(&with(head("r", vec![("x", main)], vec![("x", main)])), "what it is of");
}

/// An object as it lies in a bundle.
fn object(kind: u8, codec: u8, stored: &[u8], len: u32) -> Vec<u8> {
    let mut out = Digest::of(stored).as_bytes().to_vec();
    out.extend([kind, codec]);
    out.extend(u32::try_from(stored.len()).unwrap().to_le_bytes());
    out.extend(len.to_le_bytes());
    assert_eq!(out.len(), LABEL);
    out.extend(stored);
    out
}

#[test]
fn what_would_blow_up_is_refused_before_it_does() {
    let zeros = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
    let few = zstd::bulk::compress(&vec![0; 1000], 1).unwrap();
    let none = |object: Vec<u8>| forged(1, &object, 1, &head("r", vec![], vec![]));
    for (kind, limit) in [(0, 256 << 10), (2, 1 << 20), (3, 64 << 20)] {
        refused(&none(object(kind, 1, &zeros, limit + 1)), "not labelled");
        refused(&none(object(kind, 1, &zeros, limit / 2)), "does not decompress");
    }
    refused(&none(object(1, 1, &zeros, 64 << 20)), "not labelled");
    refused(&none(object(0, 1, &few, 999)), "does not decompress");
    refused(&none(object(0, 1, &few, 1001)), "does not decompress");
    refused(&none(object(0, 0, b"abc", 4)), "not labelled");
    refused(&none(object(9, 0, b"abc", 3)), "not labelled");
    refused(&none(object(0, 7, b"abc", 3)), "not labelled");
    // Lengths that are not there.
    let mut long = object(0, 0, b"abc", 3);
    long[34..42].copy_from_slice(&[0, 0, 3, 0, 0, 0, 3, 0]);
    refused(&none(long), "cut short");
    let mut bytes = tiny();
    let at = bytes.len() - TRAILER;
    bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    let body = bytes.len() - 32;
    refused(&sealed(&bytes[..body]), "cut short");
    let unknown = NodeId::of(b"an absurd number of names");
    refused(&forged(1, &[], 0, &(u64::MAX, unknown)), "what it is of");
}

#[test]
fn what_has_gone_apart_is_taken_beside_what_is_here() {
    let (source, copy) = (Place::new(), Place::new());
    source.commit("r", "main", &edits(&[("f", "1")]), None);
    source.commit("s", "main", &edits(&[("f", "1")]), None);
    taken(&copy, &bundle(&source, &["r"], &[]).unwrap(), Landing::Branches).unwrap();
    let ours = copy.commit("r", "main", &edits(&[("f", "ours")]), None);
    let theirs = source.commit("r", "main", &edits(&[("f", "theirs")]), None);
    let path = bundle(&source, &["r", "s"], &[]).unwrap();
    let refused = taken(&copy, &path, Landing::Branches).unwrap_err();
    assert!(matches!(refused, Error::Apart { .. }), "{refused}");
    assert_eq!((copy.head("r", "main"), copy.head("s", "main")), (Some(ours), None));
    let usb = Landing::Remote("usb".parse().unwrap());
    let Applied::Remote(_, noted) = taken(&copy, &path, usb).unwrap() else { panic!() };
    assert_eq!(noted.seen.iter().map(|seen| seen.fate).collect::<Vec<_>>(), [Fate::New, Fate::New]);
    let name = "r@usb/main".parse().unwrap();
    let found = crate::history::resolve(copy.store.session().unwrap(), copy.store.objects(), &name).unwrap();
    assert_eq!((found.commit, copy.head("r", "main")), (theirs, Some(ours)));
    // What is ahead of the bundle stays.
    let before = bundle(&source, &["r"], &[]).unwrap();
    copy.commit("r", "main", &edits(&[("f", "both")]), Some(theirs));
    let ahead = copy.head("r", "main");
    taken(&copy, &before, Landing::Branches).unwrap();
    assert_eq!(copy.head("r", "main"), ahead);
}

#[test]
fn what_is_not_new_makes_no_bundle_and_one_that_fails_leaves_none() {
    let place = Place::new();
    place.commit("r", "main", &edits(&[("f", "1")]), None);
    assert!(matches!(bundle(&place, &["r"], &["main"]), Err(Error::Empty)));
    assert!(matches!(bundle(&place, &["r@absent"], &[]), Err(Error::Transfer(_))));
    assert!(matches!(bundle(&place, &["r"], &["absent"]), Err(Error::History(_))));
    let in_the_way = place.dir.path().join("b.bundle");
    fs::create_dir(&in_the_way).unwrap();
    assert!(matches!(bundle(&place, &["r"], &[]), Err(Error::Io { .. })));
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 2);
}
