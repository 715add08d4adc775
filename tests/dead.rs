//! Jobs whose process is gone: how they are shown, who takes them up, and when nobody does.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use desk::{Desk, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How the jobs stand, newest first.
fn states(desk: &Desk) -> Vec<String> {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    let state = |job: &Value| job["state"].as_str().unwrap().to_owned();
    list["jobs"].as_array().unwrap().iter().map(state).collect()
}

/// Starts a command that will not end by itself, and waits until its program has written the file `started`.
fn start(desk: &Desk, args: &[&str], started: &Path) -> Child {
    let child = desk.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the start of the program", || started.exists());
    child
}

/// A stage whose program stops for ever at the file `two`, once, and tells its number.
fn stopping(desk: &Path) -> String {
    let dir = desk.display();
    format!(
        r#"
pipeline = "p"
[stage.a]
input = "in:/*"
coalesce = false
command = ["sh", "-c", "echo $VDS_DATUM >> {dir}/ran; cp -r $VDS_IN_IN/. $VDS_OUT; if [ $VDS_DATUM = two ] && [ ! -e {dir}/pid ]; then echo $$ > {dir}/pid.new; mv {dir}/pid.new {dir}/pid; sleep 1000; fi"]
"#
    )
}

#[test]
fn the_job_of_a_killed_process_is_taken_up_by_the_next_commit() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("p.toml", &stopping(&desk.path("")));
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/two", "2");
    let pid = desk.path("pid");
    let mut killed = start(&desk, &["commit", "in", "x", "-m", "two"], &pid);
    killed.kill().unwrap();
    killed.wait().unwrap();
    desk.write("x/three", "3");
    desk.ok(&["commit", "in", "x", "-m", "three"]);
    assert_eq!(states(&desk), ["succeeded", "succeeded"]);
    assert_eq!(desk.ok(&["ls", "p/a"]), "three\ntwo\n");
    assert!(!fs::exists(desk.path(".vds/tmp/lease-1")).unwrap());
}

#[test]
fn a_commit_that_is_interrupted_while_its_jobs_run_says_how_they_go_on() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let then = "[stage.b]\ninput = 'p/a:/'\ncommand = ['true']\n";
    desk.write("p.toml", &(stopping(&desk.path("")) + then));
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/two", "2");
    let mut commit = desk.command(&["commit", "in", "x", "-m", "two"]);
    let child = commit.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("the start of the program", || desk.path("pid").exists());
    assert_eq!(states(&desk), ["queued", "running"]);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert_eq!(said, "error: interrupted\nhint: the commit is made; `vds run` goes on with its jobs\n");
    assert_eq!(states(&desk), ["queued", "queued"]);
    assert!(desk.ok(&["job", "show", "1"]).contains("\nstate queued\n"));
    assert_eq!(desk.ok(&["job", "list", "--state", "running", "--quiet"]), "");
    assert_eq!(desk.ok(&["job", "list", "--state", "queued", "--quiet"]), "2\n1\n");
    let again = desk.run(&["commit", "in", "x", "-m", "two"]);
    let said = String::from_utf8(again.stderr).unwrap();
    let nothing = "nothing differs from in@main: no commit was made\n";
    assert_eq!(said, format!("{nothing}waiting for `vds run`: 2 jobs of in@main\n"));
    desk.ok(&["run"]);
    assert_eq!(states(&desk), ["succeeded", "succeeded"]);
    let again = desk.run(&["commit", "in", "x", "-m", "two"]);
    assert_eq!(String::from_utf8(again.stderr).unwrap(), nothing);
}

#[test]
fn what_a_killed_vds_left_of_a_deleted_pipeline_is_skipped() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("p.toml", &stopping(&desk.path("")));
    desk.write("x/two", "2");
    let pid = desk.path("pid");
    desk.ok(&["pipeline", "create", "p.toml"]);
    let mut killed = start(&desk, &["commit", "in", "x", "-m", "two"], &pid);
    killed.kill().unwrap();
    killed.wait().unwrap();
    desk.ok(&["pipeline", "delete", "p"]);
    assert_eq!(states(&desk), ["skipped"]);
    desk.ok(&["run"]);
    // Now it is still running when the pipeline goes, and is killed after that.
    fs::remove_file(&pid).unwrap();
    let mut killed = start(&desk, &["pipeline", "create", "p.toml"], &pid);
    desk.ok(&["pipeline", "delete", "p"]);
    assert_eq!(states(&desk), ["skipped", "skipped"]);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let told = desk.ok(&["job", "show", "2"]);
    assert!(told.contains("the stage p/a no longer exists"), "{told}");
    desk.ok(&["run"]);
    assert_eq!(states(&desk), ["skipped", "skipped"]);
}
