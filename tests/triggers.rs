//! Triggers and clocks: what is let through when, and that nothing is let through twice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::io::Read as _;

use desk::{Desk, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A desk with the repo `in` and a pipeline.
fn desk(stages: &str) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("p.toml", &format!("pipeline = 'p'\n{stages}"));
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk
}

/// A stage that copies what its only input has.
fn copy(name: &str, input: &str) -> String {
    format!(
        "[stage.{name}]\ninput = {input}\ncommand = ['sh', '-c', 'for f in \"$VDS_IN\"/*/*; do cp \"$f\" \"$VDS_OUT/\"; done']\n"
    )
}

fn commit(desk: &Desk, target: &str, file: &str) {
    desk.write(file, file);
    desk.ok(&["commit", target, file, "-m", file]);
}

/// The files of a branch, by name; none if it is not there.
fn files(desk: &Desk, at: &str) -> Vec<String> {
    let output = desk.run(&["ls", at, "--quiet"]);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// How many jobs of the stage there were.
fn jobs(desk: &Desk, stage: &str) -> usize {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    list["jobs"].as_array().unwrap().iter().filter(|job| job["stage"] == stage).count()
}

#[test]
fn an_input_is_read_as_it_was_let_through_last() {
    let desk = desk(&copy("s", "{ from = 'in@main:/*', trigger = { commits = 2 } }"));
    commit(&desk, "in", "a");
    assert_eq!((jobs(&desk, "p/s"), files(&desk, "p/s")), (0, Vec::new()));
    commit(&desk, "in", "b");
    assert_eq!((jobs(&desk, "p/s"), files(&desk, "p/s")), (1, vec!["a".into(), "b".into()]));
    commit(&desk, "in", "c");
    desk.ok(&["run"]);
    assert_eq!((jobs(&desk, "p/s"), files(&desk, "p/s").len()), (1, 2));
    // A new version of the stage reads what the old one did.
    desk.write(
        "p.toml",
        &(format!("pipeline = 'p'\n{}", copy("s", "{ from = 'in@main:/*', trigger = { commits = 2 } }"))
            + "env = { A = 'b' }\n"),
    );
    desk.ok(&["pipeline", "update", "p.toml"]);
    assert_eq!((jobs(&desk, "p/s"), files(&desk, "p/s").len()), (2, 2));
    assert!(desk.ok(&["trigger", "list"]).starts_with("waits     p/s  input in (in@main)  2 commits\n"));
    desk.ok(&["trigger", "fire", "--stage", "p/s"]);
    assert_eq!((jobs(&desk, "p/s"), files(&desk, "p/s").len()), (3, 3));
    desk.ok(&["trigger", "fire", "--stage", "p/s"]);
    assert_eq!(jobs(&desk, "p/s"), 3);
    assert!(desk.ok(&["pipeline", "show", "p"]).contains("fresh"));
}

#[test]
fn what_was_let_through_is_taken_back_with_what_brought_it() {
    let desk = desk(&copy("s", "{ from = 'in@main:/*', trigger = { commits = 2 } }"));
    for file in ["a", "b", "c", "d"] {
        commit(&desk, "in", file);
    }
    assert_eq!(files(&desk, "p/s"), ["a", "b", "c", "d"]);
    desk.ok(&["undo"]);
    assert_eq!(files(&desk, "p/s"), ["a", "b"]);
    assert!(desk.ok(&["pipeline", "show", "p"]).contains("fresh"));
    desk.ok(&["redo"]);
    assert_eq!(files(&desk, "p/s"), ["a", "b", "c", "d"]);
    desk.ok(&["undo"]);
    // What a person let through is an operation like any other.
    let fired = desk.ok(&["trigger", "fire", "--stage", "p/s"]);
    let operation = fired.lines().find_map(|line| line.strip_prefix("undo: vds undo ")).unwrap().to_owned();
    assert_eq!(files(&desk, "p/s"), ["a", "b", "c"]);
    assert!(desk.ok(&["op", "show", &operation]).contains("p/s of in@main let through at"));
    desk.ok(&["undo"]);
    assert_eq!(
        (files(&desk, "p/s"), files(&desk, "in")),
        (vec!["a".into(), "b".into()], vec!["a".into(), "b".into(), "c".into()])
    );
}

#[test]
fn a_mark_of_what_is_complete_lets_through_when_it_comes_and_not_when_it_goes() {
    let desk = desk(&copy("s", "{ from = 'in@main:/*', trigger = { glob = '/done' } }"));
    commit(&desk, "in", "a");
    assert_eq!(jobs(&desk, "p/s"), 0);
    commit(&desk, "in", "done");
    assert_eq!(files(&desk, "p/s"), ["a", "done"]);
    desk.ok(&["rm", "in", "done", "-m", "more is to come"]);
    commit(&desk, "in", "b");
    assert_eq!((jobs(&desk, "p/s"), files(&desk, "p/s").len()), (1, 2));
    commit(&desk, "in", "done");
    assert_eq!(files(&desk, "p/s"), ["a", "b", "done"]);
}

#[test]
fn each_branch_waits_by_itself_and_other_inputs_do_not_wait() {
    let cross = "{ cross = [ { name = 'a', from = 'in@*:/*', trigger = { files = 2 } }, { name = 'b', from = 'more@main:/*' } ] }";
    let stage = format!(
        "[stage.s]\ninput = {cross}\ncommand = ['sh', '-c', 'cat \"$VDS_IN_A\"/* \"$VDS_IN_B\"/* > \"$VDS_OUT/$VDS_UNIT_A-$VDS_UNIT_B\"']\n"
    );
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.ok(&["repo", "create", "more"]);
    desk.write("p.toml", &format!("pipeline = 'p'\n{stage}"));
    desk.ok(&["pipeline", "create", "p.toml"]);
    commit(&desk, "more", "x");
    commit(&desk, "in@one", "a");
    commit(&desk, "in@two", "c");
    commit(&desk, "in@one", "b");
    assert_eq!(files(&desk, "p/s@one"), ["a-x", "b-x"]);
    assert!(files(&desk, "p/s@two").is_empty());
    // The other input comes at once, and meets what was let through.
    commit(&desk, "in@one", "d");
    commit(&desk, "more", "y");
    assert_eq!(files(&desk, "p/s@one"), ["a-x", "a-y", "b-x", "b-y"]);
}

#[test]
fn a_trigger_waits_for_what_another_stage_makes_in_the_same_run() {
    let stages = copy("first", "'in@main:/*'")
        + &copy("second", "{ from = 'p/first@main:/*', trigger = { files = 2 } }");
    let desk = desk(&(stages + &copy("third", "'p/second@main:/*'")));
    commit(&desk, "in", "a");
    assert_eq!((jobs(&desk, "p/first"), jobs(&desk, "p/second")), (1, 0));
    commit(&desk, "in", "b");
    assert_eq!(files(&desk, "p/third"), ["a", "b"]);
    let shown: Value = serde_json::from_str(&desk.ok(&["run", "list", "--json"])).unwrap();
    assert_eq!(shown["runs"].as_array().unwrap().len(), 2, "all that a commit causes is one run");
    assert_eq!(shown["runs"][0]["states"]["succeeded"], 3);
}

#[test]
fn a_branch_that_follows_moves_with_the_commit_and_what_both_cause_is_one_run() {
    let desk = desk(&(copy("early", "'in@staging:/*'") + &copy("late", "'in@main:/*'")));
    desk.ok(&["branch", "create", "in@main", "--trigger", "staging", "--glob", "/done"]);
    desk.ok(&["trigger", "set", "in@last", "main"]);
    commit(&desk, "in@staging", "a");
    assert_eq!((jobs(&desk, "p/early"), jobs(&desk, "p/late")), (1, 0));
    commit(&desk, "in@staging", "done");
    assert_eq!(files(&desk, "p/late"), ["a", "done"]);
    assert_eq!(files(&desk, "in@last"), ["a", "done"]);
    let shown: Value = serde_json::from_str(&desk.ok(&["run", "list", "--json"])).unwrap();
    assert_eq!(shown["runs"].as_array().unwrap().len(), 2);
    // One step forward, one back: what follows goes back with what it followed.
    desk.ok(&["undo"]);
    assert_eq!(files(&desk, "in@staging"), ["a"]);
    assert!(files(&desk, "in@main").is_empty() && files(&desk, "in@last").is_empty());
    // A merge is as good as a commit.
    commit(&desk, "in@other", "done");
    desk.ok(&["merge", "in@staging", "other", "--allow-unrelated"]);
    assert_eq!(files(&desk, "in@main"), ["a", "done"]);
}

#[test]
fn time_alone_is_noticed_by_a_run() {
    let desk = desk(&copy("s", "'in@main:/*'"));
    desk.ok(&["trigger", "set", "in@main", "staging", "--quiet-for", "1s"]);
    commit(&desk, "in@staging", "a");
    until("the quiet", || desk.ok(&["run"]) == "1 job run\n");
    assert_eq!(files(&desk, "p/s"), ["a"]);
    let log = desk.ok(&["op", "log"]);
    assert!(log.contains("in@main begins at"), "{log}");
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
    desk.ok(&["undo"]);
    assert!(files(&desk, "in@main").is_empty());
    // What a person took back stays so, until more comes or a person says so.
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
    assert!(files(&desk, "in@main").is_empty());
    assert!(desk.ok(&["trigger", "list"]).starts_with("held      in@main"));
    commit(&desk, "in@staging", "b");
    until("the quiet after that", || desk.ok(&["run"]) == "1 job run\n");
    assert_eq!(files(&desk, "p/s"), ["a", "b"]);
    desk.ok(&["undo"]);
    desk.ok(&["trigger", "fire", "in@main"]);
    assert_eq!(files(&desk, "in@main"), ["a", "b"]);
}

#[test]
fn a_clock_makes_up_for_moments_that_nobody_saw() {
    let years = "{ cron = '0 0 1 1 *', start = '2019-06-01T00:00:00Z' }";
    let stages = format!(
        "[stage.all]\ninput = {years}\ncommand = ['sh', '-c', 'echo $VDS_UNIT_TICK > $VDS_OUT/$VDS_UNIT_TICK']\n\
         [stage.last]\ninput = {{ name = 'year', cron = '0 0 1 1 *', start = '2019-06-01T00:00:00Z', overwrite = true }}\n\
         command = ['sh', '-c', 'cp $VDS_IN_YEAR/* $VDS_OUT/']\n"
    );
    let desk = desk(&stages);
    assert_eq!(desk.ok(&["run"]), "2 jobs run\n");
    let all = files(&desk, "p/all");
    assert_eq!(all[..3], ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z"]);
    assert_eq!(files(&desk, "p/last"), all[all.len() - 1..]);
    assert_eq!(desk.ok(&["cat", &format!("p/last/year:{}", all[all.len() - 1])]).trim(), all[all.len() - 1]);
    // Nothing has passed since: nothing runs.
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
    assert_eq!(jobs(&desk, "p/all"), 1);
    // A clock's repo is the pipeline's alone, while there is one, and a new one finds where it stood.
    let (code, said) = desk.no(&["commit", "p/all/tick", "p.toml", "-m", "x"]);
    assert!(code == 2 && said.contains("p/all/tick"), "{said}");
    desk.ok(&["pipeline", "delete", "p"]);
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.ok(&["run"]);
    assert_eq!(files(&desk, "p/all/tick"), all);
    assert_eq!(files(&desk, "p/all"), all);
    // Clocks survive the loss of the facts.
    std::fs::remove_dir_all(desk.path(".vds/meta")).unwrap();
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
}

#[test]
fn a_paused_pipeline_hears_no_clock_and_lets_nothing_through() {
    let desk = desk(
        &(copy("s", "{ from = 'in@main:/*', trigger = { commits = 1 } }")
            + &copy("c", "{ cron = '@yearly', start = '2019-06-01T00:00:00Z' }")),
    );
    desk.ok(&["pipeline", "pause", "p"]);
    commit(&desk, "in", "a");
    assert_eq!(desk.ok(&["run"]), "0 jobs run\n");
    desk.ok(&["pipeline", "resume", "p"]);
    assert_eq!(desk.ok(&["run"]), "2 jobs run\n");
    assert_eq!(files(&desk, "p/s"), ["a"]);
}

#[test]
fn what_a_branch_follows_goes_with_its_name_and_ends_with_it() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    commit(&desk, "in@staging", "a");
    desk.ok(&["branch", "create", "in@main", "--trigger", "staging"]);
    assert_eq!(files(&desk, "in@main"), ["a"]);
    desk.ok(&["branch", "rename", "in@staging", "feed"]);
    desk.ok(&["branch", "rename", "in@main", "clean"]);
    commit(&desk, "in@feed", "b");
    assert_eq!(files(&desk, "in@clean"), ["a", "b"]);
    desk.ok(&["branch", "delete", "in@clean"]);
    assert_eq!(desk.ok(&["trigger", "list"]), "");
    commit(&desk, "in@feed", "c");
    assert!(files(&desk, "in@clean").is_empty());
    desk.ok(&["undo"]);
    desk.ok(&["undo"]);
    assert!(desk.ok(&["trigger", "list"]).starts_with("level     in@clean  follows in@feed"));
    desk.ok(&["repo", "delete", "in"]);
    assert_eq!(desk.ok(&["trigger", "list"]), "");
}

/// A process that is killed when the test ends, however it does.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_watches_runs_what_others_queue_and_what_becomes_due_and_outlives_failures() {
    let flag = "test -e $VDS_IN_IN/bad && exit 3; cp $VDS_IN_IN/* $VDS_OUT/";
    let stages = format!("[stage.s]\ninput = 'in@main:/'\ncommand = ['sh', '-c', '{flag}']\n");
    let desk = desk(&stages);
    desk.ok(&["trigger", "set", "in@main", "staging", "--quiet-for", "1s"]);
    let mut watch = desk.command(&["run", "--watch"]);
    watch.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut watch = Killed(watch.spawn().unwrap());
    desk.write("a", "a");
    desk.ok(&["commit", "in", "a", "-m", "a", "--no-run"]);
    until("the first job", || files(&desk, "p/s") == ["a"]);
    desk.write("bad", "bad");
    desk.ok(&["commit", "in", "bad", "-m", "bad", "--no-run"]);
    until("the failure", || desk.ok(&["job", "list", "--state", "failed", "--quiet"]).lines().count() == 1);
    desk.ok(&["rm", "in", "bad", "-m", "good again", "--no-run"]);
    desk.ok(&["branch", "create", "in@staging"]);
    desk.write("b", "b");
    desk.ok(&["commit", "in@staging", "b", "-m", "b", "--no-run"]);
    until("what is due by time alone", || files(&desk, "p/s") == ["a", "b"]);
    until("the end of its job", || desk.ok(&["job", "list", "--state", "running", "--quiet"]).is_empty());
    kill_process(Pid::from_child(&watch.0), Signal::INT).unwrap();
    let mut said = String::new();
    watch.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(watch.0.wait().unwrap().code(), Some(130));
    assert!(
        said.ends_with(
            "ended; `vds run --watch` goes on, also with jobs that ran just now; `vds run` does so once\n"
        ),
        "{said}"
    );
}
