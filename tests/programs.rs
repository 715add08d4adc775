//! Command stages as a person uses them: what a program finds, what it may do, and what becomes of what it leaves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use desk::{Desk, processes, until};

/// A desk with files `one` and `two` to be committed, and a stage that runs the script `do.sh` on each.
fn desk(script: &str, more: &str) -> Desk {
    let desk = Desk::with_script(script, &format!("input = 'in:/*'\n{more}"));
    desk.write("x/one", "1\n");
    desk.write("x/two", "2\n");
    desk
}

fn commit(desk: &Desk) {
    desk.ok(&["commit", "in", "x", "-m", "x"]);
}

/// Commits, and returns why the job failed and what its datums printed.
#[track_caller]
fn fails(desk: &Desk) -> (String, String) {
    let (code, said) = desk.no(&["commit", "in", "x", "-m", "x"]);
    assert_eq!(code, 6, "{said}");
    assert_eq!(desk.ok(&["branch", "list", "p/a", "--quiet"]), "", "something was published");
    let id = desk.ok(&["job", "list", "-n", "1", "--quiet"]);
    (said, desk.ok(&["job", "logs", id.trim()]))
}

#[test]
fn a_program_finds_what_it_needs() {
    let desk = desk("env; ls; cat; echo kept > $TMPDIR/x; ls $VDS_IN_IN", "env = { MINE = 'y' }\n");
    fs::remove_file(desk.path("x/two")).unwrap();
    commit(&desk);
    let log = desk.ok(&["job", "logs", "1", "--datum", "one"]);
    for line in [
        "VDS_BRANCH=main",
        "VDS_BRANCH_IN=main",
        "VDS_DATUM=one",
        "VDS_JOB=1",
        "VDS_PIPELINE=p",
        "VDS_REPO=p/a",
        "VDS_RUN=1",
        "VDS_STAGE=a",
        "VDS_UNIT_IN=one",
        "do.sh",
        "one",
    ] {
        assert!(log.lines().any(|found| found == line), "{line}: {log}");
    }
    assert_eq!(desk.ok(&["ls", "p/a"]), "");
    let left: Vec<_> = fs::read_dir(desk.path(".vds/tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn inputs_are_for_reading_and_the_store_is_out_of_reach() {
    let desk =
        desk("chmod -R u+w $VDS_IN; echo spoilt > $VDS_IN_IN/$VDS_DATUM; ls -ld $VDS_IN_IN $VDS_IN_IN/*", "");
    commit(&desk);
    assert_eq!(desk.ok(&["cat", "in:one"]), "1\n");
    let plain = self::desk("stat -c %a $VDS_IN_IN $VDS_IN_IN/*", "");
    commit(&plain);
    assert_eq!(plain.ok(&["job", "logs", "1", "--datum", "one"]), "555\n444\n");
}

#[test]
fn much_output_is_cut_in_the_middle() {
    let desk = desk("echo first; yes 0123456789 | head -c 60000000; echo last", "");
    commit(&desk);
    let log = desk.ok(&["job", "logs", "1", "--datum", "one"]);
    assert!(log.len() < 17 << 20 && log.len() > 15 << 20, "{}", log.len());
    assert!(log.starts_with("first\n0123456789\n") && log.ends_with("last\n"));
    assert!(log.contains("\n[vds: 43222795 bytes are left out here]\n"), "{}", log.len());
}

#[test]
fn a_program_that_takes_too_long_is_killed_with_all_that_it_started() {
    let desk = desk("echo begun; sleep 7777.25 & sleep 7777.25", "timeout = '1s'\n");
    let (said, log) = fails(&desk);
    assert!(said.contains("datum one: it took longer than 1 s") && said.contains("vds job logs 1"), "{said}");
    assert!(log.contains("begun"), "{log}");
    until("the end of all that it started", || processes("7777.25") == 0);
}

#[test]
fn what_a_program_leaves_running_is_not_waited_for() {
    let desk = desk("sleep 8888 & echo done > $VDS_OUT/$VDS_DATUM", "");
    commit(&desk);
    assert_eq!(desk.ok(&["ls", "p/a"]), "one\ntwo\n");
}

/// Starts a command that will not end by itself, and waits until its program has written the file `started`.
fn start(desk: &Desk, args: &[&str], started: &Path) -> Child {
    let child = desk.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the start of the program", || started.exists());
    child
}

#[test]
fn programs_do_not_outlive_a_killed_vds_and_what_was_done_is_not_done_again() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").display().to_string();
    // `slow` says its number and hangs, once. `one` and `two` have long been done and saved by then.
    let script = format!(
        "echo $VDS_DATUM >> {dir}ran\ncp $VDS_IN_IN/* $VDS_OUT\n[ $VDS_DATUM = slow ] || exit 0\n\
         [ ! -e {dir}pid ] || exit 0\nsleep 9999 & echo $! $$ > {dir}pid.new\nmv {dir}pid.new {dir}pid\nwait\n"
    );
    desk.write("do.sh", &script);
    desk.write(
        "p.toml",
        "pipeline = 'p'\n[stage.a]\ninput = 'in:/*'\ncommand = ['sh', 'do.sh']\ncode = ['do.sh']\n",
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    for name in ["one", "slow", "two"] {
        desk.write(&format!("x/{name}"), name);
    }
    let mut killed = start(&desk, &["commit", "in", "x", "-m", "x"], &desk.path("pid"));
    let saved = || {
        let operations = fs::read_dir(desk.path(".vds/journal")).unwrap();
        let bytes: Vec<u8> = operations.flatten().flat_map(|file| fs::read(file.path()).unwrap()).collect();
        bytes.windows(8).any(|window| window == b"results/")
    };
    until("the saving of results", saved);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let pids = fs::read_to_string(desk.path("pid")).unwrap();
    for pid in pids.split_whitespace() {
        let gone = || {
            // One that nobody has waited for yet is dead all the same.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.rsplit(") ").next().unwrap().starts_with('Z')
        };
        until("the end of the program", gone);
    }
    desk.ok(&["run"]);
    let ran = fs::read_to_string(desk.path("ran")).unwrap();
    let times = |name: &str| ran.lines().filter(|line| *line == name).count();
    assert_eq!((times("slow"), times("one") + times("two")), (2, 2), "{ran}");
    assert_eq!(desk.ok(&["ls", "p/a"]), "one\nslow\ntwo\n");
}

#[test]
fn a_failed_job_keeps_what_was_done_and_names_what_failed() {
    let desk = desk(
        "echo $VDS_DATUM >> $RAN; echo see $VDS_DATUM; cp $VDS_IN_IN/* $VDS_OUT; ! grep 2 $VDS_IN_IN/*",
        "",
    );
    let ran = desk.path("ran");
    let file = fs::read_to_string(desk.path("p.toml")).unwrap();
    desk.write("p.toml", &format!("{file}env = {{ RAN = '{}' }}\n", ran.display()));
    desk.ok(&["pipeline", "update", "p.toml"]);
    let (said, log) = fails(&desk);
    assert!(said.contains("datum two: \"sh\" ended with exit code 1"), "{said}");
    assert!(said.contains("`vds job logs 1` shows what it printed"), "{said}");
    assert_eq!(log, "--- one\nsee one\n--- two\nsee two\n2\n[vds: \"sh\" ended with exit code 1]\n");
    assert_eq!(desk.ok(&["job", "logs", "1", "--datum", "one"]), "see one\n");
    assert_eq!(
        desk.ok(&["job", "logs", "1", "--datum", "two"]),
        "see two\n2\n[vds: \"sh\" ended with exit code 1]\n"
    );
    desk.write("x/two", "3\n");
    commit(&desk);
    assert_eq!(desk.ok(&["ls", "p/a"]), "one\ntwo\n");
    let ran = fs::read_to_string(ran).unwrap();
    assert_eq!(ran.lines().filter(|line| *line == "one").count(), 1, "{ran}");
}

#[test]
fn programs_that_cannot_be_started_are_told_of() {
    for (command, want) in [
        ("['no-such-program-here']", "there is no such program on the PATH"),
        ("['./absent']", "there is no such file"),
        ("['./do.sh']", "it may not be executed"),
    ] {
        let desk = Desk::new();
        desk.ok(&["repo", "create", "in"]);
        desk.write("do.sh", "#!/bin/sh\n");
        desk.write("x/one", "1");
        desk.write(
            "p.toml",
            &format!("pipeline = 'p'\n[stage.a]\ninput = 'in:/*'\ncommand = {command}\ncode = ['do.sh']\n"),
        );
        desk.ok(&["pipeline", "create", "p.toml"]);
        let (said, _) = fails(&desk);
        assert!(said.contains("cannot start") && said.contains(want), "{said}");
    }
    let desk = desk("", "");
    desk.write("do.sh", "#!/bin/sh\necho ran > $VDS_OUT/$VDS_DATUM\n");
    fs::set_permissions(desk.path("do.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let file = fs::read_to_string(desk.path("p.toml")).unwrap();
    desk.write("p.toml", &file.replace("'sh', 'do.sh'", "'./do.sh'"));
    desk.ok(&["pipeline", "update", "p.toml"]);
    commit(&desk);
    assert_eq!(desk.ok(&["cat", "p/a:one"]), "ran\n");
}

#[test]
fn links_in_the_output_stay_inside_or_become_files() {
    let desk = desk(
        "mkdir $VDS_OUT/$VDS_DATUM; cd $VDS_OUT/$VDS_DATUM; ln -s $VDS_IN_IN/$VDS_DATUM copied; echo x > file; \
         ln -s file link; ln file hard; ln -s nowhere/yet dangling; mkfifo $TMPDIR/fifo",
        "",
    );
    commit(&desk);
    assert_eq!(desk.ok(&["cat", "p/a:one/copied"]), "1\n");
    let kinds = desk.ok(&["ls", "-r", "--json", "p/a"]);
    let kinds: serde_json::Value = serde_json::from_str(kinds.lines().next().unwrap()).unwrap();
    let kind = |path: &str| {
        let files = kinds["files"].as_array().or(kinds["entries"].as_array()).unwrap();
        files.iter().find(|file| file["path"] == path).unwrap()["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        ["copied", "link", "hard", "dangling"].map(|name| kind(&format!("one/{name}"))),
        ["file", "symlink", "file", "symlink"]
    );
}

#[test]
fn nothing_of_the_output_is_left_out() {
    let desk = desk(
        "cd $VDS_OUT; echo '*.tmp' > .vdsignore; echo x > $VDS_DATUM.tmp; mkdir .git; echo y > .git/$VDS_DATUM",
        "on_conflict = 'last'\n",
    );
    commit(&desk);
    assert_eq!(desk.ok(&["ls", "-r", "p/a"]), ".git/one\n.git/two\n.vdsignore\none.tmp\ntwo.tmp\n");
}

#[test]
fn output_that_cannot_be_kept_fails_the_datum() {
    for (script, want) in [
        ("ln -s /etc/passwd $VDS_OUT/x", "leads out of it, to /etc/passwd"),
        ("ln -s ../../x $VDS_OUT/x", "leads out of it, to ../../x"),
        ("mkdir $VDS_OUT/empty; mkfifo $VDS_OUT/x", "x in the output is a socket, a pipe or a device"),
        ("touch $VDS_OUT/$(printf 'a\\377b')", "UTF-8"),
        ("mkdir $VDS_OUT/.vds; touch $VDS_OUT/.vds/x", "it has a segment '.vds'"),
        ("rmdir $VDS_OUT; ln -s / $VDS_OUT", "replaced its output directory"),
    ] {
        // In a view of its own a program cannot take its output directory away.
        let more = if script.starts_with("rmdir") { "isolation = 'none'\n" } else { "" };
        let desk = desk(script, more);
        let (said, log) = fails(&desk);
        assert!(said.contains("datum one: ") && said.contains(want), "{script}: {said}");
        assert!(log.contains(want), "{script}: {log}");
    }
}

#[test]
fn two_datums_that_write_one_path_are_both_named_every_time() {
    let desk = desk("echo see $VDS_DATUM; cat $VDS_IN_IN/* > $VDS_OUT/all", "");
    let (said, _) = {
        let (code, said) = desk.no(&["commit", "in", "x", "-m", "x"]);
        (said, code)
    };
    assert!(said.contains("two datums wrote all: one (from one) and two (from two)"), "{said}");
    assert_eq!(desk.ok(&["job", "logs", "1"]), "--- one\nsee one\n--- two\nsee two\n");
    let file = fs::read_to_string(desk.path("p.toml")).unwrap();
    for (rule, want) in [("concat", "1\n2\n"), ("last", "2\n")] {
        desk.write("p.toml", &format!("{file}on_conflict = '{rule}'\n"));
        desk.ok(&["pipeline", "update", "p.toml"]);
        assert_eq!(desk.ok(&["cat", "p/a:all"]), want);
    }
    desk.write("x/three", "3\n");
    commit(&desk);
    assert_eq!(desk.ok(&["cat", "p/a:all"]), "2\n", "last goes by the order of the datums");
}

#[test]
fn code_that_lies_elsewhere_is_refused_wherever_a_link_leads() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("secret/key", "secret");
    desk.write("mine/lib/real.sh", "true\n");
    desk.write("mine/lib2/real.sh", "true\n");
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, desk.path(name)).unwrap();
    link("../secret", "mine/dir");
    link("../secret/key", "mine/file");
    link("../../secret/key", "mine/lib/within");
    link("lib/real.sh", "mine/good");
    link("../lib", "mine/lib2/loop");
    assert!(Command::new("mkfifo").arg(desk.path("mine/pipe")).status().unwrap().success());
    let create = |code: &str| {
        let text =
            format!("pipeline = 'p'\n[stage.a]\ninput = 'in:/'\ncommand = ['true']\ncode = ['{code}']\n");
        desk.write("mine/p.toml", &text);
        desk.run(&["pipeline", "create", "mine/p.toml"])
    };
    for (code, want) in [
        ("dir", "mine/p.toml:5:9: mine/dir leads to "),
        ("file", "mine/p.toml:5:9: mine/file leads to "),
        ("lib", "mine/p.toml:5:9: mine/lib/within leads to "),
        ("dir/key", "mine/p.toml:5:9: mine/dir/key leads to "),
        ("pipe", "mine/p.toml:5:9: mine/pipe is not a file; expected files and directories"),
        ("lib2", "mine/p.toml:5:9: mine/lib2/loop is not a file; expected files and directories"),
        ("../secret/key", "mine/p.toml:5:9: stage a: \"../secret/key\" is not a legal path"),
    ] {
        let output = create(code);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(want), "{code}: {said}");
    }
    let output = create("absent");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3), "{said}");
    assert!(said.contains("mine/p.toml:5:9: cannot read the declared file mine/absent: "), "{said}");
    assert!(create("good").status.success());
}

#[test]
fn directories_of_code_come_along_and_count() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("lib/greet.sh", "echo hello\n");
    desk.write("lib/deep/name.sh", "echo you\n");
    desk.write("library.sh", "echo not this\n");
    let file = "pipeline = 'p'\n[stage.a]\ninput = 'in:/'\ncode = ['lib']\n\
                command = ['sh', '-c', 'find * -type f; sh lib/greet.sh > $VDS_OUT/said; sh lib/deep/name.sh >> $VDS_OUT/said']\n";
    desk.write("p.toml", file);
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/one", "1");
    commit(&desk);
    assert_eq!(desk.ok(&["cat", "p/a:said"]), "hello\nyou\n");
    let files = desk.ok(&["job", "logs", "1"]);
    assert!(files.contains("lib/deep/name.sh\n") && !files.contains("library.sh"), "{files}");
    desk.write("lib/deep/name.sh", "echo all\n");
    desk.ok(&["pipeline", "update", "p.toml"]);
    assert_eq!(desk.ok(&["cat", "p/a:said"]), "hello\nall\n");
}

#[test]
fn inputs_of_one_name_are_told_apart_by_where_they_come_from() {
    let desk = Desk::new();
    for repo in ["in", "old/in"] {
        desk.ok(&["repo", "create", repo]);
    }
    desk.write(
        "do.sh",
        "echo $VDS_REPO_IN; cat $VDS_IN_IN/*; cp $VDS_IN_IN/* $VDS_OUT/$(basename $VDS_REPO_IN).$VDS_JOB",
    );
    desk.write(
        "p.toml",
        "pipeline = 'p'\n[stage.a]\ninput = { union = [ 'in:/*', 'old/in:/*' ] }\ncommand = ['sh', 'do.sh']\n\
         code = ['do.sh']\non_conflict = 'concat'\n",
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/one", "new\n");
    desk.write("y/one", "old\n");
    desk.ok(&["commit", "old/in", "y", "-m", "y"]);
    desk.ok(&["commit", "in", "x", "-m", "x"]);
    assert_eq!(desk.ok(&["cat", "p/a:in.1"]), "new\nold\n");
    assert_eq!(desk.ok(&["job", "logs", "1"]), "--- in.2=one\nold/in\nold\n--- in=one\nin\nnew\n");
    let why = desk.ok(&["why", "p/a:in.1"]);
    assert!(why.contains("from in@main") && why.contains("from old/in@main"), "{why}");
    assert!(desk.ok(&["pipeline", "show", "p"]).contains("fresh"));
}
