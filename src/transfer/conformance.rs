//! What every peer must do, as one suite that each implementation runs.

use super::contract::{Name, Parcel, Peer, RefMove};
use super::error::Error;
use super::story::author;
use crate::history::{self, LetGo};
use crate::object::access::memory::Objects;
use crate::object::{AccessError, Commit, CommitId, Digest, NodeId, ObjectKind, ObjectRead, TagName};
use crate::tree;

/// Checks the contract on an empty peer.
pub(super) fn check(peer: &dyn Peer) {
    assert_eq!(peer.names().unwrap(), []);
    what_is_not_there_is_missing(peer);
    let [first, second] = what_was_put_is_there(peer);
    names_move_in_one_step_or_not_at_all(peer, first, second);
    what_is_not_right_is_refused(peer, first);
    what_was_let_go_comes_as_a_record(peer, second);
}

fn what_is_not_there_is_missing(peer: &dyn Peer) {
    let absent = Digest::of(b"absent");
    assert!(matches!(peer.read(&[absent]), Err(AccessError::Missing { digest }) if digest == absent));
    assert_eq!(peer.receive(&author()).unwrap().have(&[absent]).unwrap(), [None]);
    assert_eq!(peer.read(&[]).unwrap().len(), 0);
}

fn parcel(objects: &Objects, digest: &Digest) -> Parcel {
    let payload = objects.read_object(digest).unwrap();
    Parcel { digest: *digest, kind: payload.kind, bytes: payload.bytes }
}

/// A commit of the empty tree.
fn commit(objects: &Objects, parents: Vec<CommitId>, message: &str) -> CommitId {
    let tree = tree::empty(objects).unwrap();
    let draft = history::Draft { parents, tree, message: message.to_owned(), provenance: None };
    history::write(objects, draft, &author().now()).unwrap().0
}

fn what_was_put_is_there(peer: &dyn Peer) -> [CommitId; 2] {
    let objects = Objects::default();
    let first = commit(&objects, Vec::new(), "first");
    let second = commit(&objects, vec![first], "second");
    let root = tree::empty(&objects).unwrap();
    let ids = [*root.digest(), *first.digest(), *second.digest()];
    let parcels: Vec<Parcel> = ids.iter().map(|id| parcel(&objects, id)).collect();
    let kinds = [Some(ObjectKind::Node), Some(ObjectKind::Commit), Some(ObjectKind::Commit)];
    for _ in 0..2 {
        let mut delivery = peer.receive(&author()).unwrap();
        delivery.put(&parcels[..1]).unwrap();
        delivery.put(&parcels[1..]).unwrap();
        assert_eq!(delivery.have(&ids).unwrap(), kinds);
        delivery.finish().unwrap();
    }
    assert_eq!(peer.receive(&author()).unwrap().have(&ids).unwrap(), kinds);
    for (read, sent) in peer.read(&ids).unwrap().iter().zip(&parcels) {
        assert_eq!((read.kind, &read.bytes), (sent.kind, &sent.bytes));
    }
    [first, second]
}

fn what_was_let_go_comes_as_a_record(peer: &dyn Peer, before: CommitId) {
    let there = history::load(&Loaded(peer), before).unwrap();
    let bytes = Commit { tree: NodeId::of(b"let go"), ..there.clone() }.to_bytes().unwrap();
    let (digest, kind) = (Digest::of(&bytes), ObjectKind::Commit);
    let (id, record) = (CommitId::new(digest), Parcel { digest, kind, bytes: bytes.into() });
    let gone = LetGo { time: 1, rules: "r@main:keep-last=1".to_owned() };
    refuses(peer, record.clone());
    for _ in 0..2 {
        let mut delivery = peer.receive(&author()).unwrap();
        delivery.let_go(&[(id, gone.clone()), (before, gone.clone())]).unwrap();
        delivery.put(std::slice::from_ref(&record)).unwrap();
        let has_files = |id| delivery.has_files(id).unwrap();
        assert_eq!((has_files(id), has_files(before)), (false, true));
        delivery.finish().unwrap();
        let _ = peer.names().unwrap();
        let told = |id| history::find_let_go(&Loaded(peer), id).unwrap();
        assert_eq!((told(id), told(before)), (Some(gone.clone()), None));
    }
    let moved = begin("c", None, id);
    assert!(peer.update(&author(), &[moved]).is_err());
    let mut delivery = peer.receive(&author()).unwrap();
    delivery.let_go_results(&gone).unwrap();
    delivery.finish().unwrap();
    let _ = peer.names().unwrap();
    assert_eq!(history::find_results_let_go(&Loaded(peer)).unwrap(), Some(gone.clone()));
    let illegal = LetGo { rules: "\n".to_owned(), ..gone };
    assert!(peer.receive(&author()).unwrap().let_go_results(&illegal).is_err());
    assert!(peer.receive(&author()).unwrap().let_go(&[(id, illegal)]).is_err());
}

fn begin(name: &str, before: Option<CommitId>, after: CommitId) -> RefMove {
    let name = Name::Branch(name.parse().unwrap());
    RefMove { repo: "r".parse().unwrap(), description: "a repo".to_owned(), name, before, after: Some(after) }
}

fn names_move_in_one_step_or_not_at_all(peer: &dyn Peer, first: CommitId, second: CommitId) {
    let ann = author();
    let heads = || {
        let names = peer.names().unwrap();
        let heads = |name: &super::contract::Names| {
            name.branches.iter().map(|(b, id)| (b.to_string(), *id)).collect()
        };
        names.iter().map(heads).collect::<Vec<Vec<_>>>().concat()
    };
    peer.update(&ann, &[begin("a", None, first), begin("b", None, second)]).unwrap();
    let made = peer.names().unwrap();
    assert_eq!((made.len(), made[0].description.as_str()), (1, "a repo"));
    let both = vec![("a".to_owned(), first), ("b".to_owned(), second)];
    assert_eq!(heads(), both);
    for stale in [begin("b", Some(first), first), begin("b", None, first), begin("c", Some(first), first)] {
        let refused = peer.update(&ann, &[begin("a", Some(first), second), stale]);
        assert!(matches!(refused, Err(Error::Moved { .. })), "{refused:?}");
        assert_eq!(heads(), both);
    }
    let unknown = CommitId::of(b"unknown");
    let refused = peer.update(&ann, &[begin("a", Some(first), second), begin("c", None, unknown)]);
    assert!(matches!(refused, Err(Error::NoCommit { commit, .. }) if commit == unknown), "{refused:?}");
    assert_eq!(heads(), both);
    peer.update(&ann, &[]).unwrap();
    let tag: TagName = "v1".parse().unwrap();
    let tagged = RefMove { name: Name::Tag(tag.clone()), ..begin("a", None, first) };
    peer.update(&ann, &[begin("a", Some(first), second), tagged.clone()]).unwrap();
    assert_eq!(peer.names().unwrap()[0].tags, [(tag, first)]);
    assert!(peer.update(&ann, &[tagged]).is_err());
    assert_eq!(heads(), [("a".to_owned(), second), ("b".to_owned(), second)]);
    let gone = |name: &str, before: CommitId| RefMove { after: None, ..begin(name, Some(before), before) };
    let refused = peer.update(&ann, &[gone("a", second), gone("b", first)]);
    assert!(matches!(refused, Err(Error::Moved { .. })), "{refused:?}");
    peer.update(&ann, &[gone("b", second)]).unwrap();
    assert_eq!(heads(), [("a".to_owned(), second)]);
    peer.update(&ann, &[begin("b", None, second)]).unwrap();
}

fn what_is_not_right_is_refused(peer: &dyn Peer, first: CommitId) {
    let objects = Objects::default();
    let tree = tree::empty(&objects).unwrap();
    let lone = Commit { tree: NodeId::of(b"no tree"), ..history::load(&Loaded(peer), first).unwrap() };
    let orphan = Commit { tree, parents: vec![CommitId::of(b"nobody")], generation: 2, ..lone.clone() };
    let old = Commit { tree, generation: 7, ..lone.clone() };
    for wrong in [lone, orphan, old] {
        let bytes = wrong.to_bytes().unwrap();
        let (digest, kind) = (Digest::of(&bytes), ObjectKind::Commit);
        refuses(peer, Parcel { digest, kind, bytes: bytes.into() });
    }
    for kind in [ObjectKind::Chunk, ObjectKind::Node, ObjectKind::Commit, ObjectKind::Manifest] {
        refuses(peer, Parcel { digest: Digest::of(b"this"), kind, bytes: b"that"[..].into() });
    }
    let whole = Parcel { digest: Digest::of(b"x"), kind: ObjectKind::Chunk, bytes: b"x"[..].into() };
    let mut delivery = peer.receive(&author()).unwrap();
    delivery.put(&[whole]).unwrap();
    delivery.finish().unwrap();
}

fn refuses(peer: &dyn Peer, parcel: Parcel) {
    let mut delivery = peer.receive(&author()).unwrap();
    assert!(delivery.put(std::slice::from_ref(&parcel)).is_err(), "{parcel:?}");
    assert_eq!(delivery.have(&[parcel.digest]).unwrap(), [None]);
    drop(delivery);
    assert_eq!(peer.receive(&author()).unwrap().have(&[parcel.digest]).unwrap(), [None]);
}

#[derive(Debug)]
struct Loaded<'a>(&'a dyn Peer);

impl ObjectRead for Loaded<'_> {
    fn read_object(&self, digest: &Digest) -> Result<crate::object::Payload, AccessError> {
        Ok(self.0.read(&[*digest])?.remove(0))
    }

    fn let_go(&self) -> Option<NodeId> {
        self.0.let_go()
    }
}
