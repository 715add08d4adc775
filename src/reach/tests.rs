//! What is met, how often, and what is not.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{Met, Root, Visit, named_by, visit};
use crate::content;
use crate::history::{self, Author};
use crate::object::access::memory::Objects;
use crate::object::{
    AccessError, CommitId, Digest, Entry, FileKind, NodeId, ObjectKind, ObjectRead, ObjectWrite,
};
use crate::tree;

/// Remembers what was met, as what.
struct Seen<'a> {
    objects: &'a Objects,
    met: Mutex<BTreeMap<(Digest, bool), ObjectKind>>,
}

impl Seen<'_> {
    fn take(&self, digest: &Digest, is_content: bool) -> Result<Met, AccessError> {
        let kind = self.objects.read_object(digest)?.kind;
        let before = self.met.lock().unwrap().insert((*digest, is_content), kind);
        Ok(if before.is_some() { Met::Before } else { Met::First(kind) })
    }

    fn count(&self) -> usize {
        self.met.lock().unwrap().len()
    }
}

impl Visit for Seen<'_> {
    fn meet(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.take(digest, false)
    }

    fn meet_content(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.take(digest, true)
    }

    fn passes(&self, _commit: &CommitId) -> bool {
        false
    }

    fn passes_results(&self) -> bool {
        false
    }
}

fn seen(objects: &Objects) -> Seen<'_> {
    Seen { objects, met: Mutex::default() }
}

fn file(objects: &Objects, bytes: &[u8]) -> Entry {
    let kept = content::keep_bytes(objects, bytes).unwrap();
    Entry { kind: FileKind::File, blob: kept.blob, size: kept.size }
}

fn files(objects: &Objects, count: u32, of: impl Fn(u32) -> Entry) -> NodeId {
    let entries = (0..count).map(|n| (format!("d/{n:06}").into_bytes(), of(n))).collect::<BTreeMap<_, _>>();
    tree::build(objects, entries).unwrap()
}

fn commit(objects: &Objects, parents: Vec<CommitId>, tree: NodeId) -> CommitId {
    let author = Author { name: "Ann".to_owned(), command: "test".to_owned() };
    let draft = history::Draft { parents, tree, message: String::new(), provenance: None };
    history::write(objects, draft, &author.now()).unwrap().0
}

#[test]
fn each_object_is_met_once_and_what_two_versions_share_is_not_read_again() {
    let objects = Objects::default();
    let base = files(&objects, 20_000, |n| file(&objects, &n.to_le_bytes()));
    let edit = BTreeMap::from([(b"d/010000".to_vec(), Some(file(&objects, b"new")))]);
    let edited = tree::edit(&objects, base, edit).unwrap();
    let first = commit(&objects, vec![], base);
    let second = commit(&objects, vec![first], edited);
    let seen = seen(&objects);
    visit(&objects, Root::Commit(first), &seen).unwrap();
    let before = seen.count();
    assert!(before > 20_000 && before < 20_700, "{before}");
    visit(&objects, Root::Commit(second), &seen).unwrap();
    // The commit, the new nodes, the new file.
    let new = seen.count() - before;
    assert!((4..8).contains(&new), "{new}");
    visit(&objects, Root::Commit(second), &seen).unwrap();
    assert_eq!(seen.count(), before + new);
}

#[test]
fn a_file_with_the_bytes_of_a_node_leads_nowhere_and_the_node_still_does() {
    let objects = Objects::default();
    let inner = files(&objects, 3, |n| file(&objects, format!("inner {n}").as_bytes()));
    let bytes = objects.read_object(inner.digest()).unwrap().bytes;
    let outer = files(&objects, 1, |_| file(&objects, &bytes));
    let seen = seen(&objects);
    visit(&objects, Root::Files(outer), &seen).unwrap();
    assert_eq!(seen.count(), 2);
    visit(&objects, Root::Files(inner), &seen).unwrap();
    assert_eq!(seen.count(), 2 + 1 + 3);
}

#[test]
fn a_large_file_leads_to_all_its_pieces_and_what_is_missing_is_an_error() {
    let objects = Objects::default();
    let bytes: Vec<u8> = (0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let large = file(&objects, &bytes);
    let seen = seen(&objects);
    visit(&objects, Root::File(large), &seen).unwrap();
    let pieces = content::manifest(&objects, large.blob).unwrap().pieces.len();
    assert!(pieces > 3);
    assert_eq!(seen.count(), 1 + pieces);
    assert!(visit(&objects, Root::Files(NodeId::of(b"nothing")), &seen).is_err());
    objects.write_object(ObjectKind::Chunk, &Digest::of(b"x"), b"x").unwrap();
    assert!(content::manifest(&objects, crate::object::BlobId::of(b"x")).is_err());
}

#[test]
fn facts_that_only_know_of_commits_keep_nothing() {
    let id = CommitId::of(b"x");
    let value = id.digest().as_bytes().to_vec();
    let key = |what: &str, rest: &[u8]| [what.as_bytes(), &7_u64.to_be_bytes(), rest].concat();
    for (key, keeps) in [
        (key("branch/", b"main"), true),
        (key("tag/", b"v1"), true),
        (key("pin/", id.digest().as_bytes()), true),
        (key("remote-branch/", b"origin/main"), true),
        (key("results/", b""), true),
        (key("reached/", b"main"), true),
        (key("commit/", id.digest().as_bytes()), false),
        (key("derived/", id.digest().as_bytes()), false),
        (b"next/job".to_vec(), false),
    ] {
        assert_eq!(named_by(&key, &value).unwrap().is_some(), keeps, "{}", key.escape_ascii());
    }
}
