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
        "cp -r $VDS_IN_IN/. $VDS_OUT; echo $VDS_DATUM >> {dir}/ran; [ -e {dir}/go ] && exit; \
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
    assert_eq!(
        desk.ok(&["job", "cancel", "1"]),
        "cancelled job 1 p/a@main\nskipped job 2 p/b@main, which waited for it\n"
    );
    assert!(test_kill_process(Pid::from_raw(pid).unwrap()).is_err(), "the program is gone");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("job 1 p/a@main cancelled: Ann cancelled it\n"), "{said}");
    assert!(said.contains("error: 1 job cancelled: job 1 (p/a@main): Ann cancelled it\n"), "{said}");
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
        "cancelled job 3 p/a@main\njob 1 p/a@main was cancelled before\njob 2 p/b@main was skipped before\n"
    );
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
    let (code, said) = desk.no(&["job", "cancel", "9"]);
    assert!(code == 3 && said.contains("there is no job 9"), "{said}");
}
