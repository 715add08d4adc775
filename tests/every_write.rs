//! Every change of a file fails once, or is the last that its program makes. Afterwards the store opens, is whole, and holds all that was
//! acknowledged; what was not is there whole or not at all, and the same command given again does it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;
mod torture;
mod trace;
mod witness;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::thread;

use desk::{Desk, copy};
use nix::libc::{EIO, ENOSPC};
use trace::{Fault, Plan, Traced};
use witness::{Held, held, look, wrong_with};

/// How many look at it at once: as many as a small machine has processors.
const WORKERS: usize = 2;

/// How many of the changes are tried in the short form.
const FEW: usize = 12;

/// What the store is like when it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    Whole,
    Damaged,
}

/// What is done, and how it is come to that.
struct Case {
    begins: Begins,
    prepare: fn(&Desk),
    command: &'static [&'static str],
    /// What is given when it has failed; the command itself, if nothing.
    again: &'static [&'static str],
    /// How it may end when something went wrong, besides 0 and 7.
    codes: &'static [i32],
}

/// A place where the command is given again and again.
struct Bench {
    desk: Desk,
    good: PathBuf,
    before: Held,
    after: Held,
    /// What the command changes.
    changes: Vec<String>,
}

const LEFT: &str = ".vds";

impl Bench {
    fn new(case: &Case) -> Self {
        let desk = Desk::new();
        (case.prepare)(&desk);
        let good = desk.path("good");
        copy(&desk.path(LEFT), &good);
        let before = held(&desk.path(LEFT));
        let mut bench = Self { desk, good, before, after: Held::new(), changes: Vec::new() };
        bench.restore();
        let traced = bench.run(case.command, None);
        assert_eq!(traced.code, Some(0), "{:?}: {}", case.command, traced.errors);
        bench.after = held(&bench.store());
        let named = |call: &trace::Call| format!("{} {}", call.change.verb(), call.change.path().display());
        bench.changes = traced.calls.iter().filter(|call| call.counts()).map(named).collect();
        bench
    }

    fn store(&self) -> PathBuf {
        self.desk.path(LEFT)
    }

    fn restore(&self) {
        let _ = fs::remove_dir_all(self.store());
        copy(&self.good, &self.store());
    }

    fn run(&self, args: &[&str], plan: Option<Plan>) -> Traced {
        trace::run(&mut self.desk.command(args), &self.store(), plan, false).unwrap()
    }

    /// Has this go wrong, and looks what is left; what there is to complain of.
    fn attempt(&self, case: &Case, plan: Plan) -> Result<(), String> {
        self.restore();
        let traced = self.run(case.command, Some(plan));
        let Some(met) = &traced.met else { return Ok(()) };
        let fail =
            |what: &str| Err(format!("{plan:?} at {met}: {what}\n{:?}: {}", traced.code, traced.errors));
        if traced.errors.contains("panicked") {
            return fail("it panics");
        }
        let refused = |code: i32| code == 7 || case.codes.contains(&code);
        if let Some(code) = traced.code.filter(|code| *code != 0) {
            if !refused(code) {
                return fail("that is no way to end");
            }
            if !traced.errors.contains("error: ") {
                return fail("it does not say why");
            }
        }
        // What is to be mended is damaged until that is done.
        if case.begins == Begins::Whole || traced.code == Some(0) {
            let wrong = wrong_with(&self.store());
            if !wrong.is_empty() {
                return fail(&format!("the store is not whole: {wrong:?}"));
            }
        }
        let now = match look(&self.store()) {
            Ok(now) => now,
            Err(cause) => return fail(&format!("the store cannot be read: {cause:?}")),
        };
        if now != self.after && (now != self.before || traced.code == Some(0)) {
            return fail(&format!("the store holds {now:#?}"));
        }
        if traced.code == Some(7) && now != self.before {
            return fail("it fails, and is done all the same");
        }
        if now == self.before || !case.again.is_empty() {
            let again = if case.again.is_empty() { case.command } else { case.again };
            // A job that has failed is not run again of itself.
            let again = if traced.code == Some(6) { &["rerun", "p"] } else { again };
            let output = self.desk.run(again);
            if !output.status.success() {
                return fail(&format!(
                    "it cannot be done again: {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
        }
        let now = look(&self.store()).map_err(|cause| format!("{plan:?} at {met}, done again: {cause:?}"))?;
        if now != self.after {
            return fail(&format!("done again, the store holds {now:#?}"));
        }
        let wrong = wrong_with(&self.store());
        if !wrong.is_empty() {
            return fail(&format!("done again, the store is not whole: {wrong:?}"));
        }
        match fs::read_dir(self.store().join("tmp")).unwrap().count() {
            0 => Ok(()),
            _ => fail("something is left in tmp"),
        }
    }
}

/// The plans that are tried for so many changes.
fn plans(changes: usize) -> Vec<Plan> {
    let faults = [Fault::Kill, Fault::Error(EIO), Fault::Error(ENOSPC), Fault::Full];
    let plan = |at: usize, fault: Fault| {
        let to = if fault == Fault::Full { usize::MAX } else { at + 1 };
        Plan { fault, from: at, to }
    };
    if torture::is_thorough() {
        return (0..changes).flat_map(|at| faults.map(|fault| plan(at, fault))).collect();
    }
    let step = changes.div_ceil(FEW).max(1);
    (0..changes).step_by(step).enumerate().map(|(nth, at)| plan(at, faults[nth % faults.len()])).collect()
}

fn check(case: &Case) {
    if !trace::is_possible() {
        return;
    }
    let benches: Vec<Bench> = (0..WORKERS).map(|_| Bench::new(case)).collect();
    let plans = plans(benches[0].changes.len());
    let complaints: Vec<String> = thread::scope(|scope| {
        let work = |(at, bench): (usize, Bench)| {
            let plans = plans.iter().skip(at).step_by(WORKERS);
            let attempt =
                move |plan: &Plan| bench.attempt(case, *plan).inspect_err(|what| println!("{what}")).err();
            scope.spawn(move || plans.filter_map(attempt).collect::<Vec<_>>())
        };
        let workers: Vec<_> = benches.into_iter().enumerate().map(work).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(complaints.is_empty(), "{} of {}", complaints.len(), plans.len());
}

fn files(desk: &Desk, word: &str) {
    for n in 0..5 {
        desk.write(&format!("in/{n}/{word}"), &format!("{word} {n}\n").repeat(300 * n + 1));
    }
}

fn one_commit(desk: &Desk) {
    desk.ok(&["repo", "create", "r"]);
    files(desk, "one");
    desk.ok(&["commit", "r", "in", "-m", "one"]);
    files(desk, "two");
}

fn two_branches(desk: &Desk) {
    one_commit(desk);
    desk.ok(&["branch", "create", "r@side"]);
    desk.ok(&["commit", "r@side", "in", "-m", "two"]);
    files(desk, "three");
    desk.ok(&["commit", "r", "in/3", "--to", "more", "-m", "three"]);
    desk.ok(&["tag", "create", "r@v1", "main"]);
}

const STAGE: &str = r#"
pipeline = "p"
[stage.a]
input = "r@*:/*"
command = ["sh", "-c", "cat $VDS_IN_R/*/* > $VDS_OUT/$VDS_DATUM"]
"#;

fn waiting_job(desk: &Desk) {
    desk.ok(&["repo", "create", "r"]);
    desk.write("p.toml", STAGE);
    desk.ok(&["pipeline", "create", "p.toml"]);
    files(desk, "one");
    desk.ok(&["commit", "r", "in", "-m", "one", "--no-run"]);
}

/// A branch that is gone, and results and logs that are old.
fn rubbish(desk: &Desk) {
    waiting_job(desk);
    desk.ok(&["run"]);
    desk.ok(&["branch", "create", "r@side"]);
    files(desk, "two");
    desk.ok(&["commit", "r", "in", "-m", "two"]);
    desk.ok(&["branch", "delete", "r@side"]);
}

/// Everything goes that can.
const COLLECT: &[&str] = &["gc", "--yes", "--retain", "ops=0", "--retain", "results=0", "--retain", "logs=0"];

/// Each pack has more bytes than it should, and all that is needed.
fn damaged(desk: &Desk) {
    two_branches(desk);
    desk.ok(&["backup", "safe"]);
    for fan in fs::read_dir(desk.path(".vds/packs")).unwrap() {
        for pack in fs::read_dir(fan.unwrap().path()).unwrap() {
            let mut file = fs::OpenOptions::new().append(true).open(pack.unwrap().path()).unwrap();
            file.write_all(b"more").unwrap();
        }
    }
}

const COMMIT: Case = Case {
    begins: Begins::Whole,
    prepare: one_commit,
    command: &["commit", "r", "in", "-m", "two"],
    again: &[],
    codes: &[],
};
const MERGE: Case = Case {
    begins: Begins::Whole,
    prepare: two_branches,
    command: &["merge", "r@main", "side", "-m", "both"],
    again: &[],
    codes: &[],
};
const JOB: Case =
    Case { begins: Begins::Whole, prepare: waiting_job, command: &["run"], again: &["run"], codes: &[6] };
const GC: Case =
    Case { begins: Begins::Whole, prepare: rubbish, command: COLLECT, again: COLLECT, codes: &[] };
const REBUILD: Case = Case {
    begins: Begins::Whole,
    prepare: two_branches,
    command: &["rebuild"],
    again: &["rebuild"],
    codes: &[],
};
const REPAIR: Case = Case {
    begins: Begins::Damaged,
    prepare: damaged,
    command: &["repair", "--from", "safe"],
    again: &["repair", "--from", "safe"],
    codes: &[],
};
const UNDO: Case =
    Case { begins: Begins::Whole, prepare: two_branches, command: &["undo"], again: &[], codes: &[] };
const PUBLISH: Case = Case {
    begins: Begins::Whole,
    prepare: one_commit,
    command: &["branch", "create", "r@new"],
    again: &[],
    codes: &[],
};

#[test]
fn of_a_commit() {
    check(&COMMIT);
}

#[test]
fn of_a_merge() {
    check(&MERGE);
}

#[test]
fn of_a_job() {
    check(&JOB);
}

#[test]
fn of_a_collection() {
    check(&GC);
}

#[test]
fn of_a_rebuild() {
    check(&REBUILD);
}

#[test]
fn of_a_repair() {
    check(&REPAIR);
}

#[test]
fn of_an_undo() {
    check(&UNDO);
}

#[test]
fn of_a_new_branch() {
    check(&PUBLISH);
}

/// A process that could not say that it works here went on when the disk had room again, and a collection could delete what it relied on.
#[test]
fn who_cannot_say_that_he_works_here_changes_nothing() {
    if !trace::is_possible() {
        return;
    }
    let bench = Bench::new(&COMMIT);
    for said in 0..2 {
        bench.restore();
        // The first that is made in a fresh store: a directory of the process's own, and the file in it that says so.
        let plan = Plan { fault: Fault::Error(ENOSPC), from: said, to: said + 1 };
        let traced = bench.run(COMMIT.command, Some(plan));
        assert!(traced.met.as_ref().unwrap().contains("/tmp/own-"), "{:?}", traced.met);
        assert!(
            traced.code == Some(7) && traced.errors.contains("hint: free some space"),
            "{}",
            traced.errors
        );
        assert!(held(&bench.store()) == bench.before);
    }
}

/// A store whose making was cut short is a store or none, and either can be gone on with.
#[test]
fn of_a_beginning() {
    if !trace::is_possible() {
        return;
    }
    let desk = Desk::new();
    let begin = |plan| {
        let _ = fs::remove_dir_all(desk.path("new"));
        fs::create_dir(desk.path("new")).unwrap();
        trace::run(&mut desk.command(&["init", "new"]), &desk.path("new"), plan, false).unwrap()
    };
    let changes = begin(None).calls.iter().filter(|call| call.counts()).count();
    for plan in plans(changes) {
        let traced = begin(Some(plan));
        let at = format!("{plan:?} at {:?}: {}", traced.met, traced.errors);
        assert!(traced.met.is_none() || matches!(traced.code, None | Some(0 | 7)), "{at}: {:?}", traced.code);
        let open = |args: &[&str]| desk.run(&[&["--store", "new"], args].concat());
        if open(&["repo", "list"]).status.code() == Some(3) {
            desk.ok(&["init", "new"]);
        }
        let made = open(&["repo", "create", "r"]);
        assert!(made.status.success(), "{at}: {}", String::from_utf8_lossy(&made.stderr));
        let wrong = wrong_with(&desk.path("new/.vds"));
        assert!(wrong.is_empty(), "{at}: {wrong:?}");
    }
}
