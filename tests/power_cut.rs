//! The power is cut at any moment: what was acknowledged is there, and what is there is whole. What a disk may lose that was not synced is lost
//! by lot, names and parts of what was written included.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;
mod dice;
mod disk;
mod torture;
mod trace;
mod witness;

use std::path::{Path, PathBuf};
use std::thread;

use desk::{Desk, copy};
use dice::Dice;
use disk::{Disk, Habit};
use trace::calls::Change;
use witness::{Held, held, wrong_with};

/// How many look at it at once: as many as a small machine has processors.
const WORKERS: usize = 2;

/// How often the power is cut in the short form, in each test and with each habit of the disk.
const FEW: usize = 25;

/// What was given, what the store held when it had ended, and when that was said.
struct Step {
    args: Vec<&'static str>,
    after: Held,
    said: usize,
}

/// Some commands, and all that they did to the disk.
struct Record {
    disk: Disk,
    before: Held,
    steps: Vec<Step>,
    len: usize,
}

impl Record {
    /// Gives these commands, one after the other.
    fn new(desk: &Desk, habit: Habit, commands: &[&[&'static str]]) -> Self {
        let store = desk.path(".vds");
        let mut disk = Disk::of(&store, habit);
        let before = held_by_copy(&store);
        let mut record = (Vec::new(), 0);
        for args in commands {
            let traced = trace::run(&mut desk.command(args), &store, None, true).unwrap();
            assert_eq!(traced.code, Some(0), "{args:?}: {}", traced.errors);
            disk.play(&traced.calls, record.1);
            let says = traced.calls.iter().rposition(|call| matches!(call.change, Change::Say(_)));
            let said = record.1 + says.unwrap();
            record.1 += traced.calls.len();
            record.0.push(Step { args: args.to_vec(), after: held_by_copy(&store), said });
        }
        Self { disk, before, steps: record.0, len: record.1 }
    }

    /// Cuts the power there; what is wrong then.
    fn cut(&self, cut: usize, dice: &mut Dice) -> Result<(), String> {
        let place = place();
        let store = place.path().join(".vds");
        let seed = dice.0;
        self.disk.leave(cut, dice, &store);
        let said = self.steps.iter().take_while(|step| step.said < cut).last();
        let begun = self.steps.iter().find(|step| step.said >= cut);
        let fail = |what: &str| {
            let args =
                |step: Option<&Step>| step.map_or("nothing".to_owned(), |step| format!("{:?}", step.args));
            let kept = place_kept(&store, cut);
            Err(format!(
                "cut before call {cut} of {}, dice {seed}, after {} was acknowledged, in {}: {what}; see {}",
                self.len,
                args(said),
                args(begun),
                kept.display()
            ))
        };
        let wrong = wrong_with(&store);
        if !wrong.is_empty() {
            return fail(&format!("{wrong:#?}"));
        }
        let now = held(&store);
        let acknowledged = said.map_or(&self.before, |step| &step.after);
        if now == *acknowledged || begun.is_some_and(|step| step.after == now) {
            return Ok(());
        }
        fail(&format!("the store holds {now:#?}"))
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

/// Keeps what is left of the store for who looks into it.
fn place_kept(store: &Path, cut: usize) -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cut-{cut}"));
    let _ = std::fs::remove_dir_all(&kept);
    copy(store, &kept);
    kept
}

fn check(prepare: fn(&Desk), commands: &[&[&'static str]]) {
    if !trace::is_possible() {
        return;
    }
    let seed = torture::seed();
    for habit in [Habit::Ordered, Habit::Strict] {
        let desk = Desk::new();
        prepare(&desk);
        let record = Record::new(&desk, habit, commands);
        let cuts = torture::rounds(FEW);
        let complaints: Vec<String> = thread::scope(|scope| {
            let work = |worker: usize| {
                let record = &record;
                scope.spawn(move || {
                    let mut dice = Dice(seed.wrapping_add(worker as u64 + 1).max(1));
                    let cut = |_| {
                        let at = dice.roll(record.len + 1);
                        record.cut(at, &mut dice).err()
                    };
                    (worker..cuts).step_by(WORKERS).filter_map(cut).collect::<Vec<_>>()
                })
            };
            let workers: Vec<_> = (0..WORKERS).map(work).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        assert!(
            complaints.is_empty(),
            "{habit:?}: {} of {cuts}:\n{}",
            complaints.len(),
            complaints.join("\n---\n")
        );
    }
}

fn files(desk: &Desk, word: &str) {
    for n in 0..5 {
        desk.write(&format!("in/{word}/{n}"), &format!("{word} {n}\n").repeat(300 * n + 1));
    }
}

fn one_repo(desk: &Desk) {
    desk.ok(&["repo", "create", "r"]);
    files(desk, "one");
    files(desk, "two");
}

#[test]
fn commits_and_changes_of_names_are_there() {
    check(
        one_repo,
        &[
            &["commit", "r", "in/one", "-m", "one"],
            &["branch", "create", "r@side"],
            &["commit", "r@side", "in/two", "-m", "two"],
            &["tag", "create", "r@v1", "main"],
            &["merge", "r@main", "side", "-m", "both", "--no-ff"],
            &["undo"],
        ],
    );
}
