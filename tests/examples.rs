//! The examples: each is run as its walk-through says, and prints what is kept beside it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a walk-through is run: `vds` is the program, and `$HERE` is where the example lies.
const BEGIN: &str = "set -eu\nvds() { \"$VDS\" \"$@\"; }\n";

/// What differs from run to run: ids of commits and times.
fn plain(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id = bare.len() >= 12 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let ids: Vec<&str> = bare.split("..").collect();
        let are_ids = ids.len() == 2
            && ids.iter().all(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()));
        if is_id || are_ids { word.replace(bare, "ID") } else { word.to_owned() }
    };
    let line = |line: &str| {
        let line: Vec<String> = line.split(' ').map(word).collect();
        let line = line.join(" ");
        line.split_once(" in ")
            .filter(|(_, rest)| rest.ends_with(" ms"))
            .map_or(line.clone(), |(before, _)| before.to_owned())
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[track_caller]
fn check(name: &str) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = BEGIN.to_owned() + &fs::read_to_string(example.join("walk-through.sh")).unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path())
        .env("VDS", env!("CARGO_BIN_EXE_vds"))
        .env("VDS_AUTHOR", "Ann")
        .env("HERE", &example)
        .env_remove("VDS_STORE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
    let printed = plain(&String::from_utf8(output.stdout).unwrap());
    let kept = example.join("expected.txt");
    if std::env::var_os("VDS_BLESS").is_some() {
        fs::write(&kept, &printed).unwrap();
    }
    assert_eq!(printed, fs::read_to_string(kept).unwrap(), "{name}: {errors}");
}

#[test]
fn words_are_counted() {
    check("word-count");
}

#[test]
fn two_repos_are_joined() {
    check("join");
}

#[test]
fn a_parameter_is_searched_for() {
    check("search");
}

#[test]
fn work_is_deferred_until_a_merge() {
    check("deferred");
}
