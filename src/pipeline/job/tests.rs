//! Where jobs lie that have ended, and that they are found at the cost of those that are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::archive::{Root, VERSION, archive, entries, known, load};
use super::index::{Filter, job_key, keys};
use super::queue::coming;
use super::record::queued_key;
use super::{Conduct, Datums, JOBS, Job, Known, NEXT_JOB, Numbers, Phase, Results, State, save};
use crate::history::{Author, Repo};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::access::memory::Objects;
use crate::object::{Digest, NodeId, ObjectRead, codec};
use crate::store::{DEFAULT_WAIT, Store};
use crate::tree;

fn job(id: u64, state: State) -> Job {
    let stage = if id.is_multiple_of(10) { "b" } else { "a" };
    Job {
        id,
        run: id,
        pipeline: "p".to_owned(),
        version: 1,
        stage: stage.to_owned(),
        branch: "main".to_owned(),
        inputs: Vec::new(),
        cause: "r@main".to_owned(),
        results: Results::Reused,
        state,
        created: 0,
        started: None,
        ended: None,
        datums: Datums::default(),
        output: None,
        error: None,
        logs: None,
        bytes: None,
        report: None,
        conduct: Conduct::default(),
    }
}

fn facts(store: &Store) -> usize {
    let mut count = 0;
    let visit = &mut |_: &[u8], _: &[u8]| {
        count += 1;
        ControlFlow::Continue(())
    };
    store.session().unwrap().scan(JOBS, visit).unwrap();
    count
}

/// The numbers of the first jobs that are found.
fn found(known: Known, objects: &dyn ObjectRead, filter: &Filter, most: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    let visit = &mut |job: Job| {
        ids.push(job.id);
        if ids.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    known.visit(objects, filter, visit).unwrap();
    ids
}

#[test]
fn ended_jobs_leave_the_facts_and_are_found_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    let author = Author { name: "Ann".to_owned(), command: "test".to_owned() };
    let queued = 3500;
    let mut batch = Batch::default();
    for id in 1..=4200 {
        save(&mut batch, &job(id, if id == queued { State::Queued } else { State::Succeeded })).unwrap();
    }
    store.session().unwrap().commit(&author.housekeeping(), &batch).unwrap();
    for left in [1701, 1701] {
        archive(&store, &author).unwrap();
        assert_eq!(facts(&store), left);
    }
    let facts = store.session().unwrap();
    for id in [1, 1000, 2000, 2001, queued, 4200] {
        assert_eq!(load(&store, &facts, id).unwrap().id, id);
    }
    assert!(load(&store, &facts, 4201).is_err() && load(&store, &facts, 0).is_err());
    drop(facts);
    let list = |prefix: &str, most: usize| {
        let filter = Filter { prefix: prefix.to_owned(), ..Filter::default() };
        found(known(&store, &store.session().unwrap()).unwrap(), store.objects(), &filter, most)
    };
    assert_eq!(list("", usize::MAX), (1..=4200).rev().collect::<Vec<_>>());
    assert_eq!(list("", 2300).last(), Some(&1901));
    assert_eq!(list("p/b", usize::MAX), (1..=420).rev().map(|n| n * 10).collect::<Vec<_>>());
    assert_eq!(list("p/b", 300).last(), Some(&1210));
    assert!(list("q", usize::MAX).is_empty());
}

#[test]
fn what_comes_of_a_branch_is_found_among_others_and_where_an_older_vds_queued_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    let author = Author { name: "Ann".to_owned(), command: "test".to_owned() };
    let change = |make: &dyn Fn(&Session, &mut Batch)| {
        let mut facts = store.session().unwrap();
        let mut batch = Batch::default();
        make(&facts, &mut batch);
        facts.commit(&author.housekeeping(), &batch).unwrap();
    };
    let repo = |stage: &str| Repo {
        name: format!("p/{stage}").parse().unwrap(),
        id: 1,
        created: 0,
        description: String::new(),
        output_of: Some(("p".to_owned(), stage.to_owned())),
    };
    let comes = |stage: &str, branch: &str| {
        coming(&store.session().unwrap(), &repo(stage), &branch.parse().unwrap()).unwrap()
    };
    // As jobs were queued before they were listed by what they move. One of them has been saved since.
    change(&|_, batch| {
        for id in [5, 6, 10] {
            save(batch, &job(id, State::Queued)).unwrap();
        }
    });
    change(&|_, batch| {
        for id in [6, 10] {
            let stage = job(id, State::Queued).stage;
            batch.remove(queued_key("p", &stage, "main", id));
        }
        batch.put(NEXT_JOB.to_vec(), 11_u64.to_be_bytes().to_vec());
    });
    assert_eq!((comes("a", "main"), comes("b", "main"), comes("a", "other")), (Some(6), Some(10), None));
    change(&|facts, batch| {
        let mut numbers = Numbers::read(facts).unwrap();
        let other = Job { branch: "main2".to_owned(), ..job(numbers.job(), State::Queued) };
        save(batch, &other).unwrap();
        for _ in 0..2 {
            save(batch, &job(numbers.job(), State::Queued)).unwrap();
        }
        numbers.save(batch);
    });
    assert_eq!((comes("a", "main"), comes("a", "main2"), comes("b", "main")), (Some(13), Some(11), Some(10)));
    change(&|_, batch| save(batch, &job(13, State::Succeeded)).unwrap());
    assert_eq!((comes("a", "main"), comes("a", "mai"), comes("a", "other")), (Some(12), None, None));
    change(&|_, batch| save(batch, &job(12, State::Failed)).unwrap());
    assert_eq!(comes("a", "main"), Some(6));
}

#[test]
fn the_bytes_of_the_archive_never_change() {
    let root = Root { map: NodeId::new(Digest::from_bytes([7; 32])), last: 9 };
    let want = [&[1][..], &[7; 32], &[9, 0, 0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(codec::encode(VERSION, &root).unwrap(), want);
    let newest_first = [255, 255, 255, 255, 255, 255, 255, 254];
    let key = |list: &[u8]| [list, &newest_first].concat();
    assert_eq!(job_key(1), key(b"j"));
    let lists: [&[u8]; 7] = [
        b"i\x01p/a\0",
        b"i\x02main\0",
        b"i\x03p/a\0main\0",
        b"i\x04\x03",
        b"i\x05p/a\0\x03",
        b"i\x06main\0\x03",
        b"i\x07p/a\0main\0\x03",
    ];
    let want: Vec<Vec<u8>> = lists.map(key).into_iter().chain([key(&key(b"r"))]).collect();
    assert_eq!(keys(&job(1, State::Failed)), want);
}

/// One of many jobs: of three pipelines, on branches of which most have few, most of them succeeded.
fn one_of_many(id: u64) -> Job {
    let state = match id % 1000 {
        0 => State::Failed,
        500 => State::Cancelled,
        _ => State::Succeeded,
    };
    let pipeline = ["p", "p/q", "desk/p"][usize::try_from(id % 3).unwrap()].to_owned();
    let branch = if id.is_multiple_of(7) { format!("feature/{}", id / 700) } else { "main".to_owned() };
    let created = i64::try_from(id).unwrap() * 1000;
    Job { run: id / 4 + 1, pipeline, branch, created, ..job(id, state) }
}

fn archive_of(objects: &Objects, jobs: impl Iterator<Item = Job>) -> Known {
    let mut map = BTreeMap::new();
    let mut last = 0;
    for job in jobs {
        last = job.id;
        map.extend(entries(&job).unwrap().filter_map(|(key, value)| Some((key, value?))));
    }
    let archive = Some(Root { map: tree::build(objects, map).unwrap(), last });
    Known { recent: Vec::new(), archive }
}

#[test]
fn whatever_is_asked_for_costs_what_is_shown() {
    let objects = Objects::default();
    let archive = archive_of(&objects, (1..=20_000).map(one_of_many)).archive;
    let check = |filter: &Filter| {
        let all = (1..=20_000).rev().map(one_of_many).filter(|job| filter.wants(job));
        let want: Vec<u64> = all.take(20).map(|job| job.id).collect();
        objects.take_counts();
        let known = Known { recent: Vec::new(), archive };
        assert_eq!(found(known, &objects, filter, 20), want, "{filter:?}");
        let (read, _) = objects.take_counts();
        assert!(read <= 120, "{read} nodes read for {filter:?}");
    };
    let text = |text: &str| Some(text.to_owned());
    let states = [vec![], vec![Phase::Failed], vec![Phase::Failed, Phase::Cancelled], vec![Phase::Skipped]];
    for phases in states {
        let base = Filter { phases: phases.into_iter().collect::<BTreeSet<_>>(), ..Filter::default() };
        for branch in [None, text("main"), text("feature/3"), text("none")] {
            let of_branch = Filter { branch, ..base.clone() };
            check(&of_branch);
            check(&Filter { prefix: "desk/".to_owned(), ..of_branch.clone() });
            check(&Filter { pipeline: text("p"), ..of_branch.clone() });
            check(&Filter { stage: text("b"), ..of_branch.clone() });
            check(&Filter { stage: text("p/q/b"), since: Some(19_000_000), ..of_branch.clone() });
        }
        check(&Filter { run: Some(17), ..base.clone() });
        check(&Filter { since: Some(19_900_000), ..base });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_found_is_what_was_asked_for(
        split in 0..120_u64,
        prefix in prop::sample::select(vec!["", "p", "p/", "p/q/b", "desk"]),
        pipeline in prop::option::of(prop::sample::select(vec!["p", "p/q", "desk"])),
        stage in prop::option::of(prop::sample::select(vec!["a", "b", "p/a", "q"])),
        branch in prop::option::of(prop::sample::select(vec!["main", "feature/0"])),
        phases in prop::collection::btree_set(prop::sample::select(Phase::ALL.to_vec()), 0..3),
        run in prop::option::weighted(0.2, 0..40_u64),
        since in prop::option::of(0..130_000_i64),
    ) {
        let states = [State::Succeeded, State::Failed, State::Skipped, State::Cancelled, State::Queued];
        let of = |id: u64| Job { state: states[usize::try_from(id % 5).unwrap()], ..one_of_many(id) };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (pipeline, stage, branch) = (owned(pipeline), owned(stage), owned(branch));
        let filter = Filter { prefix: prefix.to_owned(), pipeline, stage, branch, phases, run, since };
        let objects = Objects::default();
        let mut known = archive_of(&objects, (1..=split).map(of));
        known.recent = (split + 1..=120).rev().map(of).collect();
        let want: Vec<u64> = (1..=120).rev().map(of).filter(|job| filter.wants(job)).map(|job| job.id).collect();
        prop_assert_eq!(found(known, &objects, &filter, usize::MAX), want);
    }

    #[test]
    fn every_run_is_found_whole(split in 0..60_u64) {
        let objects = Objects::default();
        let mut known = archive_of(&objects, (1..=split).map(one_of_many));
        known.recent = (split + 1..=60).rev().map(one_of_many).collect();
        let mut runs = Vec::new();
        known.visit_runs(&objects, &mut |run| {
            runs.push((run.id, run.jobs.iter().map(|job| job.id).collect::<Vec<_>>()));
            ControlFlow::Continue(())
        }).unwrap();
        let mut want: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for id in 1..=60 {
            want.entry(one_of_many(id).run).or_default().push(id);
        }
        prop_assert_eq!(runs, want.into_iter().rev().collect::<Vec<_>>());
    }
}
