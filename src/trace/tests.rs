//! What a way back through history costs, in objects read.

use super::{Follow, Lineage, Merges, Selection, Sight, Walk};
use crate::draft::Draft;
use crate::history::{self, Log};
use crate::ledger::{Origin, OriginKind};
use crate::object::access::memory::Objects;
use crate::object::{BlobId, CommitId, Entry, FileKind, NodeId};
use crate::tree;

/// How many files the tree has.
const FILES: u32 = 200_000;

fn entry(n: u32) -> Entry {
    let text = n.to_string();
    Entry { kind: FileKind::File, blob: BlobId::of(text.as_bytes()), size: text.len() as u64 }
}

fn path(n: u32) -> String {
    format!("2024/{:02}/{:02}/{:04}.csv", n / 40_000 + 1, n / 1440 % 28 + 1, n)
}

pub(super) fn commit(objects: &Objects, parents: &[CommitId], tree: NodeId, message: &str) -> CommitId {
    let (author, command) = ("Ann".to_owned(), String::new());
    let origin = Origin { time: 0, offset: 0, author, command, kind: OriginKind::Operation };
    let draft =
        history::Draft { parents: parents.to_vec(), tree, message: message.to_owned(), provenance: None };
    history::write(objects, draft, &origin).unwrap().0
}

/// A tree of many files, and as many commits on it, each of which changes one file.
fn many(objects: &Objects, commits: u32) -> CommitId {
    let mut files: Vec<_> = (0..FILES).map(|n| (path(n).into_bytes(), entry(n))).collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let mut tree = tree::build(objects, files).unwrap();
    let mut head = commit(objects, &[], tree, "all");
    for n in 1..=commits {
        let mut draft = Draft::new(tree);
        draft.put(path(n * 7919 % FILES).parse().unwrap(), entry(FILES + n));
        tree = draft.finish(objects).unwrap().0;
        head = commit(objects, &[head], tree, &n.to_string());
    }
    head
}

fn selection(path: &str) -> Selection {
    Selection {
        paths: vec![path.parse().unwrap()],
        follow: Follow::Renames,
        lineage: Lineage::All,
        merges: Merges::Told,
        since: None,
        until: None,
        author: None,
    }
}

#[test]
fn a_commit_that_did_not_touch_the_path_costs_the_nodes_that_lead_to_it() {
    let objects = Objects::default();
    let commits = 60;
    let head = many(&objects, commits);
    objects.take_counts();
    let told: Vec<String> =
        Walk::new(&objects, Log::new(&objects, [head]), selection(&path(7919 * 30 % FILES)))
            .map(Result::unwrap)
            .filter(|step| step.sight == Sight::Shown)
            .map(|step| step.commit.message)
            .collect();
    assert_eq!(told, ["30", "all"]);
    // Two records, and of each tree a path of three nodes; only the commit that is told reads more.
    let read = objects.take_counts().0;
    assert!(read <= u64::from(commits) * 8 + 40, "{read} objects read");
}
