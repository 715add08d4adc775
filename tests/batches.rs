//! Programs that work on one datum after another.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::{Command, Stdio};

use desk::{Desk, processes, until};

/// A desk with the repo `in`, and a stage that runs the script `do.sh` on its files, one after another.
fn desk(script: &str, more: &str) -> Desk {
    let desk =
        Desk::with_script(script, &format!("input = 'in:/*'\nbatch = 'shell'\nparallelism = 1\n{more}"));
    for name in ["four", "one", "three", "two"] {
        desk.write(&format!("x/{name}"), &format!("{name}\n"));
    }
    desk
}

/// A script that runs the lines `each` for each datum.
fn script(each: &str) -> String {
    format!("n=0\nwhile read -r datum; do eval \"$datum\"; n=$((n + 1))\n{each}\ndone\n")
}

fn commit(desk: &Desk) {
    desk.ok(&["commit", "in", "x", "-m", "x"]);
}

#[track_caller]
fn fails(desk: &Desk) -> String {
    let (code, said) = desk.no(&["commit", "in", "x", "-m", "x"]);
    assert_eq!(code, 6, "{said}");
    said
}

fn log(desk: &Desk, datum: &str) -> String {
    desk.ok(&["job", "logs", "1", "--datum", datum])
}

#[test]
fn one_process_works_on_one_datum_after_another() {
    for isolation in ["auto", "none"] {
        let each =
            "ls $VDS_IN_IN $VDS_OUT $TMPDIR | wc -l; echo $VDS_DATUM is $n of $VDS_JOB; touch $TMPDIR/left
                    echo $n > $VDS_OUT/$VDS_UNIT_IN; echo ok > $VDS_ANSWER";
        let desk = desk(&script(each), &format!("isolation = '{isolation}'\n"));
        commit(&desk);
        assert_eq!(["four", "two"].map(|name| desk.ok(&["cat", &format!("p/a:{name}")])), ["1\n", "4\n"]);
        // The directories and one file.
        let seen = |datum: &str, n: u32| format!("6\n{datum} is {n} of 1\n");
        assert_eq!((log(&desk, "one"), log(&desk, "two")), (seen("one", 2), seen("two", 4)));
    }
}

#[test]
fn a_datum_fails_alone_however_it_fails() {
    for (each, said, log_of_three) in [
        ("echo failed I do not like it", "\"sh\" failed: I do not like it", "see three"),
        ("echo failed", "\"sh\" failed", "see three"),
        ("exit 7", "\"sh\" ended with exit code 7 before it answered", "see three"),
        ("kill -9 $$", "\"sh\" was ended by signal 9", "see three"),
        ("echo done", "\"sh\" answered \"done\"; expected \"ok\" or \"failed REASON\"", "see three"),
        ("sleep 4444.25", "it took longer than 1 s; nothing came from $VDS_ANSWER", "see three"),
        (
            "kill -9 $PPID; sleep 4444.25",
            "the process of vds that runs it was killed, perhaps by it",
            "see three",
        ),
    ] {
        let each = format!(
            "echo see $VDS_DATUM; [ $VDS_DATUM != three ] || {{ {each}; }} > $VDS_ANSWER\n\
             [ $VDS_DATUM = three ] || echo ok > $VDS_ANSWER"
        );
        let desk = desk(&script(&each), "timeout = '1s'\n");
        let why = fails(&desk);
        assert!(why.contains(&format!("datum three: {said}")) && !why.contains("more datum"), "{why}");
        assert!(log(&desk, "three").starts_with(log_of_three), "{}", log(&desk, "three"));
        assert_eq!((log(&desk, "one"), log(&desk, "two")), ("see one\n".into(), "see two\n".into()));
        until("the end of all that it started", || processes("4444.25") == 0);
    }
}

#[test]
fn an_answer_that_nobody_asked_for_spoils_the_datum_and_no_other() {
    let put = "echo $VDS_UNIT_IN > $VDS_OUT/$VDS_UNIT_IN";
    for (each, why) in [
        // Both are there before anything else is done.
        (format!("{put}; printf 'ok\\nok\\n' > $VDS_ANSWER; continue"), "answered more than once"),
        // The first comes before the work is done.
        (format!("echo ok > $VDS_ANSWER; sleep 0.3; {put}"), "answered more than once"),
        (format!("{put}; echo ok > $VDS_ANSWER; sleep 0.3"), "answered more than once"),
        (format!("echo failed so > $VDS_ANSWER; {put}"), "failed: so"),
        (
            "echo ok $(echo $VDS_DATUM_ID | tr 0-9a-f 1-9a-f0) > $VDS_ANSWER; continue".into(),
            "answered for another datum",
        ),
    ] {
        for bad in ["one", "two"] {
            // The last datum is seen to as well as any.
            let each = format!("[ $VDS_DATUM != {bad} ] || {{ {each}; }}; {put}; echo ok > $VDS_ANSWER");
            let desk = desk(&script(&each), "");
            let said = fails(&desk);
            assert!(said.contains(&format!("datum {bad}: \"sh\" {why}")), "{each}: {said}");
            assert!(!said.contains("more datum"), "{each}: {said}");
            let good = ["four", "one", "three", "two"].into_iter().filter(|name| *name != bad);
            // What others came to is right, and kept.
            for name in good {
                let shown = desk.ok(&["datum", "show", "1", name]);
                assert!(
                    shown.contains("processed") && shown.contains(&format!(" {name}\n")),
                    "{each}: {shown}"
                );
            }
            desk.write("do.sh", &script(&format!("{put}; echo ok $VDS_DATUM_ID > $VDS_ANSWER")));
            desk.ok(&["pipeline", "update", "p.toml"]);
            assert_eq!(desk.ok(&["ls", "p/a", "--quiet"]), "four\none\nthree\ntwo\n");
        }
    }
}

#[test]
fn an_answer_before_the_first_datum_is_not_one_for_it() {
    let desk = desk(&("echo ok > $VDS_ANSWER\n".to_owned() + &script("exit 3")), "");
    let said = fails(&desk);
    assert!(said.contains("datum four: \"sh\" answered before it was asked (and 3 more datums)"), "{said}");
}

#[test]
fn a_result_is_kept_as_soon_as_the_program_reads_on() {
    let wait = "[ $VDS_DATUM != one ] || until [ -e $GO ]; do sleep 0.01; done";
    let desk = desk(&script(&format!("{wait}; echo ok > $VDS_ANSWER")), "");
    let file = fs::read_to_string(desk.path("p.toml")).unwrap();
    desk.write("p.toml", &format!("{file}env = {{ GO = '{}' }}\n", desk.path("go").display()));
    desk.ok(&["pipeline", "update", "p.toml"]);
    let mut child =
        desk.command(&["commit", "in", "x", "-m", "x", "--quiet"]).stdout(Stdio::null()).spawn().unwrap();
    until("the first result", || desk.ok(&["job", "list"]).contains(" 1/4 "));
    desk.write("go", "");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_datum_is_tried_again_and_recovered() {
    let each = "echo try; [ -e $RAN/$VDS_DATUM ] && [ $VDS_DATUM != two ] && { echo ok > $VDS_ANSWER; continue; }
                touch $RAN/$VDS_DATUM $VDS_OUT/left; [ $VDS_DATUM = one ] && exit 1; echo failed > $VDS_ANSWER";
    let desk = desk(&script(each), "tries = 2\nerr_cmd = ['sh', '-c', 'echo $VDS_DATUM is bad']\n");
    fs::create_dir(desk.path("ran")).unwrap();
    let file = fs::read_to_string(desk.path("p.toml")).unwrap();
    desk.write("p.toml", &format!("{file}env = {{ RAN = '{}' }}\n", desk.path("ran").display()));
    desk.ok(&["pipeline", "update", "p.toml"]);
    commit(&desk);
    assert_eq!(desk.ok(&["ls", "p/a"]), "");
    assert_eq!(
        log(&desk, "one"),
        "try\n[vds: \"sh\" ended with exit code 1 before it answered in $VDS_ANSWER]\n[vds: try 2 of 2]\ntry\n"
    );
    let two = log(&desk, "two");
    assert!(two.ends_with("[vds: \"sh\" failed]\ntwo is bad\n"), "{two}");
}

#[test]
fn a_program_that_does_not_end_is_ended() {
    let desk = desk(
        &(script("echo ok > $VDS_ANSWER") + "exec 0< /dev/null\nexec sleep 5555.25\n"),
        "timeout = '1s'\n",
    );
    let said = fails(&desk);
    assert!(
        said.contains("datum two: \"sh\" did not end within 1 s of the end of its standard input"),
        "{said}"
    );
    until("the end of the program", || processes("5555.25") == 0);
}

#[test]
fn a_program_that_cannot_be_started_is_told_of() {
    let desk = desk("", "");
    desk.write(
        "p.toml",
        "pipeline = 'p'\n[stage.a]\ninput = 'in:/*'\ncommand = ['no-such-program']\nbatch = true\n",
    );
    desk.ok(&["pipeline", "update", "p.toml"]);
    let why = fails(&desk);
    assert!(why.contains("cannot start \"no-such-program\"") && why.contains("(and 3 more datums)"), "{why}");
}

#[test]
fn a_datum_is_run_by_hand_as_it_was() {
    let each = "echo see $(cat $VDS_IN_IN/*); echo failed as ever > $VDS_ANSWER";
    let desk = desk(&script(each), "");
    fails(&desk);
    let place = desk.path("debugged").display().to_string();
    desk.ok(&["datum", "debug", "1", "two", &place]);
    desk.write("seen", "kept\n");
    let seen = fs::OpenOptions::new().append(true).open(desk.path("seen")).unwrap();
    let status = Command::new(desk.path("debugged/run.sh")).stdout(seen).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(fs::read_to_string(desk.path("seen")).unwrap(), "kept\nsee two\nfailed as ever\n");
}

#[test]
fn a_program_that_stays_finds_its_output_before() {
    let each =
        "cat $VDS_CHANGES; cat $VDS_PREVIOUS/n $VDS_IN_IN/* 2> /dev/null > $VDS_OUT/n; echo ok > $VDS_ANSWER";
    let desk = desk(&script(each), "incremental = true\n");
    let file = fs::read_to_string(desk.path("p.toml")).unwrap();
    desk.write("p.toml", &file.replace("in:/*", "in:/"));
    desk.ok(&["pipeline", "update", "p.toml"]);
    commit(&desk);
    desk.write("x/two", "2\n");
    commit(&desk);
    assert_eq!(desk.ok(&["job", "logs", "2"]), "M\tin\ttwo\n");
    assert_eq!(desk.ok(&["cat", "p/a:n"]), "four\none\nthree\ntwo\nfour\none\nthree\n2\n");
}

/// The block of the documentation that begins so, in this language.
fn documented(language: &str, start: &str) -> String {
    let text = include_str!("../docs/pipelines.md");
    let fence = format!("```{language}\n");
    let mut blocks = text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.starts_with(start)).unwrap().to_owned()
}

#[test]
fn the_programs_of_the_documentation_work() {
    for (pipeline, program, language, start, want) in
        [("words", "count.py", "python", "import json", "2"), ("lines", "count.sh", "sh", "while read", "1")]
    {
        if language == "python" && Command::new("python3").arg("--version").output().is_err() {
            println!("skipped: there is no python3 here");
            continue;
        }
        let desk = Desk::new();
        desk.ok(&["repo", "create", "docs"]);
        desk.write(program, &documented(language, start));
        desk.write("p.toml", &documented("toml", &format!("pipeline = \"{pipeline}\"")));
        desk.ok(&["pipeline", "create", "p.toml"]);
        desk.write("x/a b", "two words\n");
        desk.write("x/c", "no more\n");
        desk.ok(&["commit", "docs", "x", "-m", "x"]);
        assert_eq!(desk.ok(&["cat", &format!("{pipeline}/count:a b")]).trim(), want);
        desk.write("x/nothing", "");
        let (_, why) = desk.no(&["commit", "docs", "x", "-m", "x"]);
        assert!(why.contains("datum nothing: ") && why.contains("failed: there is nothing in it"), "{why}");
    }
}
