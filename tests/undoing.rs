//! Going back while others do, and when the process is killed: what the record says counts is what the branch shows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use desk::Desk;

/// Waits until `fact` holds.
fn wait_for(mut fact: impl FnMut() -> bool) {
    while !fact() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A desk with a repo `r` and so many commits of it.
fn desk(commits: usize) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    for n in 1..=commits {
        desk.write("f", &n.to_string());
        desk.ok(&["commit", "r", "f", "-m", &format!("number {n}")]);
    }
    desk
}

/// The commits that the branch shows, which must be as many as the record says count.
#[track_caller]
fn shown(desk: &Desk) -> usize {
    let shown = desk.ok(&["log", "r", "--oneline"]).lines().count();
    let told = desk.ok(&["op", "log", "r", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let counts = |operation: &&serde_json::Value| {
        operation["undone"] == false && operation["command"].as_str().unwrap().contains(" commit ")
    };
    assert_eq!(told["operations"].as_array().unwrap().iter().filter(counts).count(), shown, "{told}");
    shown
}

#[test]
fn of_many_that_undo_at_once_each_takes_back_another() {
    let desk = desk(6);
    for (verb, left) in [("undo", 2), ("redo", 6)] {
        let start = || desk.command(&[verb, "--quiet"]).stdout(Stdio::piped()).spawn().unwrap();
        let children: Vec<_> = (0..4).map(|_| start()).collect();
        let mut numbers = Vec::new();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            numbers.push(String::from_utf8(output.stdout).unwrap().trim().parse::<u64>().unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, [4, 5, 6, 7]);
        assert_eq!(shown(&desk), left);
    }
}

#[test]
fn of_two_that_take_one_operation_back_one_does() {
    let desk = desk(2);
    let start = || desk.command(&["undo", "3"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let children = [start(), start()];
    let codes = children.map(|mut child| child.wait().unwrap().code().unwrap());
    assert_eq!(codes.iter().sum::<i32>(), 1, "{codes:?}");
    assert_eq!(shown(&desk), 1);
}

#[test]
fn an_undo_that_is_killed_is_made_or_not() {
    let desk = desk(4);
    let journal = || fs::metadata(desk.path(".vds/journal/operations")).unwrap().len();
    let (mut now, mut made) = (4_usize, 0);
    for round in 0..9 {
        let verb = if now > 2 { "undo" } else { "redo" };
        let before = journal();
        let mut child = desk.command(&[verb]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // At another moment each time: at once, when it is in the journal, or when it is done.
        let mut ended = || child.try_wait().unwrap().is_some();
        match round % 3 {
            0 => {}
            1 => wait_for(|| journal() > before || ended()),
            _ => wait_for(ended),
        }
        let _ = child.kill();
        child.wait().unwrap();
        let after = shown(&desk);
        assert!(now.abs_diff(after) <= 1, "{now} {after}");
        assert!(round % 3 == 0 || after != now, "what is in the journal is made");
        made += now.abs_diff(after);
        now = after;
    }
    assert!(made >= 6);
}
