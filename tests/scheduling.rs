//! The scheduler against a model: whatever was committed, killed, cancelled, retried and updated, in the end all outputs are what a
//! store makes that never saw any of it, and no program ran twice without cause.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;
mod dice;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use desk::{Desk, processes, until};
use dice::Dice;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

const REPOS: [&str; 2] = ["left", "right"];
const BRANCHES: [&str; 2] = ["main", "dev"];
const STAGES: [&str; 6] = ["copy", "cross", "union", "join", "group", "all"];
const NAMES: [&str; 5] = ["a1", "a2", "b1", "b2", "c1"];

/// The stages: each program notes in `ledger` that it begins and that it ends, and fails on the word `bad` until there is a
/// file `mended`.
fn pipeline(dir: &str, version: usize) -> String {
    let program = format!(
        "echo \"B $VDS_STAGE $VDS_DATUM_ID\" >> {dir}/ledger; \
         if [ ! -e {dir}/mended ] && grep -rqs bad $VDS_IN; then echo \"F $VDS_STAGE $VDS_DATUM_ID\" >> {dir}/ledger; exit 1; fi; \
         (echo $WORD; cd $VDS_IN; find . -type f | sort | xargs cat) > $VDS_OUT/$(echo $VDS_DATUM | tr -c 'a-z0-9\\n' _); \
         echo \"E $VDS_STAGE $VDS_DATUM_ID\" >> {dir}/ledger"
    );
    let stage = |name: &str, input: &str, word: usize, more: &str| {
        format!(
            "[stage.{name}]\ninput = {input}\nisolation = 'none'\n{more}env = {{ WORD = '{name}{word}' }}\ncommand = ['sh', '-c', '''{program}''']\n"
        )
    };
    let source = |name: &str, from: &str, more: &str| format!("{{ name = '{name}', from = '{from}'{more} }}");
    let (left, right) = (source("l", "left@*:/*", ""), source("r", "right@main:/*", ""));
    let join = [("l", "left@*:/(*)"), ("r", "right@*:/(*)")]
        .map(|(name, from)| source(name, from, ", join_on = '$1'"));
    let outputs = ["cross", "union", "join", "group"].map(|name| source(name, &format!("m/{name}@*:/"), ""));
    [
        "pipeline = 'm'\n".to_owned(),
        stage("copy", "'left@*:/*'", version, ""),
        stage("cross", &format!("{{ cross = [{left}, {right}] }}"), version / 2, ""),
        stage("union", &format!("{{ union = [{left}, {right}] }}"), 0, "on_conflict = 'concat'\n"),
        stage("join", &format!("{{ join = [{}] }}", join.join(", ")), 0, "coalesce = false\n"),
        stage(
            "group",
            &format!("{{ group = [{}] }}", source("copy", "m/copy@*:/(?)*", ", group_by = '$1'")),
            0,
            "",
        ),
        stage("all", &format!("{{ cross = [{}] }}", outputs.join(", ")), 0, ""),
    ]
    .concat()
}

fn set_up(desk: &Desk) -> String {
    let dir = desk.path("").display().to_string();
    let dir = dir.trim_end_matches('/').to_owned();
    for repo in REPOS {
        desk.ok(&["repo", "create", repo]);
    }
    dir
}

/// Kills a process with its group, as `kill -9 -PID` does.
fn kill(mut child: Child) {
    // It may have ended, and then there is nobody to kill.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    child.wait().unwrap();
}

fn ledger(dir: &str) -> String {
    fs::read_to_string(format!("{dir}/ledger")).unwrap_or_default()
}

/// Runs what is queued, and kills that when `lines` more have come to the ledger.
fn run_and_kill(desk: &Desk, dir: &str, lines: usize) {
    let before = ledger(dir).lines().count();
    let mut run = desk.command(&["run"]);
    let mut child = run.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() && ledger(dir).lines().count() < before + lines {
        std::thread::yield_now();
    }
    kill(child);
    // The kernel ends its programs, too, a moment later.
    until("the end of its programs", || processes(&format!("{dir}/ledger")) == 0);
    let noted = fs::OpenOptions::new().create(true).append(true).open(format!("{dir}/ledger"));
    std::io::Write::write_all(&mut noted.unwrap(), b"K\n").unwrap();
}

/// Between two kills no program ends twice on the same datum, or begins again without having failed.
#[track_caller]
fn check_ledger(ledger: &str) {
    for epoch in ledger.split("K\n") {
        let mut begun: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for line in epoch.lines() {
            let (what, datum) = line.split_once(' ').unwrap();
            let (begins, fails, ends) = begun.entry(datum).or_default();
            match what {
                "B" => *begins += 1,
                "F" => *fails += 1,
                _ => *ends += 1,
            }
        }
        for (datum, (begins, fails, ends)) in begun {
            assert!(
                ends <= 1 && begins <= fails + 1,
                "{datum}: {begins} begun, {fails} failed, {ends} ended"
            );
        }
    }
}

fn jobs(desk: &Desk) -> Vec<Value> {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    list["jobs"].as_array().unwrap().clone()
}

/// The numbers of jobs in one of these states.
fn in_state(desk: &Desk, states: &str) -> Vec<String> {
    desk.ok(&["job", "list", "--state", states, "--quiet"]).lines().map(str::to_owned).collect()
}

/// What a branch holds, paths and contents, if it has a commit.
fn content(desk: &Desk, target: &str) -> Option<String> {
    if desk.run(&["log", target, "-n", "1", "--quiet"]).stdout.is_empty() {
        return None;
    }
    let text = |path: &str| format!("{path}:\n{}", desk.ok(&["cat", &format!("{target}:{path}")]));
    Some(desk.ok(&["ls", "-r", target, "--quiet"]).lines().map(text).collect())
}

/// A store that has only ever seen what `desk` has now.
fn from_scratch(desk: &Desk, dir: &str, version: usize) -> Desk {
    let fresh = Desk::new();
    set_up(&fresh);
    for repo in REPOS {
        for branch in BRANCHES {
            let (target, into) = (format!("{repo}@{branch}"), fresh.path(&format!("{repo}-{branch}")));
            let into = into.display().to_string();
            if content(desk, &target).is_some() {
                desk.ok(&["checkout", &target, "--into", &into]);
                fs::remove_dir_all(format!("{into}/.vds")).unwrap();
                fresh.ok(&["commit", &target, &into, "-m", "x", "--allow-empty"]);
            }
        }
    }
    fresh.write("m.toml", &pipeline(dir, version));
    fresh.ok(&["pipeline", "create", "m.toml"]);
    fresh
}

/// One thing that happens.
fn act(desk: &Desk, dir: &str, dice: &mut Dice, version: &mut usize) {
    match dice.roll(12) {
        0..=4 => {
            let (repo, branch) = (REPOS[dice.roll(2)], BRANCHES[dice.roll(2)]);
            let files = format!("files-{repo}-{branch}");
            fs::create_dir_all(desk.path(&files)).unwrap();
            for _ in 0..=dice.roll(2) {
                let name = format!("{files}/{}", NAMES[dice.roll(NAMES.len())]);
                match dice.roll(5) {
                    0 => drop(fs::remove_file(desk.path(&name))),
                    1 => desk.write(&name, "bad\n"),
                    word => desk.write(&name, &format!("word {word} {}\n", dice.roll(3))),
                }
            }
            let target = format!("{repo}@{branch}");
            let how = if dice.roll(3) == 0 { "--json" } else { "--no-run" };
            desk.run(&["commit", &target, &files, "--mirror", "-m", "x", how]);
        }
        5 => drop(desk.run(&["run"])),
        6 | 7 => run_and_kill(desk, dir, 1 + dice.roll(12)),
        8 => {
            let mended = desk.path("mended");
            if mended.exists() { fs::remove_file(mended).unwrap() } else { fs::write(mended, "").unwrap() }
        }
        9 => {
            if let Some(id) = dice.pick(&in_state(desk, "queued,running")) {
                desk.run(&["job", "cancel", id]);
            }
        }
        10 => {
            if let Some(id) = dice.pick(&in_state(desk, "failed,cancelled,skipped")) {
                desk.run(&["job", "retry", id, "--no-run"]);
            }
        }
        _ => {
            *version += 1;
            desk.write("m.toml", &pipeline(dir, *version));
            desk.ok(&["pipeline", "update", "m.toml", "--no-run"]);
        }
    }
}

fn check_history(seed: u64, steps: usize) {
    let (desk, mut dice, mut version) = (Desk::new(), Dice(seed), 0);
    let dir = set_up(&desk);
    desk.write("m.toml", &pipeline(&dir, version));
    desk.ok(&["pipeline", "create", "m.toml"]);
    for _ in 0..steps {
        act(&desk, &dir, &mut dice, &mut version);
    }
    desk.write("mended", "");
    desk.run(&["run"]);
    // What failed or was cancelled has left its branch behind.
    desk.ok(&["rerun", "m"]);
    assert_eq!(desk.ok(&["rerun", "m", "--quiet"]), "", "seed {seed}: all is made");
    check_ledger(&ledger(&dir));
    let made = ledger(&dir);
    let fresh = from_scratch(&desk, &dir, version);
    for stage in STAGES {
        for branch in BRANCHES {
            let target = format!("m/{stage}@{branch}");
            assert_eq!(content(&desk, &target), content(&fresh, &target), "seed {seed}: {target}");
        }
    }
    assert_eq!(in_state(&desk, "queued,running"), Vec::<String>::new(), "seed {seed}");
    let left = fs::read_dir(desk.path(".vds/tmp")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), Vec::<std::ffi::OsString>::new(), "seed {seed}: nothing is leased");
    // What jobs say they have made was made, and nothing was made that no job tells of but what was killed.
    let processed: u64 = jobs(&desk).iter().map(|job| job["processed"].as_u64().unwrap()).sum();
    let ended = made.lines().filter(|line| line.starts_with('E')).count() as u64;
    assert!(processed <= ended, "seed {seed}: {processed} processed, {ended} ended");
    if !made.contains("K\n") {
        assert_eq!(processed, ended, "seed {seed}");
    }
}

#[test]
fn whatever_happens_outputs_are_those_of_a_store_that_never_saw_it() {
    for seed in [115, 103] {
        check_history(seed, 22);
    }
}

#[test]
fn another_history_ends_the_same() {
    for seed in [203, 212] {
        check_history(seed, 22);
    }
}

#[test]
fn a_job_that_is_killed_again_and_again_ends_with_nothing_doubled() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "left"]);
    let dir = desk.path("").display().to_string();
    let dir = dir.trim_end_matches('/');
    let program = format!(
        "echo \"B a $VDS_DATUM\" >> {dir}/ledger; cp $VDS_IN_LEFT/* $VDS_OUT; echo \"E a $VDS_DATUM\" >> {dir}/ledger"
    );
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.a]\ninput = 'left:/*'\ncommand = [\"sh\", \"-c\", '''{program}''']\n"
        ),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    for file in 0..120 {
        desk.write(&format!("x/{file}"), &file.to_string());
    }
    desk.ok(&["commit", "left", "x", "-m", "many", "--no-run"]);
    let mut dice = Dice(5);
    for _ in 0..6 {
        run_and_kill(&desk, dir, 1 + dice.roll(60));
        assert_eq!(in_state(&desk, "running"), Vec::<String>::new());
    }
    desk.ok(&["run"]);
    check_ledger(&ledger(dir));
    assert_eq!(desk.ok(&["ls", "p/a", "--quiet"]), desk.ok(&["ls", "left", "--quiet"]));
    assert_eq!(desk.ok(&["log", "p/a", "--quiet"]).lines().count(), 1);
    let job = &jobs(&desk)[0];
    assert_eq!(job["processed"].as_u64().unwrap() + job["reused"].as_u64().unwrap(), 120);
    assert_eq!(fs::read_dir(desk.path(".vds/tmp")).unwrap().count(), 0);
}
