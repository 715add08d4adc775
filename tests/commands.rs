//! What a command stage can say of its inputs and its programs, seen from the outside.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::Command;

use desk::Desk;
use serde_json::Value;

/// A desk with the repos `a` and `b`, and a pipeline `p` with one stage `s`.
fn desk(stage: &str) -> Desk {
    let desk = Desk::new();
    for repo in ["a", "b"] {
        desk.ok(&["repo", "create", repo]);
    }
    desk.write("p.toml", &format!("pipeline = 'p'\n[stage.s]\n{stage}\n"));
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk
}

/// Commits files, given as `path=text`, to a repo, with what else is there staying.
fn commit(desk: &Desk, repo: &str, files: &[&str]) {
    for file in files {
        let (path, text) = file.split_once('=').unwrap();
        desk.write(&format!("in-{repo}/{path}"), &format!("{text}\n"));
    }
    desk.run(&["commit", repo, &format!("in-{repo}"), "-m", "files"]);
}

/// The files of the stage's output, as `path=text`, the lines of the text with commas between.
#[track_caller]
fn check(desk: &Desk, want: &[&str]) {
    let list: Value = serde_json::from_str(&desk.ok(&["ls", "-r", "p/s", "--json"])).unwrap();
    let paths = list["entries"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap());
    let file = |path: &str| {
        let text = desk.ok(&["cat", &format!("p/s:{path}")]);
        format!("{path}={}", text.trim_end().replace('\n', ","))
    };
    assert_eq!(paths.map(file).collect::<Vec<_>>(), want);
}

/// The newest job.
fn job(desk: &Desk) -> Value {
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "-n", "1", "--json"])).unwrap();
    list["jobs"][0].clone()
}

/// The newest job's state, and how many datums it processed, recovered and failed on.
#[track_caller]
fn check_job(desk: &Desk, state: &str, counts: [u64; 3]) {
    let job = job(desk);
    let got = ["processed", "recovered", "failed"].map(|what| job[what].as_u64().unwrap());
    assert_eq!((job["state"].as_str().unwrap(), got), (state, counts), "{job}");
}

#[test]
fn a_join_finds_files_of_one_key_and_says_which() {
    let desk = desk(
        r#"input = { join = [ { from = "a:/*/(*).csv", join_on = "$1" }, { from = "b:/(*)", join_on = "$1", outer_join = true } ] }
command = ["sh", "-c", 'cat "$VDS_IN_A"/*/*.csv "$VDS_IN_B"/* > "$VDS_OUT/$VDS_JOIN_ON_B" 2>/dev/null; true']"#,
    );
    commit(&desk, "a", &["x/one.csv=1", "x/two.csv=2"]);
    commit(&desk, "b", &["one=uno", "four=quattro"]);
    check(&desk, &["four=quattro", "one=1,uno"]);
    commit(&desk, "b", &["two=due"]);
    check(&desk, &["four=quattro", "one=1,uno", "two=2,due"]);
    check_job(&desk, "succeeded", [1, 0, 0]);
}

#[test]
fn a_group_is_one_datum_whatever_it_is_made_of() {
    let desk = desk(
        r#"input = { group = [ { from = "a:/(*)-*", group_by = "$1" }, { from = "b:/*/(*)", group_by = "$1" } ] }
command = ["sh", "-c", 'ls "$VDS_IN_A" > "$VDS_OUT/$VDS_GROUP_BY_A"; ls "$VDS_IN_B" >> "$VDS_OUT/$VDS_DATUM"']"#,
    );
    commit(&desk, "a", &["x-1=", "x-2=", "y-1="]);
    commit(&desk, "b", &["d/y=", "e/z="]);
    check(&desk, &["x=x-1,x-2", "y=y-1,d", "z=e"]);
    commit(&desk, "a", &["x-3="]);
    check(&desk, &["x=x-1,x-2,x-3", "y=y-1,d", "z=e"]);
    check_job(&desk, "succeeded", [1, 0, 0]);
}

#[test]
fn what_is_excepted_or_empty_runs_nothing() {
    let desk = desk(
        r#"input = { from = "a:/*", except = "/**/*.tmp", empty_files = true }
command = ["sh", "-c", 'cd "$VDS_IN_A" && find . -type f -size 0 | sort > "$VDS_OUT/$VDS_DATUM"']"#,
    );
    commit(&desk, "a", &["x/f=1", "x/g.tmp=1", "only/h.tmp=1"]);
    check(&desk, &["x=./x/f"]);
    // Neither what is left out nor what nobody sees makes work.
    commit(&desk, "a", &["x/f=2", "x/g.tmp=2", "only/h.tmp=2"]);
    check_job(&desk, "succeeded", [0, 0, 0]);
    commit(&desk, "a", &["x/i=1"]);
    check(&desk, &["x=./x/f,./x/i"]);
}

#[test]
fn a_script_comes_in_on_standard_input() {
    let desk = desk("input = 'a:/*'\ncommand = ['sh']\nstdin = ['x=$VDS_DATUM', 'echo $x > $VDS_OUT/$x']");
    commit(&desk, "a", &["f=1"]);
    check(&desk, &["f=f"]);
}

#[test]
fn a_datum_is_tried_again_with_an_empty_output() {
    let desk = desk(
        r#"input = "a:/*"
command = ["sh", "-c", 'touch "$VDS_OUT/$VDS_DATUM"; ls "$VDS_OUT"; if [ -e tried ]; then exit 3; fi; touch tried; touch "$VDS_OUT/waste"; exit 1']
tries = 3
accept_return_code = [3]"#,
    );
    commit(&desk, "a", &["f=1"]);
    check(&desk, &["f="]);
    check_job(&desk, "succeeded", [1, 0, 0]);
    let log = desk.ok(&["job", "logs", &job(&desk)["id"].to_string(), "--datum", "f"]);
    assert_eq!(log, "f\n[vds: \"sh\" ended with exit code 1]\n[vds: try 2 of 3]\nf\n");
}

#[test]
fn a_recovered_datum_fails_no_job_and_is_tried_again() {
    let desk = desk(
        r#"input = "a:/*"
command = ["sh", "-c", '[ ! -e "$VDS_IN_A/bad" ] && cp "$VDS_IN_A"/* "$VDS_OUT"']
err_cmd = ["test", "-d", "../in/a"]"#,
    );
    commit(&desk, "a", &["bad=1", "good=1"]);
    check(&desk, &["good=1"]);
    check_job(&desk, "succeeded", [1, 1, 0]);
    // Nothing has changed in it, and it is tried all the same.
    commit(&desk, "a", &["better=1"]);
    check(&desk, &["better=1", "good=1"]);
    check_job(&desk, "succeeded", [1, 1, 0]);
    // Nothing has changed at all, but somebody asks.
    let stage = job(&desk)["stage"].as_str().unwrap().to_owned();
    desk.ok(&["rerun", &stage]);
    check_job(&desk, "succeeded", [0, 1, 0]);
    desk.ok(&["rm", "a", "bad", "-m", "no more"]);
    check_job(&desk, "succeeded", [0, 0, 0]);
    assert_eq!(desk.ok(&["rerun", &stage]), format!("{stage}@main is made already\n"));
}

#[test]
fn a_limit_ends_a_program_and_is_named() {
    let desk = desk(
        r#"input = "a:/*"
command = ["sh", "-c", 'head -c 100000 /dev/zero > "$VDS_OUT/f"']
limits = { file_size = "50kB" }"#,
    );
    commit(&desk, "a", &["f=1"]);
    let job = job(&desk);
    assert_eq!(job["state"], "failed");
    let reason = job["reason"].as_str().unwrap();
    assert!(reason.contains("wrote a file of more than 50000 bytes, its limit"), "{reason}");
}

#[test]
fn a_job_has_a_time_of_its_own() {
    let desk = desk("input = 'a:/*'\ncommand = ['sleep', '100']\njob_timeout = '1s'");
    commit(&desk, "a", &["f=1", "g=1"]);
    let job = job(&desk);
    assert!(job["reason"].as_str().unwrap().contains("the job took longer than 1 s"), "{job}");
}

#[test]
fn an_incremental_stage_builds_on_its_last_output() {
    let desk = desk(
        r#"input = "a:/"
command = ["sh"]
stdin = """
cat "$VDS_PREVIOUS/all" 2>/dev/null > "$VDS_OUT/all"
cut -f1,3 "$VDS_CHANGES" | tr '\\t' ' ' >> "$VDS_OUT/all"
echo . >> "$VDS_OUT/all"
"""
incremental = true"#,
    );
    commit(&desk, "a", &["x=1", "y=1"]);
    check(&desk, &["all=A x,A y,."]);
    commit(&desk, "a", &["y=2", "z=1"]);
    desk.ok(&["rm", "a", "x", "-m", "gone"]);
    check(&desk, &["all=A x,A y,.,M y,A z,.,D x,."]);
    // What is laid out of each job is what its program found: nothing before the first.
    for (job, want) in [(1, "A x\nA y\n.\n"), (2, "A x\nA y\n.\nM y\nA z\n.\n")] {
        let place = desk.path(&format!("debug-{job}"));
        desk.ok(&["datum", "debug", &job.to_string(), "all", &place.display().to_string()]);
        assert!(Command::new(place.join("run.sh")).status().unwrap().success());
        assert_eq!(fs::read_to_string(place.join("out/all")).unwrap(), want);
    }
    // Who wants all anew does not build on what was there.
    desk.ok(&["rerun", "p/s", "--reprocess"]);
    check(&desk, &["all=A y,A z,."]);
}

#[test]
fn a_program_that_commits_what_its_stage_reads_leaves_the_jobs_to_others() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "a"]);
    let vds = format!("{} --store {}", env!("CARGO_BIN_EXE_vds"), desk.path("").display());
    let script = format!(
        "echo new > new; {vds} commit a new -m more 2> $VDS_OUT/said && ! {vds} run 2>> $VDS_OUT/said"
    );
    desk.write(
        "p.toml",
        &format!("pipeline = 'p'\n[stage.s]\ninput = 'a:/'\ncommand = ['sh']\nstdin = '{script}'\n"),
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    commit(&desk, "a", &["x=1"]);
    let said = desk.ok(&["cat", "p/s:said"]);
    assert!(
        said.contains("waits for the next `vds run`") && said.contains("might wait for itself"),
        "{said}"
    );
}

#[test]
fn every_job_runs_all_datums_where_that_is_wanted() {
    let desk =
        desk("input = 'a:/*'\ncommand = ['sh', '-c', 'cp $VDS_IN_A/* $VDS_OUT']\nreprocess = 'every_job'");
    commit(&desk, "a", &["x=1", "y=1"]);
    check_job(&desk, "succeeded", [2, 0, 0]);
    commit(&desk, "a", &["y=2"]);
    check_job(&desk, "succeeded", [2, 0, 0]);
    desk.ok(&["rm", "a", "x", "-m", "gone"]);
    check_job(&desk, "succeeded", [1, 0, 0]);
    check(&desk, &["y=2"]);
    let last = job(&desk)["id"].as_u64();
    desk.ok(&["rerun", job(&desk)["stage"].as_str().unwrap()]);
    check_job(&desk, "succeeded", [1, 0, 0]);
    assert!(job(&desk)["id"].as_u64() > last);
}

#[test]
fn a_link_to_an_input_passes_it_on() {
    let desk = desk(
        r#"input = "a:/"
command = ["sh", "-c", 'ln -s "$VDS_IN_A" "$VDS_OUT/all"; ln -s "$VDS_IN_A/d" "$VDS_OUT/dir"; ln -s "$VDS_IN_A/f" "$VDS_OUT/one"']"#,
    );
    commit(&desk, "a", &["f=1", "d/g=2"]);
    check(&desk, &["all/d/g=2", "all/f=1", "dir/g=2", "one=1"]);
}

#[test]
fn a_program_sees_its_files_under_fixed_names_and_a_tmp_of_its_own() {
    let stage = |isolation: &str, script: &str| {
        format!("input = 'a:/*'\ncommand = ['sh', '-c', '''{script}''']\nisolation = '{isolation}'")
    };
    let script = r#"ls -A /tmp > /pfs/out/tmp; touch /tmp/mine; cat /pfs/a/* > /pfs/out/$VDS_DATUM; touch /pfs/a/new 2>/dev/null && echo written > /pfs/out/bad; ln -s /pfs/a/f /pfs/out/link; test "$(pwd)" = /vds/code"#;
    let desk = desk(&stage("required", script));
    commit(&desk, "a", &["f=1"]);
    if job(&desk)["state"] == "failed" {
        // Where the system does not let programs have it, that is the reason, and nothing else.
        let reason = job(&desk)["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("cannot have a view of the file system of their own"), "{reason}");
        return;
    }
    check(&desk, &["f=1", "link=1", "tmp="]);
    assert_eq!(job(&desk)["isolation"], "namespaces");
    desk.write(
        "p.toml",
        &format!(
            "pipeline = 'p'\n[stage.s]\n{}\n",
            stage("none", "test ! -e /pfs/a && touch $VDS_OUT/shared")
        ),
    );
    desk.ok(&["pipeline", "update", "p.toml"]);
    check(&desk, &["shared="]);
    assert_eq!((&job(&desk)["isolation"], &job(&desk)["isolation_obstacle"]), (&"none".into(), &Value::Null));
}

#[test]
fn where_programs_cannot_have_a_view_of_their_own_it_is_said_why() {
    let desk = desk("input = 'a:/*'\ncommand = ['sh', '-c', 'test ! -e /pfs && touch $VDS_OUT/$VDS_DATUM']");
    desk.write("in/f", "1\n");
    // Whom a namespace does not know makes none within it.
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", env!("CARGO_BIN_EXE_vds"), "commit", "a", "in", "-m", "files"]);
    let output = unshare.current_dir(desk.path("")).env_remove("VDS_STORE").output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        println!("skipped: no namespace can be made here");
        return;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("note: programs run without /pfs").count(), 1, "{said}");
    assert_eq!(job(&desk)["isolation"], "none");
    let obstacle = job(&desk)["isolation_obstacle"].as_str().unwrap().to_owned();
    assert!(said.contains(&obstacle), "{said}: {obstacle}");
}

#[test]
fn a_program_that_is_not_there_is_told_in_any_view() {
    for isolation in ["auto", "none"] {
        let desk = desk(&format!("input = 'a:/*'\ncommand = ['no-such-program']\nisolation = '{isolation}'"));
        commit(&desk, "a", &["f=1"]);
        let reason = job(&desk)["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("there is no such program on the PATH"), "{reason}");
    }
}

#[test]
fn a_datum_finds_nothing_of_the_one_before() {
    let script = r#"test ! -e mine && test ! -e ../mine && test -z "$(ls -A "$TMPDIR")" && test -z "$(ls -A "$VDS_OUT")" || exit 9
touch mine ../mine; mkdir "$TMPDIR/d"; chmod 0 "$TMPDIR"; cd ..; rm -r code; ln -s in code
find in -name "[a-z]" | sort > "$VDS_OUT/$VDS_DATUM""#;
    let desk = desk(&format!(
        "input = 'a:/*'\ncommand = ['sh', '-c', '''{script}''']\nparallelism = 1\nisolation = 'none'"
    ));
    commit(&desk, "a", &["x=1", "y=1", "z=1"]);
    check(&desk, &["x=in/a,in/a/x", "y=in/a,in/a/y", "z=in/a,in/a/z"]);
    check_job(&desk, "succeeded", [3, 0, 0]);
}
