//! Commits that somebody made to mislead: each is refused, and so is what follows it.

use super::contract::{Delivery, Parcel};
use super::error::Error;
use super::intake::Intake;
use super::story::{Place, author, edited, edits, noise};
use crate::content::{self, Manifest};
use crate::fault::{Fault, Kind};
use crate::history;
use crate::object::access::memory::Objects;
use crate::object::{
    BlobId, Commit, CommitId, Digest, Entry, FileKind, NodeId, ObjectKind, ObjectRead, ObjectWrite,
    Provenance,
};
use crate::tree;

/// A file of these bytes, kept.
fn file(objects: &Objects, bytes: &[u8]) -> Entry {
    let kept = content::keep_bytes(objects, bytes).unwrap();
    Entry { kind: FileKind::File, blob: kept.blob, size: kept.size }
}

fn build(objects: &Objects, files: &[(&str, Entry)]) -> NodeId {
    tree::build(objects, files.iter().map(|(path, entry)| (path.as_bytes().to_vec(), *entry))).unwrap()
}

fn commit(objects: &Objects, tree: NodeId, parents: Vec<CommitId>) -> CommitId {
    let draft = history::Draft { parents, tree, message: "m".to_owned(), provenance: None };
    history::write(objects, draft, &author().now()).unwrap().0
}

fn intake(place: &Place) -> Intake {
    Intake::into(&place.store, &author()).unwrap()
}

/// Puts all objects into an intake: chunks, then lists, then nodes, then the commits in this order.
fn send(place: &Place, objects: &Objects, without: &[Digest], commits: &[CommitId]) -> Result<(), Error> {
    let mut intake = intake(place);
    for kind in [ObjectKind::Chunk, ObjectKind::Manifest, ObjectKind::Node] {
        let parcels = objects
            .all()
            .into_iter()
            .filter(|(digest, payload)| payload.kind == kind && !without.contains(digest));
        let parcels: Vec<Parcel> =
            parcels.map(|(digest, payload)| Parcel { digest, kind, bytes: payload.bytes }).collect();
        intake.put(&parcels)?;
    }
    for id in commits {
        let bytes = objects.read_object(id.digest()).unwrap().bytes;
        intake.put(&[Parcel { digest: *id.digest(), kind: ObjectKind::Commit, bytes }])?;
    }
    Box::new(intake).finish()
}

/// The commit is refused with these words, and is not there afterwards.
#[track_caller]
fn refused(objects: &Objects, without: &[Digest], commits: &[CommitId], why: &str) {
    let place = Place::new();
    let error = send(&place, objects, without, commits).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(below) = source {
        text = format!("{text}: {below}");
        source = below.source();
    }
    assert_eq!(error.kind(), Kind::Damaged, "{text}");
    assert!(text.contains(why), "{text}, not {why}");
    let last = commits.last().unwrap().digest();
    assert!(place.store.objects().find(last).unwrap().is_none());
}

#[test]
fn an_honest_commit_is_taken() {
    let objects = Objects::default();
    let tree = build(&objects, &[("a", file(&objects, b"a")), ("a.b", file(&objects, &noise(1 << 20, 1)))]);
    let first = commit(&objects, tree, Vec::new());
    let second = commit(&objects, tree, vec![first]);
    send(&Place::new(), &objects, &[], &[first, second]).unwrap();
}

#[test]
fn illegal_paths_are_refused() {
    let x = |objects: &Objects| file(objects, b"x");
    for path in ["../x", "/x", "a//b", ".", "a/.vds/b", "nul\0", ""] {
        let objects = Objects::default();
        let tree = build(&objects, &[(path, x(&objects))]);
        refused(&objects, &[], &[commit(&objects, tree, Vec::new())], "illegal path");
    }
    for clash in
        [&["a", "a/b"][..], &["a", "a-", "a/b"], &["a/b", "a/b.c", "a/b.d", "a/b/c/d"], &["x", "x y", "x/y"]]
    {
        let objects = Objects::default();
        let files: Vec<_> = clash.iter().map(|path| (*path, x(&objects))).collect();
        let tree = build(&objects, &files);
        refused(&objects, &[], &[commit(&objects, tree, Vec::new())], "a file and a directory of one name");
        // The last of them alone comes later.
        let (last, before) = files.split_last().unwrap();
        let honest = build(&objects, before);
        assert_ne!(last.0, before[0].0);
        let first = commit(&objects, honest, Vec::new());
        refused(
            &objects,
            &[],
            &[first, commit(&objects, tree, vec![first])],
            "a file and a directory of one name",
        );
        let first = commit(&objects, build(&objects, &files[1..]), Vec::new());
        refused(
            &objects,
            &[],
            &[first, commit(&objects, tree, vec![first])],
            "a file and a directory of one name",
        );
    }
}

#[test]
fn what_is_missing_or_of_another_size_is_noticed() {
    let objects = Objects::default();
    let honest = file(&objects, b"content");
    let id = |tree| commit(&objects, tree, Vec::new());
    let tree = build(&objects, &[("a", honest)]);
    refused(&objects, &[*honest.blob.digest()], &[id(tree)], "is missing");
    refused(&objects, &[*tree.digest()], &[id(tree)], "is missing");
    let lie = build(&objects, &[("a", Entry { size: 8, ..honest })]);
    refused(&objects, &[], &[id(lie)], "has 8 bytes, and it has 7");
    let large = file(&objects, &noise(1 << 20, 2));
    let short = build(&objects, &[("a", Entry { size: 1, ..large })]);
    refused(&objects, &[], &[id(short)], "has 1 bytes");
    let first = id(tree);
    refused(&objects, &[], &[commit(&objects, tree, vec![first])], "that it follows is missing");
}

#[test]
fn a_list_of_chunks_must_add_up_to_its_file() {
    let objects = Objects::default();
    let large = file(&objects, &noise(1 << 20, 3));
    let list = Manifest::from_bytes(&objects.read_object(large.blob.digest()).unwrap().bytes).unwrap();
    let lost = list.pieces[1].chunk;
    let tree = build(&objects, &[("a", large)]);
    refused(&objects, &[lost], &[commit(&objects, tree, Vec::new())], "list of chunks");
    let mut swapped = list.clone();
    swapped.pieces.swap(0, 1);
    let single = Manifest { pieces: list.pieces[..1].to_vec() };
    for lie in [swapped, single, Manifest::default()] {
        let blob = BlobId::of(b"another file");
        objects.write_object(ObjectKind::Manifest, blob.digest(), &lie.to_bytes()).unwrap();
        let place = Place::new();
        let mut intake = intake(&place);
        let bytes = lie.to_bytes().into();
        let chunks: Vec<Parcel> = list
            .pieces
            .iter()
            .map(|piece| Parcel {
                digest: piece.chunk,
                kind: ObjectKind::Chunk,
                bytes: objects.read_object(&piece.chunk).unwrap().bytes,
            })
            .collect();
        intake.put(&chunks).unwrap();
        let refused = intake.put(&[Parcel { digest: *blob.digest(), kind: ObjectKind::Manifest, bytes }]);
        assert!(matches!(refused, Err(Error::List { .. })), "{refused:?}");
        assert_eq!(intake.have(&[*blob.digest()]).unwrap(), [None]);
    }
}

#[test]
fn a_record_that_lies_is_refused() {
    let objects = Objects::default();
    let tree = build(&objects, &[]);
    let first = commit(&objects, tree, Vec::new());
    let honest = history::load(&objects, commit(&objects, tree, vec![first])).unwrap();
    let keep = |commit: &Commit| {
        let bytes = commit.to_bytes().unwrap();
        objects.write_object(ObjectKind::Commit, &Digest::of(&bytes), &bytes).unwrap();
        CommitId::of(&bytes)
    };
    for generation in [0, 1, 3, u64::MAX] {
        let lie = keep(&Commit { generation, ..honest.clone() });
        refused(&objects, &[], &[first, lie], "generation");
    }
    let made = Provenance {
        run: 1,
        job: 1,
        pipeline: "p".to_owned(),
        version: 1,
        stage: "s".to_owned(),
        code: Digest::of(b"code"),
        inputs: Vec::new(),
        state: tree,
        results: tree,
    };
    let with = |made: Provenance| keep(&Commit { provenance: Some(made), ..honest.clone() });
    let absent = NodeId::of(b"absent");
    refused(&objects, &[], &[first, with(Provenance { state: absent, ..made.clone() })], "is missing");
    refused(&objects, &[], &[first, with(Provenance { results: absent, ..made.clone() })], "is missing");
    let odd = tree::build(&objects, [(b"k".to_vec(), tree::Raw(b"no outcome".to_vec()))]).unwrap();
    refused(&objects, &[], &[first, with(Provenance { results: odd, ..made.clone() })], "result");
    let value = crate::object::codec::encode(1, &(tree, tree, absent)).unwrap();
    let lost = tree::build(&objects, [(vec![7; 32], tree::Raw(value))]).unwrap();
    refused(&objects, &[], &[first, with(Provenance { results: lost, ..made.clone() })], "is missing");
    send(&Place::new(), &objects, &[], &[first, with(made)]).unwrap();
}

#[test]
fn what_passes_for_a_node_or_a_commit_is_not_one() {
    let objects = Objects::default();
    let no_node = NodeId::new(*file(&objects, b"vdst\x01 and nothing").blob.digest());
    refused(&objects, &[], &[commit(&objects, no_node, Vec::new())], "malformed");
    // The record of a commit as a file does not make the commit be there.
    let tree = build(&objects, &[]);
    let hidden = commit(&objects, tree, Vec::new());
    let record = objects.read_object(hidden.digest()).unwrap().bytes;
    let follower = commit(&objects, tree, vec![hidden]);
    let place = Place::new();
    let writer = place.store.writer();
    edited(&writer, tree::empty(&writer).unwrap(), &edits(&[("f", "x")]));
    writer.write_object(ObjectKind::Chunk, hidden.digest(), &record).unwrap();
    writer.finish().unwrap();
    assert!(send(&place, &objects, &[], &[follower]).is_err());
    send(&place, &objects, &[], &[hidden]).unwrap();
}

#[test]
fn what_is_too_large_is_refused_before_it_is_looked_at() {
    let place = Place::new();
    let mut intake = intake(&place);
    let bytes = vec![0; (256 << 10) + 1];
    let refused =
        intake.put(&[Parcel { digest: Digest::of(&bytes), kind: ObjectKind::Chunk, bytes: bytes.into() }]);
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
}

#[test]
fn a_tree_that_lies_of_what_is_there_already_is_refused() {
    let objects = Objects::default();
    let one = file(&objects, b"x");
    let names: Vec<String> = (0..3000).map(|n| format!("{n:04}")).collect();
    let files: Vec<(&str, Entry)> = names.iter().map(|name| (name.as_str(), one)).collect();
    let tree = build(&objects, &files);
    let first = commit(&objects, tree, Vec::new());
    let mut nodes = Vec::new();
    tree::walk::<Entry, tree::Error>(
        &objects,
        tree,
        |id| {
            nodes.push(id);
            true
        },
        |_, _| Ok(()),
    )
    .unwrap();
    let root = objects.read_object(tree.digest()).unwrap().bytes.to_vec();
    let child = nodes[2].digest().as_bytes();
    let at = root.windows(32).position(|bytes| bytes == child).unwrap();
    // The number of entries, and what they weigh.
    for field in [at + 32, at + 40] {
        let mut lie = root.clone();
        lie[field] ^= 1;
        let id = NodeId::of(&lie);
        objects.write_object(ObjectKind::Node, id.digest(), &lie).unwrap();
        refused(&objects, &[], &[first, commit(&objects, id, vec![first])], "its parent says");
    }
}
