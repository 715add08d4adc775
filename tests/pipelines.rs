//! Pipelines as a person uses them: what runs when, what is never run twice, and what is left after a failure.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::{Child, Stdio};

use desk::Desk;
use serde_json::Value;

/// The repo `in`, and what is to be done with what is committed to it.
fn desk(pipeline: &str) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    if !pipeline.is_empty() {
        desk.write("p.toml", pipeline);
        desk.ok(&["pipeline", "create", "p.toml"]);
    }
    desk
}

fn commit(desk: &Desk, name: &str, text: &str) {
    desk.write(&format!("x/{name}"), text);
    desk.ok(&["commit", "in", "x", "-m", name]);
}

fn jobs(desk: &Desk) -> Vec<Value> {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    list["jobs"].as_array().unwrap().clone()
}

/// The newest job of a stage: its state, and how many datums were processed and reused.
fn newest(desk: &Desk, stage: &str) -> (String, u64, u64) {
    let job = jobs(desk).into_iter().find(|job| job["stage"] == stage).unwrap();
    let count = |what: &str| job[what].as_u64().unwrap();
    (job["state"].as_str().unwrap().to_owned(), count("processed"), count("reused"))
}

#[test]
fn two_processes_never_run_one_job_and_each_waits_for_its_own() {
    let desk = desk(
        r#"
pipeline = "p"
[stage.a]
input = "in:/*"
coalesce = false
command = ["sh", "-c", "cp -r $VDS_IN_IN/. $VDS_OUT"]
[stage.b]
input = "p/a:/*"
coalesce = false
command = ["sh", "-c", "cp -r $VDS_IN_A/. $VDS_OUT"]
"#,
    );
    for name in ["one", "two", "three"] {
        desk.write(&format!("x/{name}"), name);
        desk.ok(&["commit", "in", "x", "-m", name, "--no-run"]);
    }
    let runs: Vec<Child> =
        (0..4).map(|_| desk.command(&["run", "--json"]).stdout(Stdio::piped()).spawn().unwrap()).collect();
    let mut ran = Vec::new();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        ran.extend(answer["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_u64().unwrap()));
    }
    ran.sort_unstable();
    assert_eq!(ran, [1, 2, 3, 4, 5, 6]);
    assert_eq!(desk.ok(&["log", "p/b", "--oneline"]).lines().count(), 3);
}

const COPY: &str = r#"
pipeline = "p"
[stage.a]
input = "in@*:/*"
command = ["sh", "-c", "cp -r $VDS_IN_IN/. $VDS_OUT"]
[stage.b]
input = "p/a@*:/"
command = ["sh", "-c", "ls $VDS_IN_A > $VDS_OUT/list"]
"#;

#[test]
fn a_deleted_pipeline_can_be_made_again_and_finds_its_outputs_and_results() {
    let desk = desk(COPY);
    commit(&desk, "one", "1");
    desk.ok(&["pipeline", "delete", "p"]);
    desk.ok(&["pipeline", "create", "p.toml"]);
    assert_eq!(jobs(&desk).len(), 2);
    desk.ok(&["rerun", "p"]);
    assert_eq!(jobs(&desk).len(), 2);
    commit(&desk, "two", "2");
    assert_eq!(newest(&desk, "p/a"), ("succeeded".to_owned(), 1, 1));
    let shown: Value = serde_json::from_str(&desk.ok(&["pipeline", "show", "p", "--json"])).unwrap();
    assert_eq!(shown["version"], 2);
    desk.ok(&["pipeline", "delete", "p"]);
    desk.write("mine", "mine");
    desk.ok(&["commit", "p/a", "mine", "-m", "mine"]);
    let (code, said) = desk.no(&["pipeline", "create", "p.toml"]);
    assert!(code == 2 && said.contains("p/a") && said.contains("rename"), "{said}");
}

#[test]
fn a_stage_that_is_dropped_lets_go_of_its_output() {
    let desk = desk(COPY);
    commit(&desk, "one", "1");
    let (code, said) = desk.no(&["rm", "p/b", "list"]);
    assert!(code != 0 && said.contains("p/b"), "{said}");
    desk.write("p.toml", COPY.split("[stage.b]").next().unwrap());
    desk.ok(&["pipeline", "update", "p.toml"]);
    desk.ok(&["rm", "p/b", "list"]);
}

#[test]
fn an_update_runs_what_it_changes_and_what_reads_that() {
    let desk = desk("");
    let file = |b: &str| {
        let stage = |name: &str, input: &str, what: &str| {
            format!("[stage.{name}]\ninput = '{input}'\ncommand = ['sh', '-c', 'echo {what} > $VDS_OUT/f']\n")
        };
        let stages = [stage("a", "in@*:/*", "1"), stage("b", "p/a@*:/*", b), stage("c", "p/b@*:/*", "3")];
        format!("# {b}\npipeline = 'p'\n{}", stages.concat())
    };
    desk.write("p.toml", &file("2"));
    desk.ok(&["pipeline", "create", "p.toml"]);
    commit(&desk, "f", "1");
    let before = jobs(&desk).len();
    let state = desk.ok(&["op", "log", "--quiet"]);
    assert_eq!(desk.ok(&["pipeline", "update", "p.toml"]), "pipeline p is so already, as version 1\n");
    assert_eq!(desk.ok(&["op", "log", "--quiet"]), state);
    desk.write("p.toml", &file("two"));
    let would = desk.ok(&["pipeline", "update", "p.toml", "--dry-run"]);
    assert_eq!(
        would,
        "would make pipeline p, version 2\n p/b@main: code changed; 1 datum to run, 0 known\n \
         p/c@main: unchanged; waits for another stage\n"
    );
    desk.ok(&["pipeline", "update", "p.toml"]);
    let new = jobs(&desk).len() - before;
    let stage = |job: &Value| job["stage"].as_str().unwrap().to_owned();
    assert_eq!(jobs(&desk)[..new].iter().map(stage).collect::<Vec<_>>(), ["p/c", "p/b"]);
    // What says the same in other words is a version, and runs nothing.
    desk.write("p.toml", &format!("# more\n{}", file("two")));
    assert!(desk.ok(&["pipeline", "update", "p.toml"]).starts_with("pipeline p, version 3\n"));
    assert_eq!(jobs(&desk).len(), before + 2);
}

#[test]
fn a_pipeline_runs_on_every_branch_that_is_there_each_in_its_own_run() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("p.toml", COPY);
    commit(&desk, "one", "1");
    desk.ok(&["branch", "create", "in@feature/x"]);
    desk.ok(&["pipeline", "create", "p.toml", "--no-run"]);
    let mut seen: Vec<(String, u64, String)> = jobs(&desk)
        .iter()
        .map(|job| {
            let text = |what: &str| job[what].as_str().unwrap().to_owned();
            assert_eq!(text("state"), "queued");
            let input = &job["inputs"][0];
            assert_eq!(input["branch"], job["branch"]);
            assert!(if text("stage") == "p/b" { input["job"].is_u64() } else { input["commit"].is_string() });
            assert!(text("cause").starts_with(&format!("in@{} ", text("branch"))));
            (text("branch"), job["run"].as_u64().unwrap(), text("stage"))
        })
        .collect();
    seen.sort();
    let of = |branch: &str, run, stage: &str| (branch.to_owned(), run, stage.to_owned());
    let (x, main) = ("feature/x", "main");
    assert_eq!(seen, [of(x, 1, "p/a"), of(x, 1, "p/b"), of(main, 2, "p/a"), of(main, 2, "p/b")]);
    desk.ok(&["run"]);
    assert_eq!(desk.ok(&["cat", "p/b@feature/x:list"]), "one\n");
    // Either branch made it, and the other found it.
    let all = jobs(&desk);
    let sum = |what: &str| {
        all.iter().filter(|job| job["stage"] == "p/a").map(|job| job[what].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum("processed"), sum("reused")), (1, 1));
}

#[test]
fn a_commit_says_how_many_datums_it_triggers() {
    let desk = desk(COPY);
    commit(&desk, "one", "1");
    desk.write("x/two", "2");
    desk.write("x/three", "3");
    let said = desk.ok(&["commit", "in", "x", "-m", "more"]);
    assert!(said.contains(" triggered: p/a (2 datums), p/b\n"), "{said}");
}

#[test]
fn the_log_of_a_datum_is_found_where_it_ran() {
    let desk = desk(&COPY.replace("cp -r", "echo saw $VDS_DATUM; cp -r"));
    commit(&desk, "one", "1");
    commit(&desk, "two", "2");
    let id = desk.ok(&["job", "list", "p/a", "-n", "1", "--quiet"]);
    assert_eq!(desk.ok(&["job", "logs", id.trim()]), "--- two\nsaw two\n");
    assert_eq!(desk.ok(&["job", "logs", id.trim(), "--datum", "one"]), "saw one\n");
    let (code, said) = desk.no(&["job", "logs", id.trim(), "--datum", "three"]);
    assert!(code == 3 && said.contains("no datum three"), "{said}");
}

#[test]
fn what_is_no_pipeline_file_is_told_apart() {
    let desk = Desk::new();
    fs::write(desk.path("binary"), b"# a\n# \xff\n").unwrap();
    desk.write("long", &"# long\n".repeat(200_000));
    for (file, code, words) in [
        ("binary", 2, "binary:2:3: this is not UTF-8"),
        ("long", 2, "longer than 1 MiB"),
        ("/dev/zero", 2, "longer than 1 MiB"),
        ("absent", 3, "absent"),
        (".", 7, "directory"),
    ] {
        let (got, said) = desk.no(&["pipeline", "create", file]);
        assert!(got == code && said.contains(words) && said.lines().count() == 2, "{file}: {got} {said}");
    }
}

#[test]
fn queued_jobs_of_a_deleted_pipeline_are_not_run() {
    let desk = desk(COPY);
    desk.write("x/one", "1");
    desk.ok(&["commit", "in", "x", "-m", "one", "--no-run"]);
    desk.ok(&["pipeline", "delete", "p"]);
    let list = desk.ok(&["job", "list"]);
    assert!(list.lines().count() == 2 && list.lines().all(|line| line.contains("skipped")), "{list}");
    desk.ok(&["run"]);
}

#[test]
fn a_circle_through_two_pipelines_is_refused() {
    let desk = desk(COPY);
    desk.write("q.toml", "pipeline = \"q\"\n[stage.c]\ninput = \"p/b:/\"\ncommand = [\"true\"]\n");
    desk.ok(&["pipeline", "create", "q.toml"]);
    desk.write("p.toml", &COPY.replace("in@*:/*", "q/c@*:/*"));
    let (code, said) = desk.no(&["pipeline", "update", "p.toml"]);
    assert!(code == 2 && said.contains("p.toml:4:9: these stages wait for each other: "), "{said}");
    assert!(said.contains(": p/a, p/b, q/c\n") || said.contains(": q/c, p/a, p/b\n"), "{said}");
    desk.write("r.toml", "pipeline = 'r'\n[stage.a]\ninput = 'in:/'\ncommand = ['true']\n[stage.b]\ninput = { cross = ['r/a:/', 'r/c:/'] }\n\
                          command = ['true']\n[stage.c]\ninput = 'r/b:/'\ncommand = ['true']\n[stage.d]\ninput = 'r/c:/'\ncommand = ['true']\n");
    let (code, said) = desk.no(&["pipeline", "create", "r.toml"]);
    assert!(code == 2 && said.contains("r.toml:6:9: these stages wait for each other: r/b, r/c\n"), "{said}");
}

#[test]
fn a_pattern_that_changes_is_followed_though_no_file_has() {
    let desk = desk("pipeline = \"p\"\n[stage.bin]\ninput = \"in:/2024/*/*\"\nbin = {}\n");
    desk.write("x/2023/05/01/14/14.csv", "a");
    desk.write("x/2024/05/01/14/14.csv", "b");
    desk.ok(&["commit", "in", "x", "-m", "two years"]);
    assert_eq!(desk.ok(&["ls", "-r", "p/bin"]), "14/14/2024-05-01.csv\n");
    desk.write("p.toml", "pipeline = \"p\"\n[stage.bin]\ninput = \"in:/*/*/*\"\nbin = {}\n");
    desk.ok(&["pipeline", "update", "p.toml"]);
    assert_eq!(desk.ok(&["ls", "-r", "p/bin"]), "14/14/2023-05-01.csv\n14/14/2024-05-01.csv\n");
}

#[test]
fn a_revert_a_file_put_back_and_another_branch_run_nothing_again() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("p.toml", &format!("{COPY}[stage.bin]\ninput = \"in@*:/\"\nbin = {{}}\n"));
    desk.ok(&["pipeline", "create", "p.toml"]);
    for (name, text) in [("2024/05/01/14/14.csv", "a"), ("2024/05/02/14/14.csv", "b"), ("other", "c")] {
        commit(&desk, name, text);
    }
    let nothing_ran = |what: &str| {
        for stage in ["p/a", "p/b", "p/bin"] {
            let (state, processed, reused) = newest(&desk, stage);
            assert!(
                state == "succeeded" && processed == 0 && reused > 0,
                "{what}: {stage} {processed} {reused}"
            );
        }
    };
    let full = desk.ok(&["ls", "-r", "-l", "p/a"]);
    let first = desk.ok(&["log", "in", "--quiet"]).lines().next().unwrap().to_owned();
    desk.ok(&["rm", "in", "2024/05/02/14/14.csv"]);
    assert_eq!(desk.ok(&["ls", "-r", "p/a"]), "2024/05/01/14/14.csv\nother\n");
    desk.ok(&["cp", "in", &format!("in@{first}:2024/05/02/14/14.csv"), "2024/05/02/14/14.csv"]);
    nothing_ran("a file put back");
    assert_eq!(desk.ok(&["ls", "-r", "-l", "p/a"]), full);
    desk.ok(&["branch", "create", "in@feature/x", "--from", &first]);
    nothing_ran("another branch");
    desk.ok(&["branch", "move", "in", "main~2"]);
    desk.ok(&["branch", "move", "in", &first]);
    nothing_ran("a branch moved back");
    desk.ok(&["commit", "in@feature/y", "x", "-m", "the same files once more"]);
    nothing_ran("the same files on a new branch");
    assert_eq!(desk.ok(&["ls", "-r", "-l", "p/a@feature/y"]), full);
    desk.write("y/third", "d");
    desk.ok(&["commit", "in@feature/x", "y", "-m", "a day on the branch"]);
    desk.write("z/fourth", "e");
    desk.ok(&["commit", "in", "z", "-m", "a day on main"]);
    desk.ok(&["merge", "in", "feature/x"]);
    let (state, processed, _) = newest(&desk, "p/a");
    assert_eq!((state.as_str(), processed), ("succeeded", 0), "a merge");
    desk.ok(&["rerun", "p"]);
    desk.ok(&["rerun", "p/a", "--branch", "main", "--reprocess"]);
    assert_eq!(newest(&desk, "p/a").1, 4, "all anew");
}

#[test]
fn each_branch_is_measured_against_the_one_truth() {
    let desk = Desk::new();
    for repo in ["ticks", "truth"] {
        desk.ok(&["repo", "create", repo]);
    }
    let file = "pipeline = 'p'\n[stage.bin]\ninput = 'ticks@feature/*:/'\nbin = {}\n[stage.measure]\n\
                inputs = { bins = 'p/bin@*:/', truth = 'truth@main:/t.csv' }\nmeasure = {}\n";
    desk.write("p.toml", file);
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/2024/05/01/14/14.csv", "time,price\n2024-05-01T14:14:30Z,5\n");
    desk.ok(&["commit", "ticks", "x", "-m", "main is not watched"]);
    assert_eq!(jobs(&desk).len(), 0);
    // The second branch finds what the first one made.
    for (branch, count) in [("ticks@feature/a", "1 datum"), ("ticks@feature/b", "0 datums")] {
        let said = desk.ok(&["commit", branch, "x", "-m", "x"]);
        assert!(said.contains(&format!("p/bin ({count})\n")), "without a truth nothing is measured: {said}");
    }
    desk.write("t.csv", "date,price\n2024-05-01,5\n");
    desk.ok(&["commit", "truth", "t.csv", "-m", "truth"]);
    for branch in ["feature/a", "feature/b"] {
        let score = desk.ok(&["cat", &format!("p/measure@{branch}:score/14/14.csv")]);
        assert!(score.lines().count() == 2, "{score}");
    }
    let runs: std::collections::BTreeSet<u64> = jobs(&desk)
        .iter()
        .filter(|job| job["stage"] == "p/measure")
        .map(|job| job["run"].as_u64().unwrap())
        .collect();
    assert_eq!(runs.len(), 1, "one commit of the truth is one run");
}

#[test]
fn a_store_that_is_named_by_a_relative_path_serves_programs_elsewhere() {
    let desk = desk(
        r#"
pipeline = "p"
[stage.a]
input = "in:/*"
command = ["sh", "-c", "cp -r $VDS_IN_IN/. $VDS_OUT && echo x > $TMPDIR/x"]
"#,
    );
    desk.write("x/one", "text");
    desk.ok(&["--store", ".", "commit", "in", "x", "-m", "one"]);
    assert_eq!(desk.ok(&["cat", "p/a:one"]), "text");
}

#[test]
fn a_job_does_not_publish_into_a_repo_that_went_away_meanwhile() {
    let desk = desk("");
    let (vds, store) = (env!("CARGO_BIN_EXE_vds"), desk.path("").display().to_string());
    let delete = format!("{vds} --store {store} pipeline delete p && {vds} --store {store} repo delete p/a");
    desk.write(
        "p.toml",
        &format!(
            r#"
pipeline = "p"
[stage.a]
input = "in:/*"
command = ["sh", "-c", "cp -r $VDS_IN_IN/. $VDS_OUT; {delete}"]
"#
        ),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/one", "text");
    let (code, said) = desk.no(&["commit", "in", "x", "-m", "one"]);
    assert!(code == 6 && said.contains("the stage p/a no longer exists"), "{code} {said}");
    assert_eq!(newest(&desk, "p/a").0, "skipped");
    let _ = desk.no(&["cat", "p/a:one"]);
    assert!(desk.ok(&["log", "in"]).contains("one"));
}
