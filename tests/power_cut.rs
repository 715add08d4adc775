//! The power is cut at any moment: what was acknowledged is there, and what is there is whole. What a disk may lose that was not synced is lost
//! by lot, names and parts of what was written included.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;
mod dice;
mod disk;
mod torture;
mod trace;
mod witness;

use std::path::Path;
use std::thread;

use desk::{Desk, copy};
use dice::Dice;
use disk::{Disk, Habit};
use trace::calls::Change;
use trace::{Call, Fault, Plan};
use witness::{Held, held, look, wrong_with};

/// How many look at it at once: as many as a small machine has processors.
const WORKERS: usize = 2;

/// How often the power is cut in the short form, in each test and with each habit of the disk.
const FEW: usize = 25;

/// Commands, in their order.
type Commands = [&'static [&'static str]];

/// What was given, what the store held when it had ended, and when that was said.
struct Step {
    args: Vec<&'static str>,
    after: Held,
    /// `None` if it was killed.
    said: Option<usize>,
}

/// Some commands, and all that they did to the disk.
struct Record {
    disk: Disk,
    before: Held,
    steps: Vec<Step>,
    len: usize,
}

/// What is different from how it should be.
#[derive(Clone, Copy, Default)]
struct Twist {
    /// The first command is killed at this change, and given again.
    killed: Option<usize>,
    /// Syncs of what has this in its path are not made.
    unsynced: Option<&'static str>,
}

impl Record {
    /// Gives these commands, one after the other.
    fn new(desk: &Desk, habit: Habit, commands: &Commands, twist: Twist) -> Self {
        let store = desk.path(".vds");
        let mut record =
            Self { disk: Disk::of(&store, habit), before: held_by_copy(&store), steps: Vec::new(), len: 0 };
        if let Some(at) = twist.killed {
            let plan = Plan { fault: Fault::Kill, from: at, to: at + 1 };
            record.give(desk, commands[0], Some(plan), twist);
        }
        for args in commands {
            record.give(desk, args, None, twist);
        }
        record
    }

    fn give(&mut self, desk: &Desk, args: &[&'static str], plan: Option<Plan>, twist: Twist) {
        let store = desk.path(".vds");
        let mut traced = trace::run(&mut desk.command(args), &store, plan, true).unwrap();
        // What was killed after it had done all may not be done again.
        let is_refused = plan.is_none() && twist.killed.is_some() && traced.code == Some(1);
        assert!(traced.code == Some(0) || plan.is_some() || is_refused, "{args:?}: {}", traced.errors);
        let is_forgotten = |call: &Call| {
            let path = call.change.path().to_string_lossy();
            matches!(call.change, Change::Sync(_)) && twist.unsynced.is_some_and(|part| path.contains(part))
        };
        for call in &mut traced.calls {
            call.is_done &= !is_forgotten(call);
        }
        self.disk.play(&traced.calls, self.len);
        let says = traced.calls.iter().rposition(|call| matches!(call.change, Change::Say(_)));
        let said = says.filter(|_| traced.code == Some(0)).map(|at| self.len + at);
        self.len += traced.calls.len();
        self.steps.push(Step { args: args.to_vec(), after: held_by_copy(&store), said });
    }

    /// Cuts the power there; what is wrong then.
    fn cut(&self, cut: usize, dice: &mut Dice) -> Result<(), String> {
        let place = place();
        let store = place.path().join(".vds");
        self.disk.leave(cut, dice, &store);
        let acknowledged = self.steps.iter().rposition(|step| step.said.is_some_and(|said| said < cut));
        let fail = |what: &str| {
            let last = acknowledged.map_or("nothing".to_owned(), |at| format!("{:?}", self.steps[at].args));
            Err(format!("cut before call {cut} of {}, after {last} was acknowledged: {what}", self.len))
        };
        let wrong = wrong_with(&store);
        if !wrong.is_empty() {
            return fail(&format!("{wrong:#?}"));
        }
        let now = match look(&store) {
            Ok(now) => now,
            Err(cause) => return fail(&format!("it cannot be read: {cause:?}")),
        };
        let (held, next) = acknowledged.map_or((&self.before, 0), |at| (&self.steps[at].after, at + 1));
        // Of what follows, all that was killed may be made, and the first that was not.
        let later = &self.steps[next..];
        let begun = later.iter().position(|step| step.said.is_some()).map_or(later.len(), |at| at + 1);
        if now == *held || later[..begun].iter().any(|step| step.after == now) {
            return Ok(());
        }
        fail(&format!("the store holds {now:#?}"))
    }

    /// Cuts the power so often; what is wrong then.
    fn cuts(&self, count: usize, seed: u64) -> Vec<String> {
        thread::scope(|scope| {
            let work = |worker: usize| {
                scope.spawn(move || {
                    let mut dice = Dice(seed.wrapping_add(worker as u64 + 1).max(1));
                    let cut = |_| {
                        let at = dice.roll(self.len + 1);
                        self.cut(at, &mut dice).err()
                    };
                    (worker..count).step_by(WORKERS).filter_map(cut).collect::<Vec<_>>()
                })
            };
            let workers: Vec<_> = (0..WORKERS).map(work).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        })
    }
}

/// What the store holds, which is not touched.
fn held_by_copy(store: &Path) -> Held {
    let place = place();
    copy(store, &place.path().join(".vds"));
    held(&place.path().join(".vds"))
}

/// A place in memory, where that can be had: nothing in it needs to last.
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn check(prepare: fn(&Desk), commands: &Commands) {
    if !trace::is_possible() {
        return;
    }
    let seed = torture::seed();
    for habit in [Habit::Ordered, Habit::Strict] {
        let desk = Desk::new();
        prepare(&desk);
        let record = Record::new(&desk, habit, commands, Twist::default());
        let complaints = record.cuts(torture::rounds(FEW), seed);
        assert!(complaints.is_empty(), "{habit:?}: {}:\n{}", complaints.len(), complaints.join("\n---\n"));
    }
}

fn files(desk: &Desk, word: &str) {
    for n in 0..5 {
        desk.write(&format!("in/{word}/{n}"), &format!("{word} {n}\n").repeat(300 * n + 1));
    }
}

fn some_files(desk: &Desk) {
    files(desk, "one");
    files(desk, "two");
}

const CHANGES: &Commands = &[
    &["commit", "r", "in/one", "-m", "one"],
    &["branch", "create", "r@side"],
    &["commit", "r@side", "in/two", "-m", "two"],
    &["tag", "create", "r@v1", "main"],
    &["merge", "r@main", "side", "-m", "both", "--no-ff"],
    &["undo"],
];

#[test]
fn commits_and_changes_of_names_are_there() {
    check(some_files, &[&[&["repo", "create", "r"][..]], CHANGES].concat());
}

const STAGE: &str = r#"
pipeline = "p"
[stage.a]
input = "r@main:/one/*"
command = ["sh", "-c", "cat $VDS_IN_R/one/* > \"$VDS_OUT/$(basename $VDS_DATUM)\""]
"#;

fn rubbish(desk: &Desk) {
    some_files(desk);
    desk.ok(&["repo", "create", "r"]);
    desk.write("p.toml", STAGE);
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.ok(&["commit", "r@side", "in", "-m", "both", "--no-run"]);
    desk.ok(&["commit", "r", "in/one", "--to", "one", "-m", "one", "--no-run"]);
    desk.ok(&["branch", "delete", "r@side"]);
}

#[test]
fn what_is_needed_is_there_when_it_was_collected_around() {
    check(
        rubbish,
        &[
            &["gc", "--retain", "ops=0"],
            &["run"],
            &["commit", "r@other", "in/two", "-m", "two again", "--no-run"],
            &["rebuild"],
            &["gc", "--yes", "--retain", "ops=0", "--retain", "results=0", "--retain", "logs=0"],
        ],
    );
}

/// What was half made could not be opened, and not be made either.
#[test]
fn a_store_that_is_being_made_is_one_or_none() {
    if !trace::is_possible() {
        return;
    }
    let mut dice = Dice(torture::seed());
    for habit in [Habit::Ordered, Habit::Strict] {
        let desk = Desk::new();
        std::fs::create_dir(desk.path("new")).unwrap();
        let mut disk = Disk::of(&desk.path("new"), habit);
        let (mut len, mut said) = (0, Vec::new());
        for args in [&["init", "new"][..], &["--store", "new", "repo", "create", "r"]] {
            let traced = trace::run(&mut desk.command(args), &desk.path("new"), None, true).unwrap();
            let says = traced.calls.iter().rposition(|call| matches!(call.change, Change::Say(_)));
            said.push(len + says.unwrap());
            disk.play(&traced.calls, len);
            len += traced.calls.len();
        }
        for _ in 0..torture::rounds(FEW) {
            let (cut, place) = (dice.roll(len + 1), Desk::new());
            disk.leave(cut, &mut dice, &place.path("new"));
            let list = place.run(&["--store", "new", "repo", "list", "--quiet"]);
            let is_made = list.status.success();
            assert!(is_made || said[0] >= cut, "cut before call {cut} of {len}: {list:?}");
            if !is_made {
                place.ok(&["init", "new"]);
            }
            assert!(said[1] >= cut || list.stdout == b"r\n", "cut before call {cut} of {len}: {list:?}");
            place.ok(&["--store", "new", "repo", "create", "s"]);
            let wrong = wrong_with(&place.path("new/.vds"));
            assert!(wrong.is_empty(), "cut before call {cut} of {len}: {wrong:?}");
        }
    }
}

/// A directory that a killed process had made, and that was not sure to stay, was used as if it were.
#[test]
fn what_a_killed_process_began_is_nothing_to_rely_on() {
    if !trace::is_possible() {
        return;
    }
    let seed = torture::seed();
    let mut dice = Dice(seed);
    for _ in 0..torture::rounds(4) {
        let desk = Desk::new();
        some_files(&desk);
        desk.ok(&["repo", "create", "r"]);
        // One commit changes files some fifty times.
        let twist = Twist { killed: Some(dice.roll(50)), ..Twist::default() };
        let record = Record::new(&desk, Habit::Strict, CHANGES, twist);
        let complaints = record.cuts(8, dice.0);
        assert!(complaints.is_empty(), "{:?}: {}", twist.killed, complaints.join("\n---\n"));
    }
}

/// What must be seen to fail: a journal, and packs, that are not synced.
#[test]
fn what_is_not_synced_is_seen_to_be_lost() {
    if !trace::is_possible() {
        return;
    }
    for unsynced in ["/journal", "/tmp/own-", "/packs"] {
        let desk = Desk::new();
        some_files(&desk);
        desk.ok(&["repo", "create", "r"]);
        let twist = Twist { unsynced: Some(unsynced), ..Twist::default() };
        let record = Record::new(&desk, Habit::Strict, CHANGES, twist);
        assert!(!record.cuts(40, 7).is_empty(), "{unsynced}");
    }
}
