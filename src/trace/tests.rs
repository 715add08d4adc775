//! What a way back through history costs, in objects read.

use super::{Follow, Lineage, Merges, Selection, Sight, Walk, blame, blame_lines};
use crate::content;
use crate::draft::Draft;
use crate::history::{self, Log};
use crate::ledger::{Origin, OriginKind};
use crate::object::access::memory::Objects;
use crate::object::{BlobId, CommitId, Entry, FileKind, NodeId};
use crate::scope::Scope;
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

fn commit(objects: &Objects, parents: &[CommitId], tree: NodeId, message: &str) -> CommitId {
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
        scope: Scope::of(vec![path.parse().unwrap()]),
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

#[test]
fn a_search_for_the_last_commits_ends_when_all_are_found() {
    let objects = Objects::default();
    let head = many(&objects, 60);
    let paths: Vec<_> = (50..=60).map(|n| path(n * 7919 % FILES).parse().unwrap()).collect();
    objects.take_counts();
    let found = blame(&objects, head, &paths, Follow::Nothing).unwrap();
    let read = objects.take_counts().0;
    let told: Vec<&str> = found.iter().map(|(_, _, commit)| commit.message.as_str()).collect();
    assert_eq!(told, ["50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60"]);
    // Eleven commits are looked at, however many there are before them.
    assert!(read <= 11 * 11 * 8, "{read} objects read");
    // All of a directory: each commit costs the nodes that differ.
    let all: Vec<_> = (0..FILES).step_by(100).map(|n| path(n).parse().unwrap()).collect();
    objects.take_counts();
    assert_eq!(blame(&objects, head, &all, Follow::Nothing).unwrap().len(), all.len());
    let read = objects.take_counts().0;
    assert!(read <= 61 * 12, "{read} objects read");
}

/// Commits whose file `f` has a line for each letter: `"a=xy b<a=xyz"`; then who set each line at the last.
#[track_caller]
fn check(history: &str, want: &str) {
    let objects = Objects::default();
    let mut made: Vec<(&str, CommitId, Entry)> = Vec::new();
    for each in history.split_whitespace() {
        let (name, text) = each.split_once('=').unwrap();
        let (name, parents) = name.split_once('<').unwrap_or((name, ""));
        let (text, file) = text.split_once('@').unwrap_or((text, "f"));
        let lines: String = text.chars().map(|c| format!("{c}\n")).collect();
        let kept = content::keep_bytes(&objects, lines.as_bytes()).unwrap();
        let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
        let mut draft = Draft::new(tree::empty(&objects).unwrap());
        draft.put(file.parse().unwrap(), entry);
        let of = |parent: &str| made.iter().find(|(name, ..)| *name == parent).unwrap().1;
        let parents: Vec<CommitId> = parents.split(',').filter(|name| !name.is_empty()).map(of).collect();
        let id = commit(&objects, &parents, draft.finish(&objects).unwrap().0, name);
        made.push((name, id, entry));
    }
    let (_, head, entry) = made.last().unwrap();
    let file = history.rsplit('@').next().filter(|_| history.contains('@')).unwrap_or("f");
    let found = blame_lines(&objects, *head, &file.parse().unwrap(), entry).unwrap();
    let told: String = found.iter().map(|(_, _, commit)| commit.message.as_str()).collect();
    assert_eq!(told, want, "{history}");
}

#[test]
fn each_line_is_that_of_the_commit_that_brought_it() {
    check("a=xyz", "aaa");
    check("a=xyz b<a=xYz", "aba");
    check("a=xyz b<a=xyz1 c<b=0xyz1", "caaab");
    check("a=xyz b<a=xz c<b=xYz", "aca");
    check("a=xyz b<a=1xyz c<a=xyz2 m<b,c=1xyz2", "baaac");
    check("a=xyz b<a=1xyz c<a=xyz2 m<b,c=1xyz2M", "baaacm");
    check("a=xyz b<a=xyz@g c<b=xYz@g", "aca");
    check("a= b<a=x", "b");
}
