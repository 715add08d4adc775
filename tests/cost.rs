//! What things cost, counted in objects and bytes instead of measured in time: the cost follows the change, not the store.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use desk::{Desk, until};
use vds::change::{self, Empty, Published};
use vds::content;
use vds::draft::Draft;
use vds::history::{self, Author, Target};
use vds::ingest::{self, Memory, Overlay};
use vds::integrate::{self, Action, FastForward, Integrated, OnConflict, Request, Unrelated};
use vds::merge::{Labels, Manner, Renames, Rules};
use vds::object::{CommitId, Digest, Entry, FileKind, NodeId, ObjectKind};
use vds::pipeline::job::State;
use vds::pipeline::{self, Which};
use vds::progress::Silent;
use vds::snapshot::Snapshot;
use vds::store::{DEFAULT_WAIT, Store};
use vds::usage;

/// How many minute files a day has.
const MINUTES: u64 = 40;

/// What was read and written.
#[derive(Debug, Clone, Copy)]
struct Cost {
    read: u64,
    read_bytes: u64,
    nodes_written: u64,
    written_bytes: u64,
}

/// A store, opened in this process, so that what it reads can be counted.
struct Counted {
    desk: Desk,
    store: Store,
    seen: BTreeSet<Digest>,
    before: vds::pack::Counts,
}

impl Counted {
    fn new() -> Self {
        let desk = Desk::new();
        desk.ok(&["repo", "create", "ticks"]);
        let store = Store::open(&desk.path(".vds"), DEFAULT_WAIT).unwrap();
        let before = store.objects().counts();
        let mut counted = Self { desk, store, seen: BTreeSet::new(), before };
        counted.take();
        counted
    }

    /// What was read and written since the last call. The store is opened anew for what follows, as a command would: nothing
    /// lies in memory.
    fn take(&mut self) -> Cost {
        let now = self.store.objects().counts();
        let mut cost = Cost {
            read: now.objects - self.before.objects,
            read_bytes: now.bytes - self.before.bytes,
            nodes_written: 0,
            written_bytes: 0,
        };
        for fan in std::fs::read_dir(self.desk.path(".vds/packs")).unwrap() {
            for pack in std::fs::read_dir(fan.unwrap().path()).unwrap() {
                let pack = pack.unwrap();
                let name: Digest = pack.path().file_stem().unwrap().to_str().unwrap().parse().unwrap();
                if self.seen.insert(name) {
                    let len = pack.metadata().unwrap().len();
                    let entries = self.store.objects().footer(&name, len).unwrap().entries;
                    let nodes = entries.iter().filter(|entry| entry.kind == ObjectKind::Node);
                    cost.nodes_written += nodes.count() as u64;
                    cost.written_bytes += len;
                }
            }
        }
        self.store = Store::open(&self.desk.path(".vds"), DEFAULT_WAIT).unwrap();
        self.before = self.store.objects().counts();
        cost
    }

    /// Commits these files on top of the branch `main` of `ticks`.
    fn commit(&self, files: impl IntoIterator<Item = (String, String)>) -> Published {
        self.commit_to("ticks@main", files)
    }

    fn commit_to(&self, target: &str, files: impl IntoIterator<Item = (String, String)>) -> Published {
        let target: Target = target.parse().unwrap();
        let writer = self.store.writer();
        let base = change::open(&self.store, &target, &writer).unwrap();
        let mut draft = Draft::new(base.tree);
        for (path, text) in files {
            let kept = content::keep_bytes(&writer, text.as_bytes()).unwrap();
            draft
                .put(path.parse().unwrap(), Entry { kind: FileKind::File, blob: kept.blob, size: kept.size });
        }
        change::publish(&self.store, &author(), base, draft, writer, "files", Empty::Skip).unwrap()
    }

    fn run(&self) {
        let jobs = pipeline::run(&self.store, &author(), &Which::All, &Silent, |_| {}).unwrap();
        for job in jobs {
            assert_eq!(job.state, State::Succeeded, "{:?}", job.error);
        }
    }

    fn tree(&self) -> NodeId {
        let target: Target = "ticks@main".parse().unwrap();
        change::open(&self.store, &target, &self.store.writer()).unwrap().tree
    }
}

fn author() -> Author {
    Author { name: "Ann".to_owned(), command: "cost".to_owned() }
}

/// The date of a day counted from zero.
fn date(day: u64) -> (u64, u64, u64) {
    (2020 + day / 336, 1 + day / 28 % 12, 1 + day % 28)
}

/// A number that looks random and is always the same.
fn noise(day: u64, minute: u64, row: u64) -> u64 {
    let digest = Digest::of(format!("{day} {minute} {row}").as_bytes());
    u64::from(digest.as_bytes()[0])
}

/// The minute files of a day; the price of minute 20 is what is published.
fn day(day: u64) -> Vec<(String, String)> {
    let (year, month, number) = date(day);
    let file = |minute: u64| {
        let mut text = "time,price,size\n".to_owned();
        for row in 0..6 {
            let cents = 8000 + day % 50 + minute.abs_diff(20) * (1 + noise(day, minute, row) % 4);
            let stamp = format!("{year:04}-{month:02}-{number:02}T14:{minute:02}:{:02}Z", 10 * row);
            writeln!(text, "{stamp},{}.{:02},{}", cents / 100, cents % 100, 1 + row).unwrap();
        }
        (format!("{year:04}/{month:02}/{number:02}/14/{minute:02}.csv"), text)
    };
    (0..MINUTES).map(file).collect()
}

fn settlements(days: u64) -> String {
    let mut text = "date,price\n".to_owned();
    for day in 0..days {
        let (year, month, number) = date(day);
        writeln!(text, "{year:04}-{month:02}-{number:02},80.{:02}", day % 50).unwrap();
    }
    text
}

const PIPELINE: &str = r#"
pipeline = "p"
[stage.bin]
input = "ticks@*:/*/*/*"
bin = { tz = "UTC" }
[stage.measure]
inputs = { bins = "p/bin@*:/", truth = "truth@main:/truth.csv" }
measure = { stats = ["last", "mean"], windows = ["1m", "2m"], tick = "0.01" }
[stage.select]
input = "p/measure@*:/"
select = { by = "rmse" }
"#;

#[test]
fn a_new_day_costs_the_same_however_many_days_there_are() {
    let mut counted = Counted::new();
    counted.desk.ok(&["repo", "create", "truth"]);
    counted.desk.write("truth.csv", &settlements(400));
    counted.desk.ok(&["commit", "truth", "truth.csv", "-m", "prices"]);
    counted.desk.write("p.toml", PIPELINE);
    counted.desk.ok(&["pipeline", "create", "p.toml"]);
    let mut there = 0;
    let mut costs = Vec::new();
    for up_to in [10, 50, 170, 340] {
        counted.commit((there..up_to).flat_map(day));
        counted.run();
        // The day after the bulk is like any other; the one after that is counted.
        counted.commit(day(up_to));
        counted.run();
        counted.take();
        counted.commit(day(up_to + 1));
        counted.run();
        costs.push(counted.take());
        there = up_to + 2;
    }
    // Files of one minute lie together, so at first a day's touch few nodes, and from some 130 days on one each: a file costs
    // its content, its score, and a few nodes. What one stage has read or written the next finds in memory.
    for cost in &costs {
        assert!(cost.read <= 6 * MINUTES, "{costs:?}");
        assert!(cost.nodes_written <= 2 * MINUTES, "{costs:?}");
    }
    let [.., young, old] = costs.as_slice() else { panic!("{costs:?}") };
    let most = |cost: u64| cost + cost / 10;
    assert!(old.read <= most(young.read), "{costs:?}");
    assert!(old.nodes_written <= most(young.nodes_written), "{costs:?}");
    // The errors of the best candidates are remembered by day, and read to see how stable the choice is.
    let remembered = 170 * 2 * 200;
    assert!(old.read_bytes <= most(young.read_bytes) + remembered, "{costs:?}");
    assert!(old.written_bytes <= most(young.written_bytes) + (64 << 10), "{costs:?}");
}

/// Small files in directories of a hundred.
fn many(files: u64) -> impl Iterator<Item = (String, String)> {
    (0..files).map(|n| (format!("d{:04}/f{n:06}.csv", n / 100), format!("{n}\n")))
}

#[test]
fn a_file_among_many_costs_its_path() {
    let mut counted = Counted::new();
    counted.commit(many(20_000));
    counted.take();
    counted.commit([("d0077/f007777.csv".to_owned(), "changed\n".to_owned())]);
    let Cost { read, nodes_written, .. } = counted.take();
    // The commit before, and the way down to the file twice: to see what it was, and to write it anew.
    assert!(read <= 10, "{read} objects read");
    assert!(nodes_written <= 4, "{nodes_written} nodes written");
    counted.commit([("d0077/f007777.csv".to_owned(), "changed\n".to_owned())]);
    let Cost { read, written_bytes, .. } = counted.take();
    assert!(
        read <= 5 && written_bytes == 0,
        "{read} objects read, {written_bytes} bytes written for nothing"
    );
}

#[test]
fn a_look_at_a_part_costs_its_edges() {
    let mut counted = Counted::new();
    counted.commit(many(20_000));
    let (before, dir) = (counted.tree(), "d0100".parse().unwrap());
    counted.commit([("d0150/new.csv".to_owned(), "new\n".to_owned())]);
    let after = counted.tree();
    counted.take();
    let mut reads = |look: &dyn Fn(Snapshot<'_>, Snapshot<'_>) -> u64, want: u64| {
        let objects = counted.store.objects();
        assert_eq!(look(Snapshot::new(objects, before), Snapshot::new(objects, after)), want);
        counted.take().read
    };
    assert!(reads(&|_, new| new.totals(Some(&dir)).unwrap().count, 100) <= 6);
    assert!(reads(&|_, new| new.members(Some(&dir)).unwrap().len() as u64, 100) <= 6);
    assert!(reads(&|old, new| old.diff(&new, "").count() as u64, 1) <= 8);
    assert!(reads(&|old, new| old.diff(&new, "d0100/").count() as u64, 0) <= 4);
    assert_eq!(reads(&|_, new| new.diff(&new, "").count() as u64, 0), 0);
}

#[test]
fn an_unchanged_directory_is_not_read() {
    let mut counted = Counted::new();
    for (path, text) in many(300) {
        counted.desk.write(&format!("in/{path}"), &text);
    }
    let (store, dirs) = (counted.store.clone(), [counted.desk.path("in")]);
    let commit = || {
        let writer = store.writer();
        let base = change::open(&store, &"ticks@main".parse().unwrap(), &writer).unwrap();
        let tree = Snapshot::new(&writer, base.tree);
        let found =
            ingest::gather(&writer, tree, Memory::Keep(&store), &dirs, None, Overlay::Keep, &Silent).unwrap();
        let read = found.read;
        change::publish(&store, &author(), base, found.draft, writer, "in", Empty::Skip).unwrap();
        read
    };
    assert_eq!(commit(), 300);
    // Files that were written a moment ago are read once more: they may change within the grain of the clock.
    until("a commit without a reading", || commit() == 0);
    counted.take();
    assert_eq!(commit(), 0);
    let cost = counted.take();
    assert_eq!(cost.written_bytes, 0);
}

#[test]
fn a_merge_costs_what_differs_between_the_sides() {
    let mut counted = Counted::new();
    counted.commit(many(20_000));
    counted.desk.ok(&["branch", "create", "ticks@other"]);
    let some = |from: u64| {
        (0..20)
            .map(move |n| from + n * 997)
            .map(|n| (format!("d{:04}/f{n:06}.csv", n / 100), "new\n".to_owned()))
    };
    counted.commit(some(10));
    counted.commit_to("ticks@other", some(500));
    counted.take();
    let target: Target = "ticks@main".parse().unwrap();
    let theirs = "ticks@other".parse().unwrap();
    let theirs =
        history::resolve(counted.store.session().unwrap(), counted.store.objects(), &theirs).unwrap().commit;
    counted.take();
    let labels = Labels { ours: "main".to_owned(), theirs: "other".to_owned() };
    let manner =
        Manner { rules: Rules::default(), renames: Renames::Tell, labels, timeout: Duration::from_secs(600) };
    let action = Action::Merge { theirs, forward: FastForward::Allow, unrelated: Unrelated::Refuse };
    let request = Request { action, manner, message: "merge".to_owned() };
    let outcome =
        integrate::integrate(&counted.store, &author(), &target, &request, OnConflict::Fail, None).unwrap();
    assert_eq!((outcome.came, outcome.tally.modified), (Integrated::Made, 20));
    let Cost { read, nodes_written, .. } = counted.take();
    // Forty leaves differ. Each is read on both sides and in the base, and some inner nodes above them.
    assert!(read <= 40 * 3 + 20, "{read} objects read");
    assert!(nodes_written <= 20 + 5, "{nodes_written} nodes written");
}

#[test]
fn a_walk_through_a_long_history_reads_it_once() {
    let mut counted = Counted::new();
    counted.commit(many(1));
    let main: Target = "ticks@main".parse().unwrap();
    let writer = counted.store.writer();
    let base = change::open(&counted.store, &main, &writer).unwrap();
    let (first, origin) = (base.head.unwrap(), author().now());
    let commit = |parent: CommitId, message: String| {
        let record = history::Draft { parents: vec![parent], tree: base.tree, message, provenance: None };
        history::write(&writer, record, &origin).unwrap().0
    };
    let line = |name: &str| (0..2000).fold(first, |parent, n| commit(parent, format!("{name} {n}")));
    let (one, other) = (line("one"), line("other"));
    writer.finish().unwrap();
    counted.take();
    for most in [4001, 64] {
        let bases = history::merge_bases(counted.store.objects(), &[one], &[other]).unwrap();
        assert_eq!(bases, [first]);
        assert!(history::is_ancestor(counted.store.objects(), first, one).unwrap());
        let Cost { read, .. } = counted.take();
        assert!(read <= most + 64, "{read} objects read");
    }
}

/// A look at what the store takes reads two objects of each head, however much it holds.
#[test]
fn what_a_store_holds_is_told_by_the_roots_of_its_trees() {
    let mut counted = Counted::new();
    for day in 0..3 {
        for minute in 0..MINUTES {
            counted.desk.write(&format!("in/{day}/{minute}"), &format!("{day} {minute}"));
        }
        counted.desk.ok(&["commit", "ticks", "in", "-m", "more"]);
    }
    counted.desk.ok(&["branch", "create", "ticks@copy"]);
    counted.desk.ok(&["branch", "create", "ticks@old", "--from", "main~1"]);
    counted.take();
    let usage = usage::survey(&counted.store).unwrap();
    assert_eq!(usage.held().count, (3 + 3 + 2) * MINUTES);
    assert_eq!(usage.contents().objects, 3 * MINUTES);
    assert_eq!(counted.take().read, 2 * 2);
}
