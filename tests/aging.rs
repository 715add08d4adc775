//! What rules let go of results and logs, and what happens to who needs them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::thread;

use desk::Desk;

/// Each file has an output of its own, which does not compress, and says so.
const PIPELINE: &str = r#"
pipeline = "p"
[stage.a]
input = "r@*:/*"
command = ["sh", "-c", "echo made $VDS_DATUM; head -c 100000 /dev/urandom > $VDS_OUT/$VDS_DATUM"]
"#;

const OLD: [&str; 7] = ["gc", "--yes", "--retain", "ops=0", "--retain", "results=0", "--retain"];

fn gc(desk: &Desk, more: &[&str]) -> serde_json::Value {
    serde_json::from_str(&desk.ok(&[&OLD, more, &["--json"]].concat())).unwrap()
}

fn commit(desk: &Desk, files: &[(&str, &str)]) {
    for (name, text) in files {
        desk.write(&format!("in/{name}"), text);
    }
    desk.ok(&["commit", "r", "in", "-m", "x"]);
}

/// A desk whose stage has made `a` twice, and `b` once.
fn prepared() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("p.toml", PIPELINE);
    desk.ok(&["pipeline", "create", "p.toml"]);
    commit(&desk, &[("a", "1"), ("b", "1")]);
    commit(&desk, &[("a", "2")]);
    desk
}

fn bytes_of_packs(desk: &Desk) -> u64 {
    let fans = fs::read_dir(desk.path(".vds/packs")).unwrap();
    let packs = fans.flat_map(|fan| fs::read_dir(fan.unwrap().path()).unwrap());
    packs.map(|pack| pack.unwrap().metadata().unwrap().len()).sum()
}

/// How many datums the newest job ran.
fn ran(desk: &Desk) -> u64 {
    let jobs: serde_json::Value =
        serde_json::from_str(&desk.ok(&["job", "list", "-n", "1", "--json"])).unwrap();
    jobs["jobs"][0]["processed"].as_u64().unwrap()
}

#[test]
fn what_is_young_stays() {
    let desk = prepared();
    let rules = ["gc", "--retain", "ops=0", "--retain", "results=1h", "--retain", "logs=1h", "--json"];
    let gone: serde_json::Value = serde_json::from_str(&desk.ok(&rules)).unwrap();
    assert_eq!((&gone["results"], &gone["logs"]), (&0.into(), &0.into()));
    assert_eq!(desk.ok(&["job", "logs", "2"]).lines().count(), 2);
    commit(&desk, &[("a", "1")]);
    assert_eq!(ran(&desk), 0);
}

#[test]
fn old_results_and_logs_go_and_what_branches_are_made_of_is_not_made_again() {
    let desk = prepared();
    // What is only looked at stays.
    desk.ok(&[&OLD, &["logs=0", "--retain", "p/a@*:keep-last=1", "--dry-run"][..]].concat());
    assert_eq!(desk.ok(&["job", "logs", "1"]).lines().filter(|line| line.starts_with("made")).count(), 2);
    let before = bytes_of_packs(&desk);
    let gone = gc(&desk, &["logs=0", "--retain", "p/a@*:keep-last=1"]);
    assert_eq!((&gone["results"], &gone["logs"], &gone["let_go"]), (&1.into(), &2.into(), &1.into()));
    assert!(bytes_of_packs(&desk) + 95_000 < before);
    desk.ok(&["verify"]);
    let (code, words) = desk.no(&["job", "logs", "1"]);
    assert!(
        code == 3 && words.contains("what job 1 printed was let go on") && words.contains("logs=0"),
        "{words}"
    );
    // What stands on main is found for another branch, and when it is run again.
    desk.ok(&["branch", "create", "r@side"]);
    desk.ok(&["run"]);
    assert_eq!(ran(&desk), 0);
    desk.ok(&["rerun", "p", "--branch", "main"]);
    assert_eq!(ran(&desk), 0);
    // What went is made again when it comes back, and then it is known.
    commit(&desk, &[("a", "1")]);
    assert_eq!(ran(&desk), 1);
    assert!(desk.ok(&["job", "logs", "4"]).contains("made a"));
    commit(&desk, &[("a", "2")]);
    commit(&desk, &[("a", "1")]);
    assert_eq!(ran(&desk), 0);
    desk.ok(&["verify"]);
    // Others that get it do not miss anything.
    desk.ok(&["clone", ".vds", "mine"]);
    desk.ok(&["bundle", "create", "b", "r", "p/a"]);
    desk.ok(&["bundle", "verify", "b"]);
    desk.ok(&["init", "taken"]);
    desk.ok(&["--store", "taken", "bundle", "apply", "b"]);
    for other in ["mine", "taken"] {
        desk.ok(&["--store", other, "verify"]);
        desk.ok(&["--store", other, "pipeline", "create", "p.toml"]);
        assert_eq!(desk.ok(&["--store", other, "ls", "p/a"]), desk.ok(&["ls", "p/a"]));
        commit(&desk, &[("b", other)]);
        desk.ok(&["--store", "mine", "fetch"]);
        desk.ok(&["--store", other, "gc", "--retain", "ops=0"]);
        desk.ok(&["--store", other, "verify"]);
    }
    // The facts tell it when they are made anew, too.
    desk.ok(&["rebuild"]);
    desk.ok(&["verify"]);
    assert_eq!(desk.no(&["job", "logs", "1"]).0, 3);
}

/// With a rule about results, what jobs read was not among what keeps files.
#[test]
fn what_a_job_is_to_read_keeps_its_files() {
    let desk = prepared();
    for text in ["3", "4"] {
        desk.write("in/a", text);
        desk.ok(&["commit", "r", "in", "-m", "x", "--no-run"]);
    }
    assert_eq!(desk.ok(&["job", "list", "--state", "queued", "--quiet"]).lines().count(), 2);
    gc(&desk, &["logs=0", "--retain", "r@main:keep-last=1"]);
    assert_eq!(desk.ok(&["cat", "r@main~1:a"]), "3");
    // The newest output was made from the one before; nothing needs the first.
    assert_eq!(desk.no(&["cat", "r@main~3:a"]).0, 3);
}

#[test]
fn jobs_that_run_meanwhile_lose_nothing() {
    let desk = prepared();
    thread::scope(|scope| {
        let jobs = scope.spawn(|| {
            for n in 0..12 {
                commit(&desk, &[("a", &n.to_string()), ("b", &(n / 3).to_string())]);
            }
        });
        while !jobs.is_finished() {
            gc(&desk, &["logs=0", "--retain", "*@*:keep-last=1"]);
        }
        jobs.join().unwrap();
    });
    desk.ok(&["verify"]);
    desk.ok(&["rerun", "p"]);
    let files = desk.ok(&["ls", "p/a@main"]);
    assert_eq!(files.lines().count(), 2, "{files}");
    assert!(desk.run(&["cat", "p/a@main:a"]).status.success());
    gc(&desk, &["logs=0"]);
    desk.ok(&["verify"]);
    assert_eq!(desk.ok(&["job", "list", "--state", "failed", "--quiet"]), "");
}

#[test]
fn rules_that_keep_none_are_refused_unless_they_are_meant() {
    let desk = prepared();
    for (rule, words) in [("results=0", "no results but those"), ("logs=0", "no logs at all")] {
        let (code, told) = desk.no(&["gc", "--retain", rule]);
        assert!(code == 2 && told.contains(words) && told.contains("--yes"), "{told}");
    }
    assert!(desk.ok(&["job", "logs", "1"]).contains("made a"));
}
