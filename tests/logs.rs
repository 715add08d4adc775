//! What programs print, read while they run and afterwards.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use desk::{Desk, until};

/// A desk with files `one` and `two` to be committed, and a stage that runs the script on each, one after another. In it `is NAME` says
/// whether the test has made that file, and `wait_for NAME` waits until it has.
fn desk(script: &str, more: &str) -> Desk {
    let desk = Desk::with_script("", &format!("input = 'in:/*'\nparallelism = 1\n{more}"));
    let dir = desk.path("").display().to_string();
    let tools = format!("is() {{ [ -e {dir}/$1 ]; }}\nwait_for() {{ until is $1; do sleep 0.02; done; }}\n");
    desk.write("do.sh", &(tools + script));
    desk.ok(&["pipeline", "update", "p.toml"]);
    desk.write("x/one", "1\n");
    desk.write("x/two", "2\n");
    desk
}

/// Begins a job, in a process of its own.
fn begin(desk: &Desk) -> Child {
    let mut command = desk.command(&["commit", "in", "x", "-m", "x"]);
    let vds = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the job", || desk.run(&["job", "show", "1"]).status.success());
    vds
}

/// Begins to follow its log, with these arguments besides.
fn follow(desk: &Desk, more: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let args = [&["job", "logs", "1", "-f"], more].concat();
    let mut vds = desk.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(vds.stdout.take().unwrap());
    (vds, output)
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
}

/// What comes until the end, to which all of them come well.
fn end(mut output: BufReader<ChildStdout>, all: [Child; 2]) -> String {
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    for mut vds in all {
        assert!(vds.wait().unwrap().success());
    }
    rest
}

#[test]
fn what_a_datum_prints_is_seen_while_it_runs_and_is_seen_once() {
    for more in ["", "isolation = 'none'\n"] {
        let desk = desk(
            "echo try; printf half; echo; wait_for go; echo $VDS_DATUM goes on\n\
             [ $VDS_DATUM = two ] || is again || { wait_for again; exit 3; }",
            &format!("tries = 2\n{more}"),
        );
        let job = begin(&desk);
        let (following, mut output) = follow(&desk, &[]);
        let mut seen: String = (0..3).map(|_| line(&mut output)).collect();
        assert_eq!(seen, "--- one\ntry\nhalf\n");
        desk.write("go", "");
        seen += &line(&mut output);
        assert!(seen.ends_with("one goes on\n"), "{seen}");
        desk.write("again", "");
        seen += &end(output, [job, following]);
        assert_eq!(seen, desk.ok(&["job", "logs", "1"]));
        assert!(seen.contains("[vds: try 2 of 2]\ntry\n") && seen.ends_with("two goes on\n"), "{seen}");
    }
}

#[test]
fn one_datum_can_be_followed_from_its_last_lines_on() {
    let desk = desk("for line in a b c; do echo $line; done; wait_for $VDS_DATUM; echo d", "");
    let job = begin(&desk);
    let (mut watching, mut seen) = follow(&desk, &["--datum", "one"]);
    assert_eq!([line(&mut seen), line(&mut seen), line(&mut seen)], ["a\n", "b\n", "c\n"]);
    let (following, mut output) = follow(&desk, &["--datum", "one", "--tail", "2"]);
    assert_eq!([line(&mut output), line(&mut output)], ["b\n", "c\n"]);
    desk.write("one", "");
    assert_eq!(line(&mut output), "d\n");
    desk.write("two", "");
    assert_eq!(end(output, [job, following]), "");
    assert_eq!(line(&mut seen), "d\n");
    assert!(watching.wait().unwrap().success());
}

#[test]
fn a_program_that_works_on_many_datums_is_followed_from_one_to_the_next() {
    let each = "echo $VDS_DATUM; wait_for $VDS_DATUM; echo ok > $VDS_ANSWER";
    let script = format!("while read -r datum; do eval \"$datum\"; {each}; done");
    let desk = desk(&script, "batch = 'shell'\n");
    let job = begin(&desk);
    let (following, mut output) = follow(&desk, &[]);
    assert_eq!([line(&mut output), line(&mut output)], ["--- one\n", "one\n"]);
    desk.write("one", "");
    assert_eq!([line(&mut output), line(&mut output)], ["--- two\n", "two\n"]);
    desk.write("two", "");
    assert_eq!(end(output, [job, following]), "");
}

#[test]
fn what_is_no_text_is_printed_as_it_is_and_in_a_document_as_well_as_can_be() {
    let desk = desk("printf '\\377\\000\\033[2J\\n\\200'", "");
    desk.ok(&["commit", "in", "x", "-m", "x"]);
    for more in [&["--quiet"][..], &[], &["--tail", "2"], &["-f"]] {
        let output = desk.run(&[&["job", "logs", "1", "--datum", "one"], more].concat());
        assert_eq!(output.stdout, b"\xff\0\x1b[2J\n\x80", "{more:?}");
    }
    let document = desk.ok(&["job", "logs", "1", "--json"]);
    assert!(document.contains(r#""text":"�\u0000\u001b[2J\n�""#), "{document}");
}
