//! The promises of a transfer.

use std::collections::BTreeMap;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use super::faulty::FaultyPeer;
use super::story::{Edits, Place, author, edits, make, noise, step};
use super::*;
use crate::fault::{Fault, Kind};
use crate::history::Target;
use crate::object::{CommitId, RemoteName};
use crate::progress::Silent;
use crate::refs::Mode;
use crate::store::DEFAULT_WAIT;

fn origin() -> RemoteName {
    ORIGIN.parse().unwrap()
}

fn desk<'a>(place: &'a Place, author: &'a crate::history::Author) -> Desk<'a> {
    Desk { store: &place.store, author, progress: &Silent }
}

fn fetch_from(place: &Place, peer: &dyn Peer) -> Result<Fetched, Error> {
    fetch(&desk(place, &author()), &origin(), peer, &Scope::All, Gone::Keep)
}

fn push_to(place: &Place, peer: &dyn Peer, names: &[&str], force: Force) -> Result<Report, Error> {
    let choices: Vec<Choice> = names.iter().map(|name| name.parse().unwrap()).collect();
    push(&desk(place, &author()), &origin(), peer, &choices, force, Mode::Make)
}

fn pull_into(place: &Place, peer: &dyn Peer, names: &[&str]) -> Vec<Pulled> {
    fetch_from(place, peer).unwrap();
    let targets: Vec<Target> = names.iter().map(|name| name.parse().unwrap()).collect();
    pull(&desk(place, &author()), &origin(), &targets, Apart::Refuse, None).unwrap().0
}

fn cloned(source: &Place) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let cloned =
        clone(source.store.root(), dir.path(), &Scope::All, &author(), DEFAULT_WAIT, &Silent).unwrap();
    Place { dir, store: cloned.store }
}

#[test]
fn peers_keep_the_contract() {
    conformance::check(&Place::new().peer());
    conformance::check(&FaultyPeer::new(Place::new().peer(), 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn histories_arrive_as_they_are(first in vec(step(), 1..12), more in vec(step(), 0..8), back in vec(step(), 0..8)) {
        let source = Place::new();
        make(&source, &first);
        let copy = cloned(&source);
        prop_assert_eq!(copy.whole(), source.whole());
        make(&source, &more);
        let names: Vec<String> = source.peer().names().unwrap()[0].branches.iter().map(|(b, _)| format!("r@{b}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        pull_into(&copy, &source.peer(), &names);
        prop_assert_eq!(copy.whole(), source.whole());
        make(&copy, &back);
        push_to(&copy, &source.peer(), &[&names[..], &["r"]].concat(), Force::Never).unwrap();
        prop_assert_eq!(source.whole(), copy.whole());
    }
}

/// A store with a repo of many files in a few commits.
fn many_files() -> Place {
    let place = Place::new();
    let files: Edits =
        (0..5000).map(|n| (format!("{:03}/{n}", n % 100), Some(n.to_string().into_bytes()))).collect();
    place.commit("r", "main", &files, None);
    place.commit("r", "main", &edits(&[("007/7", "seven")]), None);
    place
}

#[test]
fn only_what_is_missing_is_read_and_sent() {
    let source = many_files();
    let copy = cloned(&source);
    let peer = FaultyPeer::new(source.peer(), 0);
    let fetched = fetch_from(&copy, &peer).unwrap();
    assert_eq!((fetched.copied, peer.counts()), (Copied::default(), (0, 0)));
    let id = source.commit("r", "main", &edits(&[("042/42", "new"), ("050/50", "1")]), None);
    let fetched = fetch_from(&copy, &peer).unwrap();
    // The commit; two leaves and the inner nodes above; one content, since the other is there.
    assert!(fetched.copied.commits == 1 && fetched.copied.objects <= 7, "{:?}", fetched.copied);
    // The commit twice, the one before it, the way to the leaves in both trees.
    let (reads, _) = peer.counts();
    assert!(reads <= 24, "{reads} objects were read");
    assert_eq!(fetched.seen[0].fate, Fate::Forward);
    copy.point("r", "main", id);
    copy.commit("r", "main", &edits(&[("042/42", "newer")]), None);
    let peer = FaultyPeer::new(source.peer(), 0);
    let report = push_to(&copy, &peer, &["r@main"], Force::Never).unwrap();
    assert!(report.copied.objects <= 5, "{:?}", report.copied);
    assert_eq!((peer.counts().0, peer.counts().1), (0, report.copied.objects));
}

#[test]
fn a_large_file_of_which_little_changed_costs_a_few_chunks() {
    let source = Place::new();
    let mut bytes = noise(4 << 20, 1);
    source.commit("r", "main", &BTreeMap::from([("f".to_owned(), Some(bytes.clone()))]), None);
    let copy = cloned(&source);
    bytes.splice(2_000_000..2_000_000, *b"a line more\n");
    source.commit("r", "main", &BTreeMap::from([("f".to_owned(), Some(bytes))]), None);
    let fetched = fetch_from(&copy, &source.peer()).unwrap();
    assert!(fetched.copied.bytes < 600 << 10, "{:?}", fetched.copied);
    pull_into(&copy, &source.peer(), &["r"]);
    assert_eq!(copy.whole(), source.whole());
}

#[test]
fn a_transfer_that_is_cut_short_anywhere_is_gone_on_with() {
    let source = Place::new();
    source.commit("r", "main", &edits(&[("a", "1"), ("b", "2"), ("d/c", "3")]), None);
    source.commit("r", "main", &BTreeMap::from([("large".to_owned(), Some(noise(1 << 20, 1)))]), None);
    let all = push_to(&source, &Place::new().peer(), &["r"], Force::Never).unwrap().copied.objects;
    let mut faults = 0;
    for nth in 1.. {
        let there = Place::new();
        let peer = FaultyPeer::new(there.peer(), nth);
        let Err(error) = push_to(&source, &peer, &["r"], Force::Never) else { break };
        assert_eq!(error.kind(), Kind::Io, "{error}");
        assert!(there.whole().iter().all(|names| names.branches.is_empty()), "a name has moved");
        let (_, put) = peer.counts();
        let again = push_to(&source, &there.peer(), &["r"], Force::Never).unwrap().copied.objects;
        // When the end itself fails nothing has been kept.
        assert!(
            again + put == all || (again, put) == (all, all),
            "fault {nth}: {again} after {put} of {all}"
        );
        assert_eq!(there.whole(), source.whole(), "fault {nth}");
        faults += 1;
    }
    assert!(faults > 8, "{faults} faults");
    for nth in 1.. {
        let there = Place::new();
        let Err(error) = fetch_from(&there, &FaultyPeer::new(source.peer(), nth)) else { break };
        assert_eq!(error.kind(), Kind::Io, "{error}");
        pull_into(&there, &source.peer(), &["r"]);
        assert_eq!(there.whole(), source.whole(), "fault {nth}");
    }
}

fn reasons(pushed: Result<Report, Error>) -> Vec<Reason> {
    match pushed {
        Err(Error::Rejected { refusals, .. }) => refusals.iter().map(|refusal| refusal.reason).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_push_moves_a_branch_only_onwards_unless_forced_from_where_it_was_seen() {
    let there = Place::new();
    there.commit("r", "main", &edits(&[("f", "1")]), None);
    let (ann, bob) = (cloned(&there), cloned(&there));
    let anns = ann.commit("r", "main", &edits(&[("f", "ann")]), None);
    bob.commit("r", "main", &edits(&[("f", "bob")]), None);
    push_to(&ann, &there.peer(), &["r@main"], Force::Never).unwrap();
    assert_eq!(reasons(push_to(&bob, &there.peer(), &["r@main"], Force::Never)), [Reason::Unknown]);
    assert_eq!(reasons(push_to(&bob, &there.peer(), &["r@main"], Force::IfSeen)), [Reason::Unseen]);
    let pulled = pull_into(&bob, &there.peer(), &["r"]);
    assert_eq!(pulled[0].relation, Relation::Apart);
    assert!(matches!(pulled[0].check(&origin()), Err(Error::Diverged { .. })));
    assert_eq!(reasons(push_to(&bob, &there.peer(), &["r@main"], Force::Never)), [Reason::Apart]);
    assert_eq!(there.head("r", "main"), Some(anns));
    let forced = push_to(&bob, &there.peer(), &["r@main"], Force::IfSeen).unwrap();
    assert_eq!(forced.names[0].effect, Effect::Forced);
    assert_eq!(there.head("r", "main"), bob.head("r", "main"));
    // Of two names one of which may not move neither does.
    ann.commit("r", "other", &edits(&[("g", "x")]), None);
    assert_eq!(
        reasons(push_to(&ann, &there.peer(), &["r@other", "r@main"], Force::Never)),
        [Reason::Unknown]
    );
    assert_eq!(there.head("r", "other"), None);
    // A merge follows both.
    pull_into(&ann, &there.peer(), &["r"]);
    ann.commit("r", "main", &edits(&[("f", "both")]), there.head("r", "main"));
    push_to(&ann, &there.peer(), &["r@main"], Force::Never).unwrap();
    assert_eq!(pull_into(&bob, &there.peer(), &["r"])[0].relation, Relation::Behind);
    assert_eq!(bob.head("r", "main"), ann.head("r", "main"));
    assert_eq!(pull_into(&bob, &there.peer(), &["r"])[0].relation, Relation::Same);
    bob.commit("r", "main", &edits(&[("f", "more")]), None);
    assert_eq!(pull_into(&bob, &there.peer(), &["r"])[0].relation, Relation::Ahead);
    assert!(matches!(there.peer().names().unwrap()[..], [Names { ref branches, .. }] if branches.len() == 1));
}

#[test]
fn of_two_who_push_at_once_one_is_first_and_the_other_loses_nothing() {
    for _ in 0..3 {
        let there = Place::new();
        there.commit("r", "main", &edits(&[("f", "1")]), None);
        let (ann, bob) = (cloned(&there), cloned(&there));
        for (place, text) in [(&ann, "ann"), (&bob, "bob")] {
            place.commit("r", "main", &edits(&[("f", text)]), None);
        }
        let push = |place: &Place| push_to(place, &there.peer(), &["r@main"], Force::Never).is_ok();
        let won = thread::scope(|scope| {
            let pushes = [&ann, &bob].map(|place| scope.spawn(move || push(place)));
            pushes.map(|push| push.join().unwrap())
        });
        assert!(won[0] != won[1], "{won:?}");
        let [winner, loser] = if won[0] { [&ann, &bob] } else { [&bob, &ann] };
        there.whole();
        assert_eq!(there.head("r", "main"), winner.head("r", "main"));
        assert_ne!(loser.head("r", "main"), winner.head("r", "main"));
        loser.whole();
    }
}

#[test]
fn the_same_name_for_unrelated_histories_mixes_nothing() {
    let (ours, theirs) = (Place::new(), Place::new());
    let mine = ours.commit("r", "main", &edits(&[("f", "mine")]), None);
    let yours = theirs.commit("r", "main", &edits(&[("f", "yours")]), None);
    assert_eq!(reasons(push_to(&ours, &theirs.peer(), &["r@main"], Force::Never)), [Reason::Unknown]);
    assert_eq!(pull_into(&ours, &theirs.peer(), &["r"])[0].relation, Relation::Apart);
    assert_eq!((ours.head("r", "main"), theirs.head("r", "main")), (Some(mine), Some(yours)));
    assert_eq!(reasons(push_to(&ours, &theirs.peer(), &["r@main"], Force::Never)), [Reason::Apart]);
    let name = "r@origin/main".parse().unwrap();
    let seen = crate::history::resolve(ours.store.session().unwrap(), ours.store.objects(), &name).unwrap();
    assert_eq!(seen.commit, yours);
    // A branch of ours that is called so is what is meant.
    ours.point("r", "origin/main", mine);
    let ours = crate::history::resolve(ours.store.session().unwrap(), ours.store.objects(), &name).unwrap();
    assert_eq!(ours.commit, mine);
}

#[test]
fn a_clone_is_made_into_nothing_else_and_gone_on_with() {
    let source = Place::new();
    source.commit("r", "main", &edits(&[("f", "1")]), None);
    source.commit("desk/s", "feature/x", &edits(&[("f", "2")]), None);
    let clone_into = |dir: &std::path::Path, scope: &Scope| {
        clone(source.store.root(), dir, scope, &author(), DEFAULT_WAIT, &Silent)
    };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "in the way").unwrap();
    assert!(matches!(clone_into(dir.path(), &Scope::All), Err(Error::NotEmpty { .. })));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(matches!(clone_into(source.dir.path(), &Scope::All), Err(Error::NotEmpty { .. })));
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("a/b");
    // One that fails half-way is gone on with by the same, and not by another.
    let absent = Scope::Chosen(vec!["absent".parse().unwrap()]);
    assert!(matches!(clone_into(&new, &absent), Err(Error::NoRepo { .. })));
    let other = clone(Place::new().store.root(), &new, &Scope::All, &author(), DEFAULT_WAIT, &Silent);
    assert!(matches!(other, Err(Error::NotEmpty { .. })));
    let part = clone_into(&new, &Scope::Chosen(vec!["desk/s".parse().unwrap()])).unwrap();
    assert_eq!(part.names.len(), 1);
    assert_eq!(part.names[0].branches[0].0.as_str(), "feature/x");
    assert!(matches!(clone_into(&new, &Scope::All), Err(Error::NotEmpty { .. })));
}

#[test]
fn tags_travel_and_are_not_moved() {
    let source = Place::new();
    let first = source.commit("r", "main", &edits(&[("f", "1")]), None);
    let tag = |place: &Place, name: &str, after| {
        let name = Name::Tag(name.parse().unwrap());
        let moved = RefMove {
            repo: "r".parse().unwrap(),
            description: String::new(),
            name,
            before: None,
            after: Some(after),
        };
        update(&place.store, &author(), &[moved]).unwrap();
    };
    tag(&source, "v1", first);
    let copy = cloned(&source);
    assert_eq!(copy.whole(), source.whole());
    let second = source.commit("r", "main", &edits(&[("f", "2")]), None);
    tag(&source, "v2", second);
    tag(&copy, "v2", first);
    let fetched = fetch_from(&copy, &source.peer()).unwrap();
    let fates: Vec<Fate> = fetched.seen.iter().map(|seen| seen.fate).collect();
    assert_eq!(fates, [Fate::Same, Fate::Kept, Fate::Forward]);
    assert_eq!(reasons(push_to(&copy, &source.peer(), &["r@v2"], Force::IfSeen)), [Reason::Tag]);
    tag(&copy, "v3", first);
    push_to(&copy, &source.peer(), &["r@v3"], Force::Never).unwrap();
    assert_eq!(source.whole()[0].tags.len(), 3);
}

#[test]
fn a_branch_that_is_gone_is_forgotten_when_that_is_asked_for() {
    let source = Place::new();
    let first = source.commit("r", "main", &edits(&[("f", "1")]), None);
    source.point("r", "old", first);
    let copy = cloned(&source);
    let target: Target = "r@old".parse().unwrap();
    crate::refs::delete_branch(&source.store, &author(), &target).unwrap();
    let fetch_with =
        |gone| fetch(&desk(&copy, &author()), &origin(), &source.peer(), &Scope::Shared, gone).unwrap();
    assert!(fetch_with(Gone::Keep).seen.iter().all(|seen| seen.fate == Fate::Same));
    let fates: Vec<Fate> = fetch_with(Gone::Forget).seen.iter().map(|seen| seen.fate).collect();
    assert_eq!(fates, [Fate::Same, Fate::Gone]);
    assert_eq!(copy.head("r", "old"), Some(first));
}

#[test]
fn commits_that_came_can_be_named_by_their_digits() {
    let source = Place::new();
    let first = source.commit("r", "main", &edits(&[("f", "1")]), None);
    let second = source.commit("r", "main", &edits(&[("f", "2")]), None);
    let copy = cloned(&source);
    let found = |id: CommitId| {
        let name = format!("r@{id:.12}").parse().unwrap();
        crate::history::resolve(copy.store.session().unwrap(), copy.store.objects(), &name).unwrap().commit
    };
    assert_eq!((found(first), found(second)), (first, second));
}
