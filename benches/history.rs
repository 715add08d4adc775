//! How long a walk through a long history takes: 100,000 commits, of which 1,000 are merges. Run by `make bench`.
//!
//! Prints the median of several runs, each with the store opened anew. The histories are made here, because making them commit by
//! commit would take an hour.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on must stop")]

use std::time::{Duration, Instant};

use vds::change;
use vds::history::{self, Author};
use vds::meta::Batch;
use vds::object::CommitId;
use vds::refs;
use vds::store::{DEFAULT_WAIT, Store};
use vds::tree;

const COMMITS: usize = 100_000;

/// Every so many commits a side branch is merged.
const MERGE_EVERY: usize = 100;

/// So many times each walk is measured.
const RUNS: usize = 5;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    let author = Author { name: "ann".to_owned(), command: "bench".to_owned() };
    refs::create_repo(&store, &author, "r".parse().unwrap(), String::new()).unwrap();
    let (first, main, side) = fill(&store, &author);
    for (what, one, other, bases) in [
        ("the newest commits of both", main, side, 1),
        ("the newest and the first", main, first, 1),
        ("one commit with itself", main, main, 1),
    ] {
        let took = median(|| {
            let store = Store::open(dir.path(), DEFAULT_WAIT).unwrap();
            let begun = Instant::now();
            assert_eq!(history::merge_bases(store.objects(), &[one], &[other]).unwrap().len(), bases);
            begun.elapsed()
        });
        println!("merge base of {COMMITS} commits, {what}: {:.1} ms", took.as_secs_f64() * 1e3);
    }
}

fn median(run: impl Fn() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
    times.sort();
    times.get(RUNS / 2).copied().unwrap_or_default()
}

/// A main line, with side branches that are merged, and one that is not: it began in the middle.
fn fill(store: &Store, author: &Author) -> (CommitId, CommitId, CommitId) {
    let writer = store.writer();
    let tree = tree::empty(&writer).unwrap();
    let origin = author.now();
    let commit = |parents: Vec<CommitId>, message: String| {
        let record = history::Draft { parents, tree, message, provenance: None };
        history::write(&writer, record, &origin).unwrap().0
    };
    let first = commit(Vec::new(), "first".to_owned());
    let (mut main, mut side, mut left) = (first, first, first);
    for number in 1..COMMITS {
        let message = format!("{number}");
        match number % MERGE_EVERY {
            0 => main = commit(vec![main, side], message),
            50 => side = commit(vec![main], message),
            51..60 => side = commit(vec![side], message),
            _ => main = commit(vec![main], message),
        }
        if number == COMMITS / 2 {
            left = main;
        }
    }
    for number in 0..100 {
        left = commit(vec![left], format!("left {number}"));
    }
    writer.finish().unwrap();
    let target = "r@main".parse().unwrap();
    let base = change::open(store, &target, &store.writer()).unwrap();
    let mut batch = Batch::default();
    history::move_head(&mut batch, &base.repo, &target.branch, None, Some(main));
    store.session().unwrap().commit(&origin, &batch).unwrap();
    (first, main, left)
}
