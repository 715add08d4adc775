//! Jobs that pile up and are taken together: which one does the work, and what those are told who wait for the others.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::{Child, Stdio};

use desk::{Desk, until};
use serde_json::Value;

/// Each job's stage and state, oldest first.
fn states(desk: &Desk) -> Vec<String> {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    let state = |job: &Value| {
        let by = job["superseded_by"].as_u64().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{} {}{by}", job["stage"].as_str().unwrap(), job["state"].as_str().unwrap())
    };
    list["jobs"].as_array().unwrap().iter().rev().map(state).collect()
}

/// A stage that notes what it runs, stops at the file `stop` while there is no file `go` outside, and fails at the file `bad`; and
/// one that reads it.
fn desk(more: &str) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    let script = format!(
        "echo $VDS_DATUM >> {dir}/ran; cp -r $VDS_IN_IN/. $VDS_OUT; [ $VDS_DATUM != bad ] || exit 1; \
         [ $VDS_DATUM = stop ] || exit 0; touch {dir}/stopped; until [ -e {dir}/go ]; do sleep 0.01; done"
    );
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.a]\ninput = 'in@*:/*'\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{more}\
             [stage.b]\ninput = 'p/a@*:/'\ncommand = [\"sh\", \"-c\", \"ls $VDS_IN_A > $VDS_OUT/list\"]\n{more}"
        ),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk
}

fn queue(desk: &Desk, names: &[&str]) {
    for name in names {
        desk.write(&format!("x/{name}"), name);
        desk.ok(&["commit", "in", "x", "-m", name, "--no-run"]);
    }
}

fn ran(desk: &Desk) -> Vec<String> {
    let ran = fs::read_to_string(desk.path("ran")).unwrap_or_default();
    let mut ran: Vec<String> = ran.lines().map(str::to_owned).collect();
    ran.sort_unstable();
    ran
}

fn start(desk: &Desk, args: &[&str]) -> Child {
    let child = desk.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the start of the program", || desk.path("stopped").exists());
    child
}

#[test]
fn the_newest_does_the_work_of_all_and_who_waits_for_the_others_gets_its_verdict() {
    let desk = desk("");
    queue(&desk, &["1", "2", "3"]);
    assert_eq!(desk.ok(&["run"]), "2 jobs run, 4 superseded\n");
    assert_eq!(
        states(&desk),
        [
            "p/a superseded by 5",
            "p/b superseded by 6",
            "p/a superseded by 5",
            "p/b superseded by 6",
            "p/a succeeded",
            "p/b succeeded"
        ]
    );
    assert_eq!(ran(&desk), ["1", "2", "3"]);
    assert_eq!(desk.ok(&["cat", "p/b:list"]), "1\n2\n3\n");
    assert_eq!(desk.ok(&["log", "in", "--quiet"]).lines().count(), 3);
    assert_eq!(desk.ok(&["log", "p/a", "--quiet"]).lines().count(), 1);
    assert!(desk.ok(&["job", "show", "1"]).contains("\nstate superseded\n"));
    assert!(desk.ok(&["run", "wait", "1"]).contains("\nstate superseded\n"));
    assert_eq!(desk.ok(&["job", "list", "--state", "superseded", "--quiet"]), "4\n3\n2\n1\n");
    let (code, said) = desk.no(&["job", "retry", "1"]);
    assert!(code == 1 && said.contains("job 1 was superseded: only one that failed"), "{said}");
    // The one that takes the place of others fails, so they come to nothing.
    queue(&desk, &["4", "bad"]);
    let (code, said) = desk.no(&["run", "wait", "4"]);
    assert!(code == 6 && said.contains("1 job failed, 1 skipped: job 9 (p/a@main): datum bad"), "{said}");
    let (code, _) = desk.no(&["job", "wait", "8"]);
    assert_eq!(code, 6);
    assert_eq!(ran(&desk), ["1", "2", "3", "4", "bad"]);
}

#[test]
fn each_is_run_where_that_is_asked_for() {
    let desk = desk("coalesce = false\n");
    queue(&desk, &["1", "2", "3"]);
    assert_eq!(desk.ok(&["run"]), "6 jobs run\n");
    assert_eq!(desk.ok(&["log", "p/a", "--quiet"]).lines().count(), 3);
    assert_eq!(desk.ok(&["log", "p/b", "--quiet"]).lines().count(), 3);
    assert_eq!(ran(&desk), ["1", "2", "3"]);
}

#[test]
fn who_reads_what_was_made_for_several_follows_though_each_is_asked_for() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let stage = |name: &str, inputs: &str| {
        format!("[stage.{name}]\n{inputs}\ncommand = ['sh', '-c', 'ls $VDS_IN_X > $VDS_OUT/f']\ncoalesce = ")
    };
    let (a, b) = ("inputs = { x = 'in:/' }", "inputs = { x = 'in:/', a = 'p/a:/' }");
    desk.write("p.toml", &format!("pipeline = 'p'\n{}true\n{}false\n", stage("a", a), stage("b", b)));
    desk.ok(&["pipeline", "create", "p.toml"]);
    queue(&desk, &["1", "2", "3"]);
    assert_eq!(desk.ok(&["run"]), "2 jobs run, 4 superseded\n");
    assert_eq!(desk.ok(&["log", "p/b", "--quiet"]).lines().count(), 1);
    assert_eq!(desk.ok(&["cat", "p/b:f"]), "1\n2\n3\n");
}

#[test]
fn one_that_dies_in_the_place_of_others_is_taken_up_or_gives_way_itself() {
    for more in [false, true] {
        let desk = desk("");
        queue(&desk, &["1", "2", "stop"]);
        let mut killed = start(&desk, &["run"]);
        until("the first results", || desk.ok(&["job", "show", "5"]).contains("2 datums processed so far"));
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(states(&desk)[..2], ["p/a superseded by 5", "p/b superseded by 6"]);
        assert_eq!(states(&desk)[4..], ["p/a queued", "p/b queued"]);
        desk.write("go", "");
        if more {
            queue(&desk, &["4"]);
        }
        desk.ok(&["job", "wait", "2", "--quiet"]);
        let last = if more { "p/a superseded by 7" } else { "p/a succeeded" };
        assert_eq!(states(&desk)[4], last);
        assert_eq!(states(&desk).last().unwrap(), "p/b succeeded");
        let mut once = ran(&desk);
        once.dedup();
        assert_eq!(once.len() + 1, ran(&desk).len(), "only what was killed ran twice: {:?}", ran(&desk));
    }
}

#[test]
fn commits_whose_jobs_are_superseded_wait_for_those_that_took_their_places() {
    let desk = desk("");
    desk.write("x/stop", "stop");
    let first = start(&desk, &["commit", "in", "x", "-m", "stop"]);
    let mut others = Vec::new();
    for name in ["1", "2", "3"] {
        fs::create_dir_all(desk.path(name)).unwrap();
        desk.write(&format!("{name}/{name}"), name);
        let before = desk.ok(&["job", "list", "--quiet"]).lines().count();
        let commit =
            desk.command(&["commit", "in", name, "-m", name, "--json"]).stdout(Stdio::piped()).spawn();
        others.push(commit.unwrap());
        until("the commit", || desk.ok(&["job", "list", "--quiet"]).lines().count() > before);
    }
    desk.write("go", "");
    for (number, child) in [first].into_iter().chain(others).enumerate() {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        if let Ok(told) = serde_json::from_slice::<Value>(&output.stdout) {
            let jobs = told["jobs"].as_array().unwrap();
            let newest = jobs.iter().map(|job| job["id"].as_u64().unwrap()).max();
            assert_eq!(newest, Some(8), "commit {number} waited for the last: {told}");
        }
    }
    assert_eq!(desk.ok(&["cat", "p/b:list"]), "1\n2\n3\nstop\n");
    assert_eq!(ran(&desk), ["1", "2", "3", "stop"]);
}

#[test]
fn what_another_run_is_to_make_is_waited_for_and_done_without_if_it_fails() {
    let desk = Desk::new();
    for repo in ["in", "truth"] {
        desk.ok(&["repo", "create", repo]);
    }
    desk.write(
        "p.toml",
        "pipeline = 'p'\n[stage.a]\ninput = 'in:/*'\n\
         command = [\"sh\", \"-c\", \"! grep -r bad $VDS_IN_IN && cp $VDS_IN_IN/* $VDS_OUT\"]\n\
         [stage.b]\ninputs = { a = 'p/a:/', truth = 'truth:/' }\n\
         command = [\"sh\", \"-c\", \"cat $VDS_IN_A/* $VDS_IN_TRUTH/* > $VDS_OUT/all\"]\n",
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    let commit = |repo: &str, name: &str, text: &str| {
        desk.write(name, text);
        desk.ok(&["commit", repo, name, "-m", text, "--no-run"]);
    };
    commit("in", "one", "1\n");
    commit("truth", "t", "old\n");
    desk.ok(&["run"]);
    assert_eq!(desk.ok(&["cat", "p/b:all"]), "1\nold\n");
    commit("in", "two", "2\n");
    commit("truth", "t", "new\n");
    desk.ok(&["run"]);
    assert_eq!(desk.ok(&["cat", "p/b:all"]), "1\n2\nnew\n");
    commit("in", "zzz", "bad\n");
    commit("truth", "t", "newest\n");
    desk.no(&["run"]);
    assert_eq!(desk.ok(&["cat", "p/b:all"]), "1\n2\nnewest\n");
}
