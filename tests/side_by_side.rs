//! Jobs that run at the same time: which do, which wait for each other, and what becomes of them when the store fails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs::{self, File};
use std::process::Stdio;

use desk::{Desk, until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

fn jobs(text: &str) -> Vec<(u64, String)> {
    let list: Value = serde_json::from_str(text).unwrap();
    let job = |job: &Value| (job["id"].as_u64().unwrap(), job["state"].as_str().unwrap().to_owned());
    list["jobs"].as_array().unwrap().iter().map(job).collect()
}

/// A program that says that it has begun, and ends when all of these others have begun.
fn meeting(desk: &Desk, own: &str, others: &[&str]) -> String {
    let dir = desk.path("").display().to_string();
    let wait: String =
        others.iter().map(|other| format!("until [ -e {dir}/{other} ]; do sleep 0.01; done; ")).collect();
    format!("[\"sh\", \"-c\", \"touch {dir}/{own}; {wait}touch $VDS_OUT/{own}\"]")
}

#[test]
fn jobs_of_different_stages_pipelines_and_branches_run_at_once() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    // More than there are processors, so that they need not wait for one.
    let stage = |own: &str, others: &[&str]| {
        format!("input = 'in@main:/'\ncommand = {}\nparallelism = 1024\n", meeting(&desk, own, others))
    };
    let (a, b, c) = (stage("a", &["b", "c"]), stage("b", &["a", "c"]), stage("c", &["a", "b"]));
    desk.write("p.toml", &format!("pipeline = 'p'\n[stage.a]\n{a}[stage.b]\n{b}"));
    desk.write("q.toml", &format!("pipeline = 'q'\n[stage.c]\n{c}"));
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.ok(&["pipeline", "create", "q.toml"]);
    desk.write("x", "1");
    let said = desk.ok(&["commit", "in", "x", "-m", "one", "--json"]);
    let done: Vec<(u64, String)> = (1..=3).map(|id| (id, "succeeded".to_owned())).collect();
    assert_eq!(jobs(&said), done);

    let place = desk.path("on").display().to_string();
    let wait = format!("until [ -e {place}-one ] && [ -e {place}-two ]; do sleep 0.01; done");
    desk.write(
        "r.toml",
        &format!(
            "pipeline = 'r'\n[stage.d]\ninput = 'in@{{one,two}}:/'\nparallelism = 1024\n\
             command = [\"sh\", \"-c\", \"touch {place}-$VDS_BRANCH; {wait}\"]\n"
        ),
    );
    for branch in ["one", "two"] {
        desk.ok(&["branch", "create", &format!("in@{branch}")]);
        desk.write(branch, branch);
        desk.ok(&["commit", &format!("in@{branch}"), branch, "-m", branch]);
    }
    desk.ok(&["pipeline", "create", "r.toml"]);
}

#[test]
fn jobs_of_one_branch_run_in_their_order_and_a_stage_keeps_to_its_parallelism() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    // A program that fails if another one of the stage runs.
    let script = format!(
        "mkdir {dir}/alone || exit 1; echo $VDS_BRANCH $(ls $VDS_IN_IN | wc -l) >> {dir}/ran; rmdir {dir}/alone"
    );
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.a]\ninput = 'in@*:/'\nparallelism = 1\ncoalesce = false\ncommand = [\"sh\", \"-c\", \"{script}\"]\n"
        ),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    for n in 1..=3 {
        for branch in ["in", "in@b", "in@c"] {
            if n == 1 && branch != "in" {
                desk.ok(&["branch", "create", branch, "--no-run"]);
            }
            desk.write(&format!("x/{n}"), branch);
            desk.ok(&["commit", branch, "x", "-m", "more", "--no-run"]);
        }
    }
    assert_eq!(desk.ok(&["run"]), "11 jobs run\n");
    let ran = fs::read_to_string(desk.path("ran")).unwrap();
    for branch in ["main", "b", "c"] {
        let own: Vec<&str> = ran.lines().filter_map(|line| line.strip_prefix(branch)).collect();
        assert!(own.is_sorted() && own.last() == Some(&" 3"), "{ran}");
    }
}

#[test]
fn what_two_branches_need_is_made_once_though_they_run_at_once() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    // The first datum of either branch is begun only when both jobs run.
    let script = format!(
        "echo $VDS_DATUM >> {dir}/ran; touch {dir}/on-$VDS_BRANCH; \
         case $VDS_DATUM in own-*) until [ -e {dir}/on-one ] && [ -e {dir}/on-two ]; do sleep 0.01; done;; esac; \
         cp -r $VDS_IN_IN/. $VDS_OUT"
    );
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.a]\ninput = 'in@{{one,two}}:/*'\nparallelism = 1024\ncommand = [\"sh\", \"-c\", \"{script}\"]\n\
             [stage.b]\ninput = 'p/a@*:/'\ncommand = ['true']\n"
        ),
    );
    desk.write("empty", "");
    desk.ok(&["commit", "in", "empty", "-m", "first"]);
    let shared: Vec<String> = (0..8).map(|n| format!("shared-{n}")).collect();
    for branch in ["one", "two"] {
        desk.ok(&["branch", "create", &format!("in@{branch}")]);
        let _ = fs::remove_dir_all(desk.path("x"));
        desk.ok(&["rm", &format!("in@{branch}"), "empty"]);
        shared.iter().for_each(|name| desk.write(&format!("x/{name}"), name));
        desk.write(&format!("x/own-{branch}"), branch);
        desk.ok(&["commit", &format!("in@{branch}"), "x", "-m", "files"]);
    }
    desk.ok(&["pipeline", "create", "p.toml"]);
    let ran = fs::read_to_string(desk.path("ran")).unwrap();
    let mut ran: Vec<&str> = ran.lines().collect();
    ran.sort_unstable();
    let want: Vec<&str> =
        ["own-one", "own-two"].into_iter().chain(shared.iter().map(String::as_str)).collect();
    assert_eq!(ran, want);
    for branch in ["one", "two"] {
        assert_eq!(desk.ok(&["ls", &format!("p/a@{branch}"), "--quiet"]).lines().count(), 9);
    }
    let counts = |job: &str, what: &str| {
        let job: Value = serde_json::from_str(&desk.ok(&["job", "show", job, "--json"])).unwrap();
        job[what].as_u64().unwrap()
    };
    assert_eq!(counts("1", "processed") + counts("2", "processed"), 10);
    assert_eq!(counts("1", "reused") + counts("2", "reused"), 8);
}

#[test]
fn a_failing_store_ends_what_runs_beside_and_all_is_taken_up_later() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    let stage = |name: &str, then: &str| {
        format!(
            "[stage.{name}]\ninput = 'in:/'\nparallelism = 1024\ncommand = [\"sh\", \"-c\", \
             \"echo $$ > {dir}/{name}.new; mv {dir}/{name}.new {dir}/{name}; {then}\"]\n"
        )
    };
    let quick = format!("until [ -e {dir}/go ]; do sleep 0.01; done");
    let slow = format!("[ -e {dir}/go ] || sleep 1000");
    desk.write("p.toml", &format!("pipeline = 'p'\n{}{}", stage("quick", &quick), stage("slow", &slow)));
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x", "1");
    desk.ok(&["commit", "in", "x", "-m", "one", "--no-run"]);
    let mut run = desk.command(&["--lock-timeout", "0", "run"]);
    let child = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("both programs", || desk.path("quick").exists() && desk.path("slow").exists());
    let pid: i32 = fs::read_to_string(desk.path("slow")).unwrap().trim().parse().unwrap();
    let lock = File::options().write(true).open(desk.path(".vds/lock")).unwrap();
    lock.lock().unwrap();
    desk.write("go", "");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(test_kill_process(Pid::from_raw(pid).unwrap()).is_err(), "the program is gone");
    drop(lock);
    assert_eq!(
        jobs(&desk.ok(&["job", "list", "--json"])),
        [(2, "queued".to_owned()), (1, "queued".to_owned())]
    );
    assert_eq!(desk.ok(&["run"]), "2 jobs run\n");
}

#[test]
fn two_processes_do_not_make_one_result_at_the_same_time() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    let script = format!(
        "echo $VDS_DATUM >> {dir}/ran; [ $VDS_DATUM = own ] || until [ -e {dir}/go ]; do sleep 0.01; done; \
         [ -e {dir}/good ] || [ $VDS_DATUM = own ]"
    );
    desk.write(
        "p.toml",
        &format!("pipeline = 'p'\n[stage.a]\ninput = 'in@*:/*'\ncommand = ['sh', '-c', '{script}']\n"),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    let ran = || fs::read_to_string(desk.path("ran")).unwrap_or_default();
    let start =
        |args: &[&str]| desk.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for (good, want) in [(true, "1 2 own"), (false, "1 1 2 2 own")] {
        for name in ["ran", "go", "good"] {
            let _ = fs::remove_file(desk.path(name));
        }
        let branch = format!("in@good-is-{good}");
        desk.write("x/1", &format!("{good} one"));
        desk.write("x/2", &format!("{good} two"));
        let mut first = start(&["commit", "in", "x", "-m", "both"]);
        until("the first program", || ran().contains('1'));
        desk.ok(&["branch", "create", &branch, "--no-run"]);
        desk.write("own", &format!("{good} own"));
        let mut second = start(&["commit", &branch, "own", "-m", "own"]);
        until("the datum that only the second has", || ran().contains("own"));
        until("its result", || desk.ok(&["job", "list", "-n", "1"]).contains("running"));
        if good {
            desk.write("good", "");
        }
        desk.write("go", "");
        assert_eq!([first.wait().unwrap().success(), second.wait().unwrap().success()], [good, good]);
        let ran = ran();
        let mut ran: Vec<&str> = ran.lines().collect();
        ran.sort_unstable();
        assert_eq!(ran.join(" "), want, "what failed in the one is tried in the other");
    }
}

#[test]
fn what_a_cancelled_job_was_making_is_made_by_who_wants_it_though_its_process_stands_still() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    let script = format!("echo x >> {dir}/ran; [ -e {dir}/go ] || exec sleep 3333.25");
    desk.write(
        "p.toml",
        &format!("pipeline = 'p'\n[stage.a]\ninput = 'in@*:/*'\ncommand = ['sh', '-c', '{script}']\n"),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x", "x");
    let mut first = desk.command(&["commit", "in", "x", "-m", "x"]).stdout(Stdio::null()).spawn().unwrap();
    until("the program", || desk.path("ran").exists());
    let pid = Pid::from_child(&first);
    kill_process(pid, Signal::STOP).unwrap();
    desk.write("go", "");
    let mut second = desk.command(&["branch", "create", "in@other"]).stdout(Stdio::null()).spawn().unwrap();
    until("the second job", || desk.ok(&["job", "list"]).matches("running").count() == 2);
    desk.ok(&["job", "cancel", "1"]);
    assert!(second.wait().unwrap().success());
    assert_eq!(fs::read_to_string(desk.path("ran")).unwrap().lines().count(), 2);
    kill_process(pid, Signal::CONT).unwrap();
    assert!(!first.wait().unwrap().success());
}
