//! What is collected, what is not, and what others do meanwhile.

use std::time::Duration;

use super::{Collected, Options, collect, foresee, gather};
use crate::change::{self, Empty};
use crate::draft::Draft;
use crate::fault::Cause;
use crate::history::{self, Author, Target};
use crate::marker::Position;
use crate::object::{CommitId, Entry, FileKind};
use crate::pack::Writer;
use crate::progress::Silent;
use crate::refs::{Mode, create_branch, create_repo, delete_branch, delete_repo};
use crate::scope::Scope;
use crate::store::{DEFAULT_WAIT, Store};
use crate::workspace::{Loss, Wanted, Workspace};
use crate::{content, snapshot::Snapshot};

pub(super) fn author() -> Author {
    Author { name: "Ann".to_owned(), command: "test".to_owned() }
}

/// As soon as can be, with these rules.
pub(super) fn by(rules: &str) -> Options {
    Options { rules: rules.parse().unwrap(), wait: Duration::ZERO, patience: Duration::ZERO }
}

pub(super) struct Place {
    _dir: tempfile::TempDir,
    pub(super) store: Store,
}

pub(super) fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    create_repo(&store, &author(), "r".parse().unwrap(), String::new()).unwrap();
    Place { _dir: dir, store }
}

impl Place {
    /// Another process, as it were.
    pub(super) fn other(&self) -> Store {
        Store::open(self.store.root(), DEFAULT_WAIT).unwrap()
    }

    pub(super) fn gc(&self) -> Collected {
        collect(&self.store, &author(), &by("ops=0"), &Silent).unwrap()
    }
}

/// Bytes that do not compress.
pub(super) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut bytes = vec![0; len];
    reader.fill(&mut bytes);
    bytes
}

/// A commit of these files that is not published yet.
pub(super) struct Prepared {
    base: change::Base,
    draft: Draft,
    writer: Writer,
}

pub(super) fn prepare(store: &Store, branch: &str, files: &[(&str, Vec<u8>)]) -> Prepared {
    let target: Target = format!("r@{branch}").parse().unwrap();
    let writer = store.writer();
    let base = change::open(store, &target, &writer).unwrap();
    let mut draft = Draft::new(base.tree);
    for (path, bytes) in files {
        let kept = content::keep_bytes(&writer, bytes).unwrap();
        let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
        draft.put(path.parse().unwrap(), entry);
    }
    Prepared { base, draft, writer }
}

/// Publishes it, if its branch is what it was made for.
pub(super) fn publish_if(store: &Store, prepared: Prepared) -> Result<Option<CommitId>, change::Error> {
    let Prepared { base, draft, writer } = prepared;
    let published = change::publish(store, &author(), base, draft, writer, "m", Empty::Allow)?;
    Ok(published.commit)
}

pub(super) fn publish(store: &Store, prepared: Prepared) -> CommitId {
    publish_if(store, prepared).unwrap().unwrap()
}

pub(super) fn commit(store: &Store, branch: &str, files: &[(&str, Vec<u8>)]) -> CommitId {
    publish(store, prepare(store, branch, files))
}

pub(super) fn remove_branch(store: &Store, branch: &str) {
    let target = format!("r@{branch}").parse().unwrap();
    let _ = delete_branch(store, &author(), &target).unwrap();
}

/// Paths with what the files hold.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// Everything that the commit holds, read anew.
pub(super) fn read(store: &Store, id: CommitId) -> Result<Files, Cause> {
    let store = Store::open(store.root(), DEFAULT_WAIT)?;
    drop(store.session()?);
    let tree = history::load_whole(store.objects(), id)?.tree;
    let mut files = Vec::new();
    for (path, entry) in Snapshot::new(store.objects(), tree).files_at(None)? {
        files.push((path.to_string(), content::load(store.objects(), entry.blob)?));
    }
    Ok(files)
}

pub(super) fn bytes_of_packs(store: &Store) -> u64 {
    let all = walkdir(&store.root().join("packs"));
    all.iter().map(|path| std::fs::metadata(path).unwrap().len()).sum()
}

pub(super) fn walkdir(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walkdir(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn what_the_files_of_a_workspace_come_from_stays_as_long_as_its_repo() {
    let place = place();
    let store = &place.store;
    let id = commit(store, "side", &[("a", noise(1, 50_000))]);
    let dir = tempfile::tempdir().unwrap();
    let at = Position { branch: None, commit: Some(id) };
    let wanted = Wanted { repo: "r".parse().unwrap(), at, scope: Scope::whole() };
    let made = Workspace::make(place.other(), dir.path(), wanted, Loss::Refuse, DEFAULT_WAIT, &Silent);
    drop(made.unwrap());
    remove_branch(store, "side");
    place.gc();
    assert!(read(store, id).is_ok());
    // It may be on a disk that comes back.
    let away = dir.path().with_extension("away");
    std::fs::rename(dir.path(), &away).unwrap();
    place.gc();
    assert!(read(store, id).is_ok());
    std::fs::rename(&away, dir.path()).unwrap();
    let _ = delete_repo(store, &author(), &"r".parse().unwrap(), Mode::Make).unwrap();
    place.gc();
    assert!(read(store, id).is_err());
}

#[test]
fn what_only_a_deleted_branch_had_goes_and_all_else_stays() {
    let place = place();
    let store = &place.store;
    let kept = commit(store, "main", &[("a", noise(1, 300_000)), ("shared", noise(2, 50_000))]);
    let gone = commit(store, "side", &[("shared", noise(2, 50_000)), ("big", noise(3, 2_000_000))]);
    let want = read(store, kept).unwrap();
    assert_eq!(place.gc().commits, 0);
    assert!(read(store, gone).is_ok());
    remove_branch(store, "side");
    let before = bytes_of_packs(store);
    let foreseen = foresee(store, &author(), &by("ops=0"), &Silent).unwrap().collected;
    assert_eq!(bytes_of_packs(store), before);
    assert_eq!(foreseen.commits, 1);
    let collected = place.gc();
    assert_eq!((collected.commits, collected.waiting, collected.presences), (1, 0, 0));
    assert_eq!(collected.plan, foreseen.plan);
    assert!(collected.plan.freed > 2_000_000 && bytes_of_packs(store) + 2_000_000 < before);
    assert_eq!(read(store, kept).unwrap(), want);
    assert!(read(store, gone).is_err());
    let again = place.gc();
    assert_eq!((again.commits, again.deleted, again.plan.packs.len()), (0, 0, 0));
}

#[test]
fn what_can_be_undone_is_kept_for_as_long_as_that() {
    let place = place();
    let store = &place.store;
    let id = commit(store, "main", &[("a", noise(1, 3000))]);
    // The empty tree that the branch began with is not needed.
    place.gc();
    delete_repo(store, &author(), &"r".parse().unwrap(), Mode::Make).unwrap();
    assert_eq!(collect(store, &author(), &by("ops=1h"), &Silent).unwrap().deleted, 0);
    assert!(read(store, id).is_ok());
    let collected = place.gc();
    assert!(collected.deleted > 3000);
    assert!(read(store, id).is_err());
    assert_eq!(collected.needed, (0, 0));
}

#[test]
fn who_found_an_object_before_it_was_collected_can_rely_on_it() {
    let place = place();
    let store = &place.store;
    let files = [("old", noise(1, 200_000))];
    commit(store, "side", &files);
    remove_branch(store, "side");
    // Another process finds what only the deleted branch had, and so does not write it again.
    let other = place.other();
    let prepared = prepare(&other, "main", &files);
    let first = place.gc();
    assert_eq!((first.presences, first.deleted), (1, 0));
    assert!(first.waiting > 200_000);
    let made = publish(&other, prepared);
    assert_eq!(read(store, made).unwrap(), [("old".to_owned(), files[0].1.clone())]);
    // It is still there as long as the other process is.
    assert_eq!(place.gc().deleted, 0);
    assert_eq!(read(store, made).unwrap().len(), 1);
    drop(other);
    let last = place.gc();
    assert!(last.deleted > 200_000 && last.waiting == 0, "{last:?}");
    assert_eq!(read(store, made).unwrap(), [("old".to_owned(), files[0].1.clone())]);
}

#[test]
fn what_is_written_and_not_yet_named_is_left_alone() {
    let place = place();
    let other = place.other();
    let Prepared { base, draft, writer } = prepare(&other, "main", &[("new", noise(1, 200_000))]);
    // All of it is in place, and nothing names it.
    writer.finish().unwrap();
    let collected = place.gc();
    assert!(collected.plan.packs.is_empty(), "{collected:?}");
    let prepared = Prepared { base, draft, writer: other.writer() };
    let made = publish(&other, prepared);
    drop(other);
    place.gc();
    assert_eq!(read(&place.store, made).unwrap().len(), 1);
}

#[test]
fn what_a_writer_left_who_died_before_he_named_it_goes() {
    let place = place();
    let other = place.other();
    let Prepared { writer, .. } = prepare(&other, "main", &[("new", noise(1, 200_000))]);
    writer.finish().unwrap();
    drop(other);
    assert!(place.gc().deleted > 200_000);
}

#[test]
fn the_very_same_pack_written_again_while_it_waits_to_be_deleted_stays() {
    let place = place();
    let store = &place.store;
    let files = [("a", noise(1, 100_000))];
    commit(store, "side", &files);
    remove_branch(store, "side");
    let reader = place.other();
    assert!(place.gc().waiting > 0);
    // Begun after that, so it does not find the object, and writes it again: the pack has the same bytes and so the same name.
    let later = place.other();
    let made = commit(&later, "main", &files);
    drop((reader, later));
    place.gc();
    place.gc();
    assert_eq!(read(store, made).unwrap(), [("a".to_owned(), files[0].1.clone())]);
}

#[test]
fn a_branch_made_of_a_commit_while_it_is_collected_keeps_it() {
    let place = place();
    let store = &place.store;
    let id = commit(store, "side", &[("a", noise(1, 100_000))]);
    remove_branch(store, "side");
    // Who looked the commit up before it was forgotten makes a branch of it after that.
    let other = place.other();
    assert_eq!(place.gc().commits, 1);
    create_branch(&other, &author(), &"r@again".parse().unwrap(), id).unwrap();
    drop(other);
    place.gc();
    assert_eq!(read(store, id).unwrap().len(), 1);
    let facts = store.session().unwrap();
    let repo = history::load_repo(&facts, &"r".parse().unwrap()).unwrap();
    let found = history::find_by_prefix(&facts, &repo, &id.to_string()[..12], 2).unwrap();
    assert_eq!(found, [id], "it can be named by its digits again");
}

#[test]
fn half_of_everything_leaves_little_more_than_the_other_half() {
    let place = place();
    let store = &place.store;
    for n in 0..40 {
        let branch = if n % 2 == 0 { "even" } else { "odd" };
        let files: Vec<(String, Vec<u8>)> =
            (0..50).map(|m| (format!("{n}/{m}"), noise(n * 1000 + m, 2000))).collect();
        let files: Vec<(&str, Vec<u8>)> =
            files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
        commit(store, branch, &files);
    }
    let before = bytes_of_packs(store);
    remove_branch(store, "odd");
    place.gc();
    let after = bytes_of_packs(store);
    assert!(after * 100 < before * 58, "{before} {after}");
    assert!(walkdir(&store.root().join("packs")).len() < 4);
    let small = place.gc();
    assert_eq!(small.plan.packs.len(), 0);
}

#[test]
fn what_is_still_found_has_all_that_it_leads_to() {
    let place = place();
    let store = &place.store;
    let writer = store.writer();
    let part = |branch: &str, files: &[(&str, Vec<u8>)]| {
        let base = change::open(store, &format!("r@{branch}").parse().unwrap(), &writer).unwrap();
        let mut draft = Draft::new(base.tree);
        for (path, bytes) in files {
            let kept = content::keep_bytes(&writer, bytes).unwrap();
            let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
            draft.put(path.parse().unwrap(), entry);
        }
        change::Part { base, draft }
    };
    // Both in one pack, nearly all of which is needed.
    let parts = vec![part("main", &[("a", noise(1, 4_000_000))]), part("side", &[("b", noise(2, 90_000))])];
    let landed = change::publish_all(store, &author(), parts, writer, "m", Empty::Skip).unwrap().landed;
    let [kept, gone] = [0, 1].map(|n: usize| landed[n].commit.unwrap());
    remove_branch(store, "side");
    assert_eq!(place.gc().commits, 1);
    for _ in 0..2 {
        assert!(store.objects().find(gone.digest()).unwrap().is_none());
        assert_eq!(read(store, kept).unwrap().len(), 1);
        // Nor is it found again when the index is made again from what the packs say.
        store.objects().reindex().unwrap();
    }
}

#[test]
fn a_second_collection_at_the_same_time_is_told_so() {
    let place = place();
    let lock = crate::owner::lock_within(&place.store.root().join("gc.lock"), Duration::ZERO).unwrap();
    assert!(lock.is_some());
    let ended = collect(&place.other(), &author(), &by("ops=0"), &Silent);
    assert!(matches!(ended, Err(super::Error::Busy)), "{ended:?}");
}

#[test]
fn small_packs_are_put_together_and_deleted_when_nobody_may_read_them() {
    let place = place();
    let store = &place.store;
    commit(store, "large", &[("large", noise(0, 5 << 20))]);
    let first = commit(store, "main", &[("f", noise(1, 100))]);
    let gathered = |store: &Store| gather(store, &Silent).unwrap();
    assert_eq!(gathered(store), 0);
    let commits: Vec<CommitId> = (2..70).map(|n| commit(store, "main", &[("f", noise(n, 100))])).collect();
    let reader = place.other();
    history::load(reader.objects(), first).unwrap();
    let packs = || walkdir(&store.root().join("packs")).len();
    let before = packs();
    let count = gathered(store);
    assert_eq!(count, 69);
    // Somebody may be reading the old ones.
    assert_eq!(packs(), before + 1);
    for id in [first].iter().chain(&commits) {
        assert_eq!(read(store, *id).unwrap().len(), 1);
        history::load(reader.objects(), *id).unwrap();
    }
    drop(reader);
    assert_eq!((gathered(store), packs()), (0, before + 1 - count));
    for id in [first].iter().chain(&commits) {
        assert_eq!(read(store, *id).unwrap().len(), 1);
    }
    // What was condemned because nothing needs it is not deleted before it was looked for once more.
    remove_branch(store, "main");
    let reader = place.other();
    place.gc();
    let waiting = packs();
    drop(reader);
    assert_eq!((gathered(store), packs()), (0, waiting));
    place.gc();
    assert!(packs() < waiting && read(store, first).is_err());
}
