//! What a person sees on a terminal: colours, and long answers page by page. Nowhere else is there a trace of either.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Stdio;

use desk::Desk;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs the program on a terminal, and returns its exit code, what the terminal shows, and what it said elsewhere.
fn shown(desk: &Desk, args: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let output = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut command = desk.command(args);
    for name in ["NO_COLOR", "PAGER", "VDS_PAGER", "LESS"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).stdout(output).stderr(Stdio::piped());
    let program = command.spawn().unwrap();
    // The command holds the terminal open.
    drop(command);
    let mut bytes = Vec::new();
    let mut screen = File::from(terminal);
    let mut buffer = [0; 4096];
    // When nobody has the terminal any more, reading from it fails.
    while let Ok(count @ 1..) = screen.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    let ended = program.wait_with_output().unwrap();
    let screen = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    (ended.status.code().unwrap(), screen, String::from_utf8(ended.stderr).unwrap())
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("in/a", "one\n");
    desk.ok(&["commit", "r", "in", "-m", "first"]);
    desk.write("in/a", "two \u{1b}[2J\n");
    desk.ok(&["commit", "r", "in", "-m", "second"]);
    desk
}

#[test]
fn what_a_program_printed_commands_no_terminal() {
    let desk = Desk::with_script(r"printf 'a\033[2J\tb\n'", "input = 'in:/*'\n");
    desk.write("x/one", "1\n");
    desk.ok(&["commit", "in", "x", "-m", "x"]);
    let (code, screen, _) = shown(&desk, &["job", "logs", "1"], &[]);
    assert_eq!((code, screen.as_str()), (0, "--- one\na\\u{1b}[2J\tb\n"));
}

const MARK: (&str, &str) = ("VDS_PAGER", "sed s/^/paged:/");

#[test]
fn long_answers_are_paged_and_in_colours_on_a_terminal_only() {
    let desk = desk();
    for verb in [&["log", "r"][..], &["show", "r"], &["diff", "r~1", "r"]] {
        let plain = desk.ok(verb);
        assert!(!plain.contains('\u{1b}'), "{plain}");
        let (code, screen, said) = shown(&desk, verb, &[MARK]);
        assert_eq!((code, said.as_str()), (0, ""), "{verb:?}");
        assert!(screen.starts_with("paged:\u{1b}["), "{verb:?}: {screen}");
        let (_, screen, _) = shown(&desk, verb, &[("NO_COLOR", "1"), MARK]);
        assert_eq!(screen.replace("paged:", ""), plain, "{verb:?}");
        let (_, screen, _) = shown(&desk, &[verb, &["--no-pager"]].concat(), &[MARK, ("NO_COLOR", "1")]);
        assert_eq!(screen, plain, "{verb:?}");
        for form in ["--json", "--quiet"] {
            let verb = [verb, &[form]].concat();
            let (_, screen, _) = shown(&desk, &verb, &[MARK]);
            assert_eq!(screen, String::from_utf8(desk.run(&verb).stdout).unwrap(), "{verb:?}");
        }
    }
    let (_, screen, _) = shown(&desk, &["log", "r"], &[("PAGER", "sed s/^/general:/")]);
    assert!(screen.starts_with("general:"), "{screen}");
    let (_, screen, _) = shown(&desk, &["log", "r"], &[("PAGER", "false"), ("VDS_PAGER", "cat")]);
    assert!(screen.starts_with("\u{1b}[33mcommit "), "{screen}");
}

#[test]
fn a_reader_who_has_had_enough_is_no_failure() {
    let desk = desk();
    for pager in ["true", "head -c 1 > /dev/null", "no-such-program-anywhere 2> /dev/null"] {
        let (code, screen, said) = shown(&desk, &["log", "r"], &[("VDS_PAGER", pager)]);
        assert_eq!((code, screen.as_str(), said.as_str()), (0, "", ""), "{pager}");
    }
}

#[test]
fn a_patch_does_not_command_the_terminal() {
    let desk = desk();
    let (_, screen, _) = shown(&desk, &["diff", "r~1", "r", "-p"], &[("VDS_PAGER", "cat")]);
    assert!(screen.contains("\u{1b}[31m-one\u{1b}[m\n\u{1b}[32m+two \\u{1b}[2J\u{1b}[m\n"), "{screen}");
    assert!(desk.ok(&["diff", "r~1", "r", "-p"]).contains("+two \u{1b}[2J\n"));
}
