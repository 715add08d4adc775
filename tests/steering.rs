//! Jobs that a person cancels and retries.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::{Child, Stdio};

use desk::{Desk, until};
use rustix::process::{Pid, test_kill_process};
use serde_json::Value;

/// Each job's stage and state, oldest first.
fn states(desk: &Desk) -> Vec<String> {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    let state =
        |job: &Value| format!("{} {}", job["stage"].as_str().unwrap(), job["state"].as_str().unwrap());
    list["jobs"].as_array().unwrap().iter().rev().map(state).collect()
}

/// A stage that stops for ever at the file `two` unless the file `go` is there, and one that reads it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    let script = format!(
        "echo saw $VDS_DATUM; cp -r $VDS_IN_IN/. $VDS_OUT; echo $VDS_DATUM >> {dir}/ran; [ -e {dir}/go ] && exit; \
         [ $VDS_DATUM = two ] || exit 0; echo $$ > {dir}/pid.new; mv {dir}/pid.new {dir}/pid; sleep 1000"
    );
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.a]\ninput = 'in@*:/*'\ncommand = [\"sh\", \"-c\", \"{script}\"]\n\
             [stage.b]\ninput = 'p/a@*:/'\ncommand = [\"sh\", \"-c\", \"ls $VDS_IN_A > $VDS_OUT/list\"]\n"
        ),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/one", "1");
    desk.write("x/two", "2");
    desk
}

fn start(desk: &Desk, args: &[&str]) -> Child {
    let child = desk.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("the start of the program", || desk.path("pid").exists());
    child
}

#[test]
fn a_job_that_another_process_runs_is_cancelled_with_its_programs() {
    let desk = desk();
    let child = start(&desk, &["commit", "in", "x", "-m", "both"]);
    let pid: i32 = fs::read_to_string(desk.path("pid")).unwrap().trim().parse().unwrap();
    // The first datum is kept, whatever becomes of the second.
    until("the first datum's end", || fs::read_to_string(desk.path("ran")).unwrap().contains("one"));
    let shown = || -> Value { serde_json::from_str(&desk.ok(&["job", "show", "1", "--json"])).unwrap() };
    until("the record of that", || {
        (shown()["done"].as_u64(), shown()["total"].as_u64()) == (Some(1), Some(2))
    });
    let list = desk.ok(&["job", "list", "p/a"]);
    let started = shown()["started"].as_str().unwrap().to_owned();
    assert!(list.contains(" 1/2  p/a@main  run 1 for in@main ") && list.contains(&started), "{list}");
    assert_eq!(
        desk.ok(&["job", "cancel", "1"]),
        "cancelled job 1 p/a@main\nskipped job 2 p/b@main, which waited for it\n"
    );
    assert!(test_kill_process(Pid::from_raw(pid).unwrap()).is_err(), "the program is gone");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("job 1 p/a@main cancelled: Ann cancelled it\n"), "{said}");
    assert!(
        said.contains("error: 1 job cancelled, 1 skipped: job 1 (p/a@main): Ann cancelled it\n"),
        "{said}"
    );
    assert_eq!(states(&desk), ["p/a cancelled", "p/b skipped"]);
    assert!(!fs::exists(desk.path(".vds/tmp/lease-1")).unwrap());
    let job: Value = serde_json::from_str(&desk.ok(&["job", "show", "1", "--json"])).unwrap();
    assert_eq!((job["processed"].as_u64(), job["failed"].as_u64()), (Some(1), Some(0)));
}

#[test]
fn queued_jobs_and_those_of_the_dead_are_cancelled_at_once() {
    let desk = desk();
    let mut killed = start(&desk, &["commit", "in", "x", "-m", "both"]);
    killed.kill().unwrap();
    killed.wait().unwrap();
    desk.write("x/three", "3");
    desk.ok(&["commit", "in", "x", "-m", "three", "--no-run"]);
    assert_eq!(desk.ok(&["job", "cancel", "1", "4", "--quiet"]), "1\n4\n2\n");
    assert_eq!(states(&desk), ["p/a cancelled", "p/b skipped", "p/a queued", "p/b cancelled"]);
    let output = desk.run(&["job", "cancel", "1", "2", "3"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        "cancelled job 3 p/a@main\njob 1 p/a@main was cancelled already\njob 2 p/b@main was skipped already\n"
    );
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
    let (code, said) = desk.no(&["job", "cancel", "9"]);
    assert!(code == 3 && said.contains("there is no job 9"), "{said}");
}

#[test]
fn a_cancelled_job_is_run_again_with_those_that_were_skipped_and_keeps_what_it_had() {
    let desk = desk();
    let child = start(&desk, &["commit", "in", "x", "-m", "both"]);
    until("the first datum's end", || fs::read_to_string(desk.path("ran")).unwrap().contains("one"));
    let (code, said) = desk.no(&["job", "retry", "1"]);
    assert!(code == 1 && said.contains("job 1 is running: only one that failed, "), "{said}");
    desk.ok(&["job", "cancel", "1"]);
    child.wait_with_output().unwrap();
    desk.write("go", "");
    // Of the skipped one, what it waits for is run again as well.
    let said = desk.ok(&["job", "retry", "2"]);
    assert!(said.starts_with("job 2 again, as job 4 of run 2\n triggered: p/a (1 datum), p/b\n"), "{said}");
    assert_eq!(states(&desk), ["p/a cancelled", "p/b skipped", "p/a succeeded", "p/b succeeded"]);
    assert_eq!(desk.ok(&["cat", "p/b:list"]), "one\ntwo\n");
    let ran = fs::read_to_string(desk.path("ran")).unwrap();
    assert_eq!(ran.lines().filter(|line| *line == "one").count(), 1, "{ran}");
    let (code, said) = desk.no(&["job", "retry", "4"]);
    assert!(code == 1 && said.contains("job 4 has succeeded"), "{said}");
    // What comes to the same may be done again.
    desk.ok(&["job", "retry", "1"]);
    desk.write("x/three", "3");
    desk.ok(&["commit", "in", "x", "-m", "three"]);
    let (code, said) = desk.no(&["job", "retry", "1"]);
    assert!(code == 1 && said.contains("job 1 is overtaken: job 7 of the same branch"), "{said}");
}

#[test]
fn what_waits_for_a_job_that_is_run_again_reads_the_rest_as_it_is_now() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.ok(&["repo", "create", "truth"]);
    let go = desk.path("go").display().to_string();
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.a]\ninput = 'in:/*'\n\
             command = [\"sh\", \"-c\", \"[ $VDS_DATUM != two ] || [ -e {go} ] && cp $VDS_IN_IN/* $VDS_OUT\"]\n\
             [stage.b]\ninputs = {{ a = 'p/a:/', truth = 'truth:/' }}\n\
             command = [\"sh\", \"-c\", \"cat $VDS_IN_A/* $VDS_IN_TRUTH/* > $VDS_OUT/all\"]\n"
        ),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("truth.csv", "old\n");
    desk.ok(&["commit", "truth", "truth.csv", "-m", "truth"]);
    desk.write("x/one", "1\n");
    desk.ok(&["commit", "in", "x", "-m", "one"]);
    desk.write("x/two", "2\n");
    desk.no(&["commit", "in", "x", "-m", "two"]);
    desk.write("truth.csv", "new\n");
    desk.ok(&["commit", "truth", "truth.csv", "-m", "truth"]);
    assert_eq!(desk.ok(&["cat", "p/b:all"]), "1\nnew\n");
    desk.write("go", "");
    desk.ok(&["job", "retry", "3", "--no-run"]);
    desk.ok(&["run", "wait", "4"]);
    assert_eq!(desk.ok(&["cat", "p/b:all"]), "1\n2\nnew\n");
}

#[test]
fn a_queued_job_whose_stage_reads_something_else_since_is_skipped() {
    let desk = Desk::new();
    for repo in ["in", "other"] {
        desk.ok(&["repo", "create", repo]);
    }
    let file = "pipeline = 'p'\n[stage.a]\ninput = { name = 'x', from = 'in:/' }\ncommand = ['true']\n";
    desk.write("p.toml", file);
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/one", "1\n");
    desk.ok(&["commit", "in", "x", "-m", "one", "--no-run"]);
    desk.write("p.toml", &file.replace("in:/", "other:/"));
    desk.ok(&["pipeline", "update", "p.toml"]);
    let (code, said) = desk.no(&["run"]);
    assert!(
        code == 6 && said.contains("job 1 p/a@main skipped: the stage p/a reads something else since"),
        "{said}"
    );
}

#[test]
fn a_job_that_another_process_runs_can_be_followed() {
    let desk = desk();
    let running = start(&desk, &["commit", "in", "x", "-m", "both"]);
    let printed = fs::File::create(desk.path("printed")).unwrap();
    let mut following = desk.command(&["job", "logs", "1", "-f"]).stdout(printed).spawn().unwrap();
    let printed = || fs::read_to_string(desk.path("printed")).unwrap();
    // Of the second nothing is saved: it runs for ever.
    until("what both print", || {
        ["one", "two"].iter().all(|name| printed().contains(&format!("saw {name}\n")))
    });
    let so_far = || desk.ok(&["job", "show", "1"]);
    until("the first result", || so_far().contains("\n1 datum processed so far: 1 of 2 done in "));
    assert!(so_far().contains("\nread 1 B, wrote 1 B\n"), "{}", so_far());
    assert_eq!(desk.ok(&["datum", "list", "1"]), "processed  one\n");
    assert_eq!(desk.ok(&["run", "list", "--json"]).matches("\"processed\":1").count(), 1);
    desk.ok(&["job", "cancel", "1"]);
    assert!(following.wait().unwrap().success());
    let pieces = ["--- one\nsaw one\n", "--- two\nsaw two\n"];
    assert!(pieces.iter().all(|piece| printed().contains(piece)), "{}", printed());
    assert_eq!(printed().len(), pieces.concat().len());
    running.wait_with_output().unwrap();
    // What runs for a long time is no news in the record of operations.
    let told = desk.ok(&["op", "log", "--all", "--json"]);
    assert!(
        !told.contains("\"before\":\"running\",\"after\":\"running\"") && told.contains("cancelled"),
        "{told}"
    );
}

#[test]
fn the_next_process_counts_anew_what_a_dead_one_did() {
    let desk = desk();
    let mut killed = start(&desk, &["commit", "in", "x", "-m", "both"]);
    until("the first result", || desk.ok(&["job", "show", "1"]).contains("1 datum processed so far"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let waits = format!("queued      {:<25}  {:>7}  {:>7}  p/a@main  run 1 for in@main ", "-", "-", "-");
    assert!(desk.ok(&["job", "list"]).contains(&waits));
    desk.write("go", "");
    desk.ok(&["run"]);
    assert_eq!(desk.ok(&["datum", "list", "1"]), "reused     one\nprocessed  two\n");
    let job: Value = serde_json::from_str(&desk.ok(&["job", "show", "1", "--json"])).unwrap();
    let count = |what: &str| job[what].as_u64().unwrap();
    assert_eq!((count("processed"), count("reused"), count("bytes_read")), (1, 1, 1));
}
