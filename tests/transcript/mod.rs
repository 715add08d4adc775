//! Pages that show commands and what they print, run again and compared whole.
//!
//! In a page, a `console` block holds commands after `$ ` (continued after `> `), each followed by what it prints. They run
//! one after the other in one empty directory. With `VDS_BLESS=1` what they print now is written into the page.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the commands seem to run.
const HOME: &str = "/home/ann/data";

/// What a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// To be read: documents are shown over several lines.
    Document,
    /// To be compared: exit codes are shown, and each heading begins with an empty directory.
    Test,
}

/// Runs one command of a page and returns all that it prints.
fn run(dir: &Path, command: &str, page: Page) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_vds")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(format!("exec 2>&1\n{command}")).current_dir(dir).stdin(Stdio::null());
    for name in ["VDS_STORE", "VDS_LOG", "RUST_BACKTRACE", "NO_COLOR", "CLICOLOR_FORCE"] {
        bash.env_remove(name);
    }
    bash.envs([("PATH", path.as_str()), ("VDS_AUTHOR", "Ann"), ("TZ", "UTC"), ("LC_ALL", "C.UTF-8")]);
    let output = bash.output().unwrap();
    let dir = fs::canonicalize(dir).unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).replace(dir.to_str().unwrap(), HOME);
    if page == Page::Test {
        if !text.is_empty() && !text.ends_with('\n') {
            text += "[no line end]\n";
        }
        if output.status.code() != Some(0) {
            writeln!(text, "[exit code {}]", output.status.code().unwrap_or(-1)).unwrap();
        }
        return text;
    }
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(document) if document.is_object() => serde_json::to_string_pretty(&document).unwrap() + "\n",
        _ => text,
    }
}

/// Lines that tell what this machine lets programs have begin so.
const OF_THE_MACHINE: [&str; 4] =
    ["note: programs run without /pfs", "isolation ", "\"isolation\":", "\"isolation_obstacle\":"];

/// Fields whose numbers are others the next time: how long something took, what the store and its disk come to.
const OF_THE_MOMENT: [&str; 13] = [
    "\"milliseconds\":",
    "\"stored_bytes\":",
    "\"total_bytes\":",
    "\"capacity\":",
    "\"free\":",
    "\"kept_free\":",
    "\"week_bytes\":",
    "\"day_bytes\":",
    "\"days_until_full\":",
    "\"packs\":",
    "\"index\":",
    "\"journal\":",
    "\"facts\":",
];

/// The text without what differs from run to run and from machine to machine: ids, times, how long something took.
pub fn lasting(text: &str) -> String {
    let digits = char::is_numeric;
    let mut lasting = String::new();
    let is_lasting = |line: &&str| !OF_THE_MACHINE.iter().any(|start| line.trim_start().starts_with(start));
    let text: String = text.split_inclusive('\n').filter(is_lasting).collect();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let time = rest.bytes().take_while(|b| b.is_ascii_digit() || b"-:T+Z".contains(b)).count();
        let field = OF_THE_MOMENT.into_iter().find(|name| rest.starts_with(name));
        if let Some(after) = rest.strip_prefix(" in ").and_then(past_duration) {
            lasting += " in N";
            rest = after;
        } else if let Some(after) =
            rest.strip_prefix("  ").and_then(|rest| past_duration(rest.trim_start_matches(' ')))
        {
            lasting += "  N";
            rest = after;
        } else if let Some(name) = field {
            lasting += name;
            rest = rest[name.len()..].trim_start_matches(' ').trim_start_matches(digits);
        } else if time >= 20 && rest.as_bytes()[4] == b'-' {
            lasting += "TIME";
            rest = &rest[time..];
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

/// What stands behind how long something took, if the text begins with that.
fn past_duration(text: &str) -> Option<&str> {
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let after = number.strip_prefix(" ms").or_else(|| number.strip_prefix(" s"))?;
    (number.len() < text.len() && !after.starts_with(char::is_alphanumeric)).then_some(after)
}

/// The page with what its commands print now. What still says the same is left as it is.
pub fn executed(page: &str, kind: Page) -> String {
    let mut dir = tempfile::tempdir().unwrap();
    let mut fresh = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(fresh, "{line}").unwrap();
        if kind == Page::Test && line.starts_with('#') {
            dir = tempfile::tempdir().unwrap();
        }
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next_if(|line| *line != "```") {
            assert!(line.starts_with("$ "), "{line:?} follows no command");
            let first = line.get(2..).unwrap_or("");
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
            let says = run(dir.path(), &command, kind);
            fresh += if lasting(&said) == lasting(&says) { &said } else { &says };
        }
    }
    fresh
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a file of this project with what it should be, or makes it so.
#[track_caller]
pub fn check(name: &str, should_be: impl FnOnce(&str) -> String) {
    let is = fs::read_to_string(place(name)).unwrap_or_default();
    let should_be = should_be(&is);
    if std::env::var_os("VDS_BLESS").is_some() {
        if is != should_be {
            fs::write(place(name), &should_be).unwrap();
        }
        return;
    }
    for (line, (is, should)) in is.lines().zip(should_be.lines()).enumerate() {
        assert_eq!(is, should, "{name}:{}: `make reference` brings it up to date", line + 1);
    }
    assert_eq!(is.len(), should_be.len(), "{name}: `make reference` brings it up to date");
}
