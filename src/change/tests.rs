//! What becomes of a change of several branches when others change them meanwhile.

use super::*;
use crate::draft::Draft;
use crate::history::{self, Author, NewRepo, Target};
use crate::meta::Batch;
use crate::object::{Entry, FileKind};
use crate::store::{DEFAULT_WAIT, Store};

fn author() -> Author {
    Author { name: "Ann".to_owned(), command: "test".to_owned() }
}

/// Commits each `TARGET:PATH=CONTENT`, all in one change, with `meddle` while it is prepared.
fn commit(store: &Store, files: &str, meddle: impl FnOnce()) -> Result<Together, Error> {
    let writer = store.writer();
    let mut parts = Vec::new();
    for file in files.split_whitespace() {
        let (target, rest) = file.split_once(':').unwrap();
        let (path, content) = rest.split_once('=').unwrap();
        let base = open(store, &target.parse().unwrap(), &writer).unwrap();
        let mut draft = Draft::new(base.tree);
        let kept = crate::content::keep_bytes(&writer, content.as_bytes()).unwrap();
        draft.put(path.parse().unwrap(), Entry { kind: FileKind::File, blob: kept.blob, size: kept.size });
        parts.push(Part { base, draft });
    }
    meddle();
    publish_all(store, &author(), parts, writer, "together", Empty::Skip)
}

/// A store with the repos `a` and `b`, each with a file on its branch `main`.
fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    for name in ["a", "b"] {
        let (mut facts, mut batch) = (store.session().unwrap(), Batch::default());
        let new =
            NewRepo { name: name.parse().unwrap(), created: 0, description: String::new(), output_of: None };
        history::create(&facts, &mut batch, new).unwrap();
        facts.commit(&author().now(), &batch).unwrap();
    }
    commit(&store, "a@main:first=1 b@main:first=1", || {}).unwrap();
    (dir, store)
}

fn heads(store: &Store) -> Vec<String> {
    let facts = store.session().unwrap();
    let mut all = Vec::new();
    for repo in history::list(&facts).unwrap() {
        for (branch, head) in history::branches(&facts, &repo).unwrap() {
            all.push(format!("{}@{branch} {head}", repo.name));
        }
    }
    all
}

#[test]
fn a_branch_that_moved_is_followed_and_the_others_go_with_it() {
    let (_dir, store) = store();
    let other = || drop(commit(&store, "b@main:theirs=1", || {}).unwrap());
    let together = commit(&store, "a@main:mine=1 b@main:mine=1 a@new:mine=1", other).unwrap();
    assert!(together.landed.iter().all(|landed| landed.commit.is_some()), "{together:?}");
    for (target, files) in [("a@main", "first mine"), ("b@main", "first mine theirs"), ("a@new", "mine")] {
        let target: Target = target.parse().unwrap();
        let base = open(&store, &target, &store.rehearsal()).unwrap();
        let snapshot = crate::snapshot::Snapshot::new(store.objects(), base.tree);
        let found: Vec<String> = snapshot.scan("").unwrap().map(|file| file.unwrap().0.to_string()).collect();
        assert_eq!(found.join(" "), files, "{target}");
    }
}

#[test]
fn a_conflict_on_one_branch_moves_none() {
    let (_dir, store) = store();
    let mut after = Vec::new();
    let other = || {
        commit(&store, "b@main:x=theirs", || {}).unwrap();
        after = heads(&store);
    };
    let ended = commit(&store, "a@main:x=mine b@main:x=mine", other);
    assert!(
        matches!(&ended, Err(Error::Conflict { target, .. }) if target.to_string() == "b@main"),
        "{ended:?}"
    );
    assert_eq!(heads(&store), after);
}

#[test]
fn a_branch_for_which_nothing_differs_stays() {
    let (_dir, store) = store();
    let before = heads(&store);
    let together = commit(&store, "a@main:first=1 b@main:more=1", || {}).unwrap();
    assert!(together.landed[0].commit.is_none() && together.landed[1].commit.is_some());
    assert_eq!(heads(&store)[0], before[0]);
    let none = commit(&store, "a@main:first=1 b@main:first=1", || {}).unwrap();
    assert!(none.operation.is_none());
}

#[test]
fn two_branches_of_a_repo_may_come_to_one_commit() {
    let (_dir, store) = store();
    let together = commit(&store, "a@x:f=1 a@y:f=1", || {}).unwrap();
    assert_eq!(together.landed[0].commit, together.landed[1].commit);
}
