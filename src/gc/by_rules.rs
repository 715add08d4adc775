//! What rules let go, and what others do meanwhile.

use super::collect::Collection;
use super::tests::{author, by, bytes_of_packs, commit, noise, place, prepare, publish, read, remove_branch};
use super::{collect, foresee};
use crate::content;
use crate::fault::{Cause, Kind};
use crate::history;
use crate::ledger::Origin;
use crate::meta::Batch;
use crate::object::CommitId;
use crate::progress::Silent;
use crate::refs::{create_branch, create_tag, pin};
use crate::snapshot::Snapshot;
use crate::store::Store;

/// Commits of `r@main`, the oldest first, each with a file of its own content.
fn line(store: &Store, count: u64) -> Vec<CommitId> {
    (0..count).map(|n| commit(store, "main", &[("a", noise(n, 100_000))])).collect()
}

/// Which of these commits have their files.
fn whole(store: &Store, commits: &[CommitId]) -> Vec<bool> {
    let is_whole = |id: &CommitId| match read(store, *id) {
        Ok(files) => files.len() == 1,
        Err(error) => {
            assert_eq!(error.kind(), Kind::NotFound, "{error}");
            assert!(error.to_string().contains("were let go on"), "{error}");
            false
        }
    };
    commits.iter().map(is_whole).collect()
}

#[test]
fn rules_let_files_go_and_leave_history() {
    let place = place();
    let store = &place.store;
    let commits = line(store, 6);
    let before = bytes_of_packs(store);
    let rules = by("ops=0 r@m*:keep-last=2");
    assert_eq!(foresee(store, &author(), &rules, &Silent).unwrap().collected.let_go, 4);
    assert_eq!(whole(store, &commits), [true; 6]);
    let collected = collect(store, &author(), &rules, &Silent).unwrap();
    assert_eq!((collected.let_go, collected.commits), (4, 0));
    assert!(bytes_of_packs(store) + 390_000 < before);
    assert_eq!(whole(store, &commits), [false, false, false, false, true, true]);
    let log = history::Log::new(store.objects(), [commits[5]]);
    assert_eq!(log.count(), 6);
    let again = collect(store, &author(), &rules, &Silent).unwrap();
    assert_eq!((again.let_go, again.deleted, again.plan.packs.len()), (0, 0, 0));
    // What was let go stays so without rules, and what is known of it goes with the commits.
    assert_eq!(place.gc().needed, again.needed);
    remove_branch(store, "main");
    let last = place.gc();
    assert_eq!((last.commits, last.needed.0), (6, 1));
    let told = || history::find_let_go(store.objects(), commits[0]).unwrap().is_some();
    assert!(told(), "who reads here may have seen the record before");
    place.gc();
    assert!(!told());
}

#[test]
fn what_is_named_or_can_be_undone_or_is_on_a_branch_without_rules_keeps_its_files() {
    let place = place();
    let store = &place.store;
    let commits = line(store, 8);
    let repo = "r".parse().unwrap();
    create_tag(store, &author(), &repo, &"v1".parse().unwrap(), commits[5]).unwrap();
    pin(store, &author(), &repo, commits[3]).unwrap();
    create_branch(store, &author(), &"r@old".parse().unwrap(), commits[1]).unwrap();
    let rules = by("ops=1h r@main:keep-last=1");
    assert_eq!(collect(store, &author(), &rules, &Silent).unwrap().let_go, 0);
    let rules = by("ops=0 r@main:keep-last=1");
    assert_eq!(collect(store, &author(), &rules, &Silent).unwrap().let_go, 3);
    assert_eq!(whole(store, &commits), [true, true, false, true, false, true, false, true]);
    let all = by("ops=0 *@*:keep-last=0 *@nothing:keep-last=9");
    assert_eq!(collect(store, &author(), &all, &Silent).unwrap().let_go, 1);
    assert_eq!(whole(store, &commits), [false, true, false, true, false, true, false, true]);
}

#[test]
fn the_files_of_several_rules_stay_that_any_of_them_keeps() {
    let place = place();
    let store = &place.store;
    let commits = line(store, 4);
    let rules = by("ops=0 r@*:keep-within=1h r@main:keep-last=1");
    assert_eq!(collect(store, &author(), &rules, &Silent).unwrap().let_go, 0);
    let rules = by("ops=0 r@*:keep-last=3 r@main:keep-last=1 r@main:keep-within=0");
    assert_eq!(collect(store, &author(), &rules, &Silent).unwrap().let_go, 1);
    assert_eq!(whole(store, &commits), [false, true, true, true]);
}

#[test]
fn who_names_a_commit_while_it_is_decided_keeps_its_files_and_who_comes_later_is_refused() {
    let place = place();
    let store = &place.store;
    let commits = line(store, 6);
    let (other, ann) = (place.other(), author());
    let rules = by("ops=0 r@main:keep-last=1");
    let mut collection = Collection::begin(store, &ann, &rules, &Silent).unwrap();
    create_tag(&other, &ann, &"r".parse().unwrap(), &"v1".parse().unwrap(), commits[3]).unwrap();
    assert_eq!(collection.forget().unwrap(), (0, 4));
    let target = "r@again".parse().unwrap();
    let refused = create_branch(&other, &ann, &target, commits[2]).unwrap_err();
    assert_eq!(Cause::from(refused).kind(), Kind::NotFound);
    create_branch(&other, &ann, &target, commits[3]).unwrap();
    drop(collection);
    drop(other);
    place.gc();
    assert_eq!(whole(store, &commits), [false, false, false, true, false, true]);
}

#[test]
fn a_branch_without_rules_that_begins_while_it_is_decided_keeps_all_its_history() {
    let place = place();
    let store = &place.store;
    let commits = line(store, 4);
    let (other, ann) = (place.other(), author());
    let rules = by("ops=0 r@main:keep-last=1");
    let mut collection = Collection::begin(store, &ann, &rules, &Silent).unwrap();
    create_branch(&other, &ann, &"r@again".parse().unwrap(), commits[2]).unwrap();
    assert_eq!(collection.forget().unwrap(), (0, 0));
    drop((collection, other));
    collect(store, &ann, &rules, &Silent).unwrap();
    assert_eq!(whole(store, &commits), [true; 4]);
}

#[test]
fn who_reads_a_commit_or_has_found_its_files_is_not_hurt_when_they_are_let_go() {
    let place = place();
    let store = &place.store;
    let commits = line(store, 3);
    let other = place.other();
    let tree = history::load(other.objects(), commits[0]).unwrap().tree;
    let prepared = prepare(&other, "side", &[("old", noise(0, 100_000))]);
    let rules = by("ops=0 r@main:keep-last=1");
    assert_eq!(collect(store, &author(), &rules, &Silent).unwrap().let_go, 2);
    assert_eq!(whole(store, &commits), [false, false, true]);
    // It has begun before.
    let (path, entry) = Snapshot::new(other.objects(), tree).files_at(None).unwrap().remove(0);
    assert_eq!(path.as_str(), "a");
    assert_eq!(content::load(other.objects(), entry.blob).unwrap(), noise(0, 100_000));
    let made = publish(&other, prepared);
    drop(other);
    assert!(collect(store, &author(), &rules, &Silent).unwrap().deleted > 100_000);
    assert_eq!(read(store, made).unwrap(), [("old".to_owned(), noise(0, 100_000))]);
}

#[test]
fn a_collection_that_is_cut_off_after_it_has_let_go_is_gone_on_with_by_the_next() {
    let place = place();
    let store = &place.store;
    let commits = line(store, 3);
    let (ann, rules) = (author(), by("ops=0 r@main:keep-last=1"));
    assert_eq!(Collection::begin(store, &ann, &rules, &Silent).unwrap().forget().unwrap(), (0, 2));
    assert_eq!(whole(store, &commits), [false, false, true]);
    let before = bytes_of_packs(store);
    let collected = place.gc();
    assert_eq!(collected.let_go, 0);
    assert!(bytes_of_packs(store) + 190_000 < before);
}

/// Removes the branch by a clock that has been set back by so many milliseconds.
fn remove_branch_earlier(store: &Store, branch: &str, back: i64) {
    let mut facts = store.session().unwrap();
    let repo = history::load_repo(&facts, &"r".parse().unwrap()).unwrap();
    let branch = branch.parse().unwrap();
    let head = history::head(&facts, &repo, &branch).unwrap();
    let mut batch = Batch::default();
    history::move_head(&mut batch, &repo, &branch, head, None);
    let now = author().now();
    let _ = facts.commit(&Origin { time: now.time - back, ..now }, &batch).unwrap();
}

#[test]
fn what_was_done_while_the_clock_was_set_back_can_be_undone_like_what_was_done_before() {
    let place = place();
    let store = &place.store;
    let side = commit(store, "side", &[("a", noise(1, 100_000))]);
    remove_branch_earlier(store, "side", 365 * 24 * 3_600_000);
    commit(store, "main", &[("b", noise(2, 100))]);
    assert_eq!(collect(store, &author(), &by("ops=1h"), &Silent).unwrap().commits, 0);
    assert_eq!(whole(store, &[side]), [true]);
    assert_eq!(place.gc().commits, 1);
}
