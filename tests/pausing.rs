//! Pipelines that are paused and go on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::process::Stdio;

use desk::{Desk, until};
use serde_json::Value;

/// Each job's output branch and state, oldest first.
fn jobs(desk: &Desk) -> Vec<String> {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    let text = |job: &Value, what: &str| job[what].as_str().unwrap().to_owned();
    let told = |job: &Value| format!("{}@{} {}", text(job, "stage"), text(job, "branch"), text(job, "state"));
    list["jobs"].as_array().unwrap().iter().rev().map(told).collect()
}

fn commit(desk: &Desk, branch: &str, name: &str) {
    desk.write(&format!("x/{name}"), name);
    desk.ok(&["commit", branch, "x", "-m", name]);
}

const LIST: &str = "ls $VDS_IN_A > $VDS_OUT/list";

/// A pipeline of two stages, and another one that reads it.
fn desk(first: &str) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.a]\ninput = 'in@*:/*'\ncommand = [\"sh\", \"-c\", \"cp -r $VDS_IN_IN/. $VDS_OUT; {first}\"]\n\
             [stage.b]\ninput = 'p/a@*:/'\ncommand = [\"sh\", \"-c\", \"{LIST}\"]\n"
        ),
    );
    desk.write("q.toml", "pipeline = 'q'\n[stage.c]\ninput = 'p/b@*:/'\ncommand = ['true']\n");
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.ok(&["pipeline", "create", "q.toml"]);
    desk
}

#[test]
fn a_paused_pipeline_does_nothing_and_then_what_the_newest_commits_need() {
    let desk = desk("true");
    commit(&desk, "in", "one");
    let said = desk.ok(&["pipeline", "pause", "p"]);
    assert!(said.starts_with("the pipeline p is paused\nundo: "), "{said}");
    assert_eq!(desk.ok(&["pipeline", "pause", "p"]), "the pipeline p was paused before\n");
    for name in ["two", "three"] {
        commit(&desk, "in", name);
        commit(&desk, "in@other", name);
    }
    desk.write("p.toml", &format!("{}# more\n", std::fs::read_to_string(desk.path("p.toml")).unwrap()));
    desk.ok(&["pipeline", "update", "p.toml"]);
    assert_eq!(jobs(&desk).len(), 3, "{:?}", jobs(&desk));
    assert_eq!(desk.ok(&["pipeline", "list"]), "p  version 2, paused  a, b\nq  version 1  c\n");
    desk.ok(&["pipeline", "resume", "p"]);
    let mut new = jobs(&desk).split_off(3);
    new.sort();
    let done = |stage: &str| ["main", "other"].map(|branch| format!("{stage}@{branch} succeeded"));
    assert_eq!(new, [done("p/a"), done("p/b"), done("q/c")].concat());
    assert_eq!(desk.ok(&["cat", "p/b:list"]), "one\nthree\ntwo\n");
    // Nothing came meanwhile, so nothing is done; but what has been cancelled is.
    desk.ok(&["pipeline", "pause", "p"]);
    desk.ok(&["pipeline", "resume", "p"]);
    assert_eq!(jobs(&desk).len(), 9);
    assert_eq!(desk.ok(&["pipeline", "resume", "p"]), "the pipeline p was not paused\n");
}

#[test]
fn jobs_that_run_are_cancelled_and_made_up_for() {
    let desk = desk("true");
    let dir = desk.path("").display().to_string();
    let wait = format!("touch {dir}/begun; while ! [ -e {dir}/go ]; do sleep 0.01; done");
    desk.write(
        "p.toml",
        &std::fs::read_to_string(desk.path("p.toml")).unwrap().replace(LIST, &format!("{LIST}; {wait}")),
    );
    desk.ok(&["pipeline", "update", "p.toml"]);
    desk.write("x/one", "1");
    let mut commit = desk.command(&["commit", "in", "x", "-m", "one"]);
    let running = commit.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("the start of the second stage", || desk.path("begun").exists());
    let said = desk.ok(&["pipeline", "pause", "p"]);
    assert!(
        said.contains("cancelled job 2 p/b@main\nskipped job 3 q/c@main, which waited for it\n"),
        "{said}"
    );
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(6) && said.contains("the pipeline p was paused"), "{said}");
    let (code, said) = desk.no(&["job", "retry", "2"]);
    assert!(code == 1 && said.contains("the pipeline p is paused\nhint: `vds pipeline resume p`"), "{said}");
    desk.write("go", "");
    desk.ok(&["pipeline", "resume", "p"]);
    let states = [
        "p/a@main succeeded",
        "p/b@main cancelled",
        "q/c@main skipped",
        "p/b@main succeeded",
        "q/c@main succeeded",
    ];
    assert_eq!(jobs(&desk), states);
}

#[test]
fn pausing_and_going_on_can_be_undone() {
    let desk = desk("true");
    commit(&desk, "in", "one");
    let said = desk.ok(&["pipeline", "pause", "p"]);
    let number = said.trim_end().rsplit(' ').next().unwrap();
    commit(&desk, "in", "two");
    let told = desk.ok(&["op", "log", "-n", "2"]);
    assert!(told.contains("1, paused"), "{told}");
    desk.ok(&["pipeline", "resume", "p", "--no-run"]);
    assert_eq!(jobs(&desk).split_off(3), ["p/a@main queued", "p/b@main queued", "q/c@main queued"]);
    desk.ok(&["undo"]);
    assert_eq!(jobs(&desk).split_off(3), ["p/a@main cancelled", "p/b@main cancelled", "q/c@main skipped"]);
    assert!(desk.ok(&["pipeline", "list"]).contains("p  version 1, paused"));
    desk.ok(&["undo", number]);
    assert!(desk.ok(&["pipeline", "list"]).contains("p  version 1  a, b"));
    assert_eq!(desk.ok(&["cat", "p/b:list"]), "one\ntwo\n");
}

#[test]
fn another_pipeline_follows_what_an_update_makes() {
    let desk = desk("true");
    commit(&desk, "in", "one");
    desk.write(
        "p.toml",
        &std::fs::read_to_string(desk.path("p.toml"))
            .unwrap()
            .replace(LIST, "ls -a $VDS_IN_A > $VDS_OUT/all"),
    );
    let said = desk.ok(&["pipeline", "update", "p.toml"]);
    assert!(said.contains(" triggered: p/b (1 datum), q/c\n"), "{said}");
}
