//! What is written anew, what it costs, and what others do meanwhile.

use std::collections::BTreeSet;

use super::run::Decided;
use super::seen::Seen;
use super::{Place, Reach, Wanted, commits::Commits, purge};
use crate::change::{self, Empty};
use crate::content;
use crate::draft::Draft;
use crate::history::{self, Author};
use crate::object::{CommitId, Entry, FileKind};
use crate::progress::Silent;
use crate::refs::{Mode, create_branch, create_repo};
use crate::snapshot::Snapshot;
use crate::store::{DEFAULT_WAIT, Store};

fn author() -> Author {
    Author { name: "Ann".to_owned(), command: "test".to_owned() }
}

fn place() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    create_repo(&store, &author(), "r".parse().unwrap(), String::new()).unwrap();
    (dir, store)
}

fn commit(store: &Store, branch: &str, files: &[(String, String)]) -> CommitId {
    let writer = store.writer();
    let base = change::open(store, &format!("r@{branch}").parse().unwrap(), &writer).unwrap();
    let mut draft = Draft::new(base.tree);
    for (path, text) in files {
        let kept = content::keep_bytes(&writer, text.as_bytes()).unwrap();
        draft.put(path.parse().unwrap(), Entry { kind: FileKind::File, blob: kept.blob, size: kept.size });
    }
    let published = change::publish(store, &author(), base, draft, writer, "m", Empty::Allow);
    published.unwrap().commit.unwrap()
}

fn file(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

fn wanted(path: &str) -> Wanted {
    let place = Place { repo: "r".parse().unwrap(), path: path.parse().unwrap() };
    let (places, reach) = (vec![place], Reach::Path);
    Wanted { places, reach, blobs: BTreeSet::new(), reason: "law".to_owned(), asked: Vec::new() }
}

/// The commits from the branch's head on back, each with its files.
fn told(store: &Store, branch: &str) -> Vec<(CommitId, Vec<String>)> {
    let target: history::Target = format!("r@{branch}").parse().unwrap();
    let facts = store.session().unwrap();
    let repo = history::load_repo(&facts, &target.repo).unwrap();
    let head = history::load_head(&facts, &repo, &target.branch).unwrap();
    drop(facts);
    let log = history::Log::new(store.objects(), [head]);
    log.map(|item| {
        let (id, commit) = item.unwrap();
        let files = Snapshot::new(store.objects(), commit.tree).files_at(None).unwrap();
        (id, files.into_iter().map(|(path, _)| path.to_string()).collect())
    })
    .collect()
}

#[test]
fn it_costs_what_leads_to_the_file_however_much_else_there_is() {
    let (_dir, store) = place();
    let files: Vec<(String, String)> = (0..20_000).map(|n| file(&format!("d/{n:06}"), "x")).collect();
    let first = commit(&store, "main", &files);
    commit(&store, "main", &[file("d/010000.secret", "secret")]);
    for n in 0..3 {
        commit(&store, "main", &[file(&format!("e/{n}"), "more")]);
    }
    let before = store.objects().catalogue().unwrap().len();
    let purged = purge(&store, &author(), &wanted("d/010000.secret"), Mode::Make, &Silent).unwrap();
    assert_eq!(purged.commits, [("r".to_owned(), 4)]);
    let written = store.objects().catalogue().unwrap().len() - before;
    // Of each commit its record, and the nodes above what is not there any more; and the map. The first tree is there already.
    assert!((5..=4 * 5).contains(&written), "{written}");
    let after = told(&store, "main");
    assert_eq!(after.len(), 5);
    assert_eq!(after[4].0, first);
    assert!(after.iter().all(|(_, files)| !files.iter().any(|path| path.ends_with("secret"))));
}

#[test]
fn what_comes_between_the_look_and_the_step_is_looked_at_again() {
    let (_dir, store) = place();
    commit(&store, "main", &[file("a", "a"), file("secret", "1")]);
    let wanted = wanted("secret");
    let mut commits = Commits::new(&wanted.places, wanted.reach, wanted.blobs.clone());
    let decide = |commits: &mut Commits| {
        let seen = Seen::read(&store.session().unwrap()).unwrap();
        let writer = store.writer();
        let decided = Decided::of(&writer, &seen, commits).unwrap();
        writer.finish().unwrap();
        let purged = decided.look(&store, &store.rehearsal(), &seen, commits).unwrap();
        (seen, decided, purged)
    };
    let make = |(seen, decided, purged): (Seen, Decided, super::Purged)| {
        decided.make(&store, &seen, &author().now(), &wanted, purged).unwrap()
    };
    let first = decide(&mut commits);
    commit(&store, "main", &[file("b", "b"), file("secret", "2")]);
    assert!(make(first).is_none());
    let second = decide(&mut commits);
    let head = told(&store, "main")[0].0;
    create_branch(&store, &author(), &"r@side".parse().unwrap(), head).map(drop).unwrap();
    assert!(make(second).is_none());
    let purged = make(decide(&mut commits)).unwrap();
    assert_eq!(purged.blobs.len(), 2);
    assert_eq!(purged.refs.len(), 2);
    for branch in ["main", "side"] {
        let files: Vec<_> = told(&store, branch).into_iter().map(|(_, files)| files.join(" ")).collect();
        assert_eq!(files, ["a b", "a"]);
    }
}

#[test]
fn a_branch_of_a_commit_that_was_written_anew_is_not_made() {
    let (_dir, store) = place();
    let old = commit(&store, "main", &[file("secret", "1")]);
    // Who had found it before the purge names it after.
    let repo = history::load_repo(&store.session().unwrap(), &"r".parse().unwrap()).unwrap();
    purge(&store, &author(), &wanted("secret"), Mode::Make, &Silent).unwrap();
    let error = create_branch(&store, &author(), &"r@side".parse().unwrap(), old).unwrap_err();
    assert!(error.to_string().contains("was rewritten as"), "{error}");
    let found = history::find_by_prefix(&store.session().unwrap(), &repo, &old.to_string(), 1).unwrap();
    assert!(found.is_empty());
    let location = format!("r@{old}").parse().unwrap();
    let error = history::resolve(store.session().unwrap(), store.objects(), &location).unwrap_err();
    assert!(matches!(error, history::Error::Rewritten { old: was, .. } if was == old), "{error}");
}
