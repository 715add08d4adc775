//! What other people do while a branch is being changed.

use super::{Mode, create_repo, delete_branch, delete_repo, rename_repo};
use crate::change::{self, Empty, Published};
use crate::draft::Draft;
use crate::history::{self, Author, Target};
use crate::object::{Entry, FileKind, RepoName};
use crate::store::{DEFAULT_WAIT, Store};

fn author() -> Author {
    Author { name: "Ann".to_owned(), command: "test".to_owned() }
}

/// Commits a file `PATH` or `PATH=CONTENT` to `ticks@main`, with `meddle` while that is prepared.
fn commit(store: &Store, file: &str, meddle: impl FnOnce()) -> Result<Published, change::Error> {
    let (path, content) = file.split_once('=').unwrap_or((file, file));
    let writer = store.writer();
    let base = change::open(store, &"ticks@main".parse().unwrap(), &writer).unwrap();
    let mut draft = Draft::new(base.tree);
    let kept = crate::content::keep_bytes(&writer, content.as_bytes()).unwrap();
    draft.put(path.parse().unwrap(), Entry { kind: FileKind::File, blob: kept.blob, size: kept.size });
    meddle();
    change::publish(store, &author(), base, draft, writer, "late", Empty::Skip)
}

/// What comes of a commit of the file `path` to a repo with a file when `meddle` happens while it is prepared.
fn commit_while(path: &str, meddle: impl FnOnce(&Store, &RepoName)) -> Result<Published, change::Error> {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    let name: RepoName = "ticks".parse().unwrap();
    create_repo(&store, &author(), name.clone(), String::new()).unwrap();
    commit(&store, "first", || {}).unwrap();
    commit(&store, path, || meddle(&store, &name))
}

#[test]
fn what_two_commit_at_one_path_is_a_conflict_a_file_and_a_directory_of_one_name_too() {
    for (mine, theirs, meet) in [
        ("d", "d/x", true),
        ("d/x", "d", true),
        ("d/x/y", "d", true),
        ("d=1", "d=2", true),
        // The same change twice is none.
        ("d=1", "d=1", false),
        ("d", "d.csv", false),
        ("d/x", "d/y", false),
        ("d", "d-1/x", false),
    ] {
        let ended = commit_while(mine, |store, _| drop(commit(store, theirs, || {}).unwrap()));
        let conflict = matches!(ended, Err(change::Error::Conflict { .. }));
        assert!(conflict == meet && (meet || ended.is_ok()), "{mine} {theirs}: {ended:?}");
    }
}

#[test]
fn a_branch_that_is_deleted_meanwhile_is_not_begun_again_unasked() {
    let target: Target = "ticks@main".parse().unwrap();
    let ended = commit_while("file", |store, _| {
        let _ = delete_branch(store, &author(), &target).unwrap();
    });
    assert!(matches!(ended, Err(change::Error::Deleted { .. })), "{ended:?}");
}

#[test]
fn nothing_is_committed_to_a_repo_that_went_away_meanwhile() {
    assert!(commit_while("file", |_, _| {}).unwrap().commit.is_some());
    let deleted = |store: &Store, name: &RepoName| {
        delete_repo(store, &author(), name, Mode::Make).unwrap();
    };
    let unknown = commit_while("file", deleted).unwrap_err();
    assert!(matches!(unknown, change::Error::History(history::Error::UnknownRepo { .. })), "{unknown}");
    let renamed = commit_while("file", |store, name| {
        rename_repo(store, &author(), name, "others".parse().unwrap()).unwrap();
    });
    assert!(matches!(renamed.unwrap_err(), change::Error::History(history::Error::UnknownRepo { .. })));
    let replaced = commit_while("file", |store, name| {
        deleted(store, name);
        create_repo(store, &author(), name.clone(), String::new()).unwrap();
    });
    assert!(matches!(replaced.unwrap_err(), change::Error::History(history::Error::Replaced { .. })));
}
