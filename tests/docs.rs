//! The documents against the program: what they say it prints is what it prints.
//!
//! In a page, a `console` block holds commands after `$ `, each followed by what it prints. All commands of a page run one
//! after the other in one empty directory. `make reference` (or `VDS_BLESS=1`) writes what they print now into the page.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the commands seem to run.
const HOME: &str = "/home/ann/data";

fn bless() -> bool {
    std::env::var_os("VDS_BLESS").is_some()
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Runs one command of a page and returns all that it prints.
fn run(dir: &Path, command: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_vds")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .arg("-c")
        .arg(format!("exec 2>&1\n{command}"))
        .current_dir(dir)
        .env_remove("VDS_STORE")
        .env_remove("VDS_LOG")
        .envs([("PATH", path.as_str()), ("VDS_AUTHOR", "Ann"), ("TZ", "UTC"), ("LC_ALL", "C")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let dir = fs::canonicalize(dir).unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace(dir.to_str().unwrap(), HOME);
    // A document is one line; on a page it is easier to read over several.
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(document) if document.is_object() => serde_json::to_string_pretty(&document).unwrap() + "\n",
        _ => text,
    }
}

/// The text without what differs from run to run: ids, times, and how long something took.
fn lasting(text: &str) -> String {
    let mut lasting = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let number = rest.bytes().take_while(|b| b.is_ascii_digit() || b"-:T+Z".contains(b)).count();
        if rest.starts_with(" in ") && rest.trim_start_matches(" in ").trim_start_matches(char::is_numeric).starts_with(" ms") {
            lasting += " in N";
            rest = rest[4..].trim_start_matches(char::is_numeric);
        } else if let Some(after) = rest.strip_prefix("\"milliseconds\": ") {
            lasting += "\"milliseconds\": N";
            rest = after.trim_start_matches(char::is_numeric);
        } else if number >= 20 && rest.as_bytes()[4] == b'-' {
            lasting += "TIME";
            rest = &rest[number..];
        } else if hex >= 8 {
            lasting += "ID";
            rest = &rest[hex..];
        } else {
            let word = hex.max(c.len_utf8());
            lasting += &rest[..word];
            rest = &rest[word..];
        }
    }
    lasting
}

#[test]
fn what_differs_from_run_to_run_is_left_out() {
    assert_eq!(lasting("[r@main 4c9f21ab03de] day 2"), "[r@main ID] day 2");
    assert_eq!(lasting("1 datum processed in 12 ms"), "1 datum processed in N ms");
    assert_eq!(lasting("date   2024-05-01T14:30:00+02:00 and 2024-05-01"), "date   TIME and 2024-05-01");
    assert_eq!(lasting("1440 files, 12345678 bytes"), "1440 files, ID bytes");
}

/// The page with what its commands print now. What still says the same is left as it is.
fn executed(page: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut fresh = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(fresh, "{line}").unwrap();
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next_if(|line| *line != "```") {
            let first = line.strip_prefix("$ ").unwrap_or_else(|| panic!("{line:?} follows no command"));
            let mut command = first.to_owned();
            writeln!(fresh, "{line}").unwrap();
            while let Some(more) = lines.next_if(|line| line.starts_with("> ") || *line == ">") {
                command = format!("{command}\n{}", more.get(2..).unwrap_or(""));
                writeln!(fresh, "{more}").unwrap();
            }
            let mut said = String::new();
            while let Some(answer) = lines.next_if(|line| *line != "```" && !line.starts_with("$ ")) {
                writeln!(said, "{answer}").unwrap();
            }
            let says = run(dir.path(), &command);
            fresh += if lasting(&said) == lasting(&says) { &said } else { &says };
        }
    }
    fresh
}

#[track_caller]
fn check(name: &str, fresh: impl FnOnce(&str) -> String) {
    let page = fs::read_to_string(place(name)).unwrap_or_default();
    let fresh = fresh(&page);
    if fresh != page && bless() {
        fs::write(place(name), &fresh).unwrap();
    } else {
        for (line, (is, should)) in page.lines().zip(fresh.lines()).enumerate() {
            assert_eq!(is, should, "{name}:{}: `make reference` brings it up to date", line + 1);
        }
        assert_eq!(page.len(), fresh.len(), "{name}: `make reference` brings it up to date");
    }
}

#[test]
fn the_reference_is_what_the_verbs_say() {
    check("docs/cli.md", |_| vds::cli::reference());
}

#[test]
fn the_readme_is_true() {
    check("README.md", executed);
}

#[test]
fn the_shapes_are_true() {
    check("docs/json.md", executed);
}

#[test]
fn the_operations_page_is_true() {
    check("docs/operations.md", executed);
}
