//! Pipelines and stages that go while their jobs run: these jobs end, and all others go on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::{Child, Stdio};

use desk::{Desk, until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

/// Each job's stage, state and reason, by the names of the stages.
fn jobs(desk: &Desk) -> Vec<String> {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    let text = |job: &Value, what: &str| job[what].as_str().unwrap_or_default().to_owned();
    let told = |job: &Value| format!("{} {} {}", text(job, "stage"), text(job, "state"), text(job, "reason"));
    let mut all: Vec<String> = list["jobs"].as_array().unwrap().iter().map(told).collect();
    all.sort();
    all
}

/// A pipeline of a stage that says that it runs, waits, and is read by another one.
fn file(desk: &Desk, name: &str) -> String {
    let dir = desk.path("").display().to_string();
    let wait = format!(
        "echo $VDS_DATUM >> {dir}/ran-{name}; echo $$ > {dir}/{name}.new; mv {dir}/{name}.new {dir}/{name}; \
         until [ -e {dir}/go ]; do sleep 0.01; done; cp $VDS_IN_IN/* $VDS_OUT"
    );
    format!(
        "pipeline = '{name}'\n[stage.a]\ninput = 'in:/*'\nparallelism = 1024\ncommand = [\"sh\", \"-c\", \"{wait}\"]\n\
         [stage.b]\ninput = '{name}/a:/'\ncommand = ['true']\n"
    )
}

/// The pipelines `kept` and `gone`, which are about to see the file `x`.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    for name in ["kept", "gone"] {
        desk.write(&format!("{name}.toml"), &file(&desk, name));
        desk.ok(&["pipeline", "create", &format!("{name}.toml")]);
    }
    desk.write("inbox/x", "1");
    desk
}

fn start(desk: &Desk, args: &[&str], programs: &[&str]) -> (Child, Pid) {
    let child = desk.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("all programs", || programs.iter().all(|name| desk.path(name).exists()));
    let pid: i32 = fs::read_to_string(desk.path("gone")).unwrap().trim().parse().unwrap();
    (child, Pid::from_raw(pid).unwrap())
}

/// What becomes of the jobs of both, and that no datum ran twice.
fn check(desk: &Desk) {
    let gone = |stage: &str| format!("gone/{stage} skipped the stage gone/{stage} no longer exists");
    let mut jobs = jobs(desk);
    jobs.retain(|job| !job.starts_with("gone/new"));
    assert_eq!(jobs, [gone("a"), gone("b"), "kept/a succeeded ".into(), "kept/b succeeded ".into()]);
    assert_eq!(fs::read_to_string(desk.path("ran-kept")).unwrap(), "x\n");
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
}

#[test]
fn a_pipeline_that_is_deleted_ends_its_jobs_and_no_others() {
    let desk = desk();
    let (child, program) = start(&desk, &["commit", "in", "inbox", "-m", "x"], &["kept", "gone"]);
    let said = desk.ok(&["pipeline", "delete", "gone"]);
    let told = said.lines().filter(|line| line.starts_with("skipped job ")).count();
    assert_eq!(told, 2, "{said}");
    assert!(test_kill_process(program).is_err(), "the program is gone");
    desk.write("go", "");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains(" gone/a@main skipped: the stage gone/a no longer exists\n"), "{said}");
    assert!(said.contains(" kept/b@main: "), "{said}");
    check(&desk);
    // It comes again, and makes what it had not.
    desk.ok(&["undo"]);
    desk.ok(&["run"]);
    assert_eq!(desk.ok(&["ls", "gone/a", "--quiet"]), "x\n");
}

#[test]
fn stages_that_an_update_drops_end_at_once() {
    let desk = desk();
    desk.ok(&["commit", "in", "inbox", "-m", "x", "--no-run"]);
    let (child, program) = start(&desk, &["run"], &["kept", "gone"]);
    desk.write("gone.toml", "pipeline = 'gone'\n[stage.new]\ninput = 'in:/*'\ncommand = ['true']\n");
    desk.ok(&["pipeline", "update", "gone.toml"]);
    until("the end of the program", || test_kill_process(program).is_err());
    desk.write("go", "");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(6));
    check(&desk);
}

#[test]
fn a_pipeline_that_is_taken_back_while_it_is_made_ends_its_jobs() {
    let desk = desk();
    desk.ok(&["pipeline", "delete", "gone"]);
    desk.ok(&["repo", "delete", "gone/a"]);
    desk.ok(&["repo", "delete", "gone/b"]);
    desk.ok(&["commit", "in", "inbox", "-m", "x", "--no-run"]);
    desk.ok(&["pipeline", "create", "gone.toml", "--no-run"]);
    let (child, program) = start(&desk, &["run"], &["kept", "gone"]);
    desk.ok(&["undo"]);
    until("the end of the program", || test_kill_process(program).is_err());
    desk.write("go", "");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(6));
    check(&desk);
}

#[test]
fn what_watches_a_directory_goes_on() {
    let desk = desk();
    let (mut child, program) =
        start(&desk, &["watch", "inbox", "in", "--quiet-for", "0s"], &["kept", "gone"]);
    desk.ok(&["pipeline", "delete", "gone"]);
    assert!(test_kill_process(program).is_err(), "the program is gone");
    desk.write("go", "");
    until("the jobs that are left", || jobs(&desk).contains(&"kept/b succeeded ".to_owned()));
    check(&desk);
    desk.write("inbox/y", "2");
    until("what came later", || desk.run(&["cat", "kept/a:y"]).status.success());
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
    child.wait().unwrap();
}
