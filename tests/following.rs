//! A workspace whose branch is merged into, set back or undone from within: the files follow, and no work is lost by it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;

use desk::Desk;
use vds::marker::Trust;
use vds::store::{DEFAULT_WAIT, Store};
use vds::workspace::Workspace;

/// A desk with a branch `main` and a branch `bbg` that changed `a` and brought `c`, and the workspace `w` of main.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("in/a", "a\n");
    desk.write("in/b", "b\n");
    desk.ok(&["commit", "r", "in", "-m", "first"]);
    desk.ok(&["branch", "create", "r@bbg"]);
    desk.write("in/a", "bbg\n");
    desk.write("in/c", "bbg\n");
    desk.ok(&["commit", "r@bbg", "in", "-m", "bbg"]);
    desk.ok(&["checkout", "r", "--into", "w"]);
    desk
}

fn text(desk: &Desk, name: &str) -> Option<String> {
    fs::read_to_string(desk.path(name)).ok()
}

fn status(desk: &Desk) -> String {
    desk.ok(&["-C", "w", "status", "--quiet"])
}

fn head(desk: &Desk, branch: &str) -> String {
    desk.ok(&["log", branch, "-n", "1", "--quiet"])
}

#[test]
fn what_was_committed_here_is_a_local_change_after_undo() {
    let desk = desk();
    desk.write("w/b", "mine\n");
    desk.write("w/d", "new\n");
    desk.ok(&["-C", "w", "commit", "-m", "one"]);
    desk.write("w/d", "newer\n");
    desk.ok(&["-C", "w", "commit", "-m", "two"]);
    let last = head(&desk, "r");
    desk.ok(&["-C", "w", "undo"]);
    assert_eq!(status(&desk), "d\n");
    desk.ok(&["-C", "w", "undo"]);
    assert_eq!(status(&desk), "b\nd\n");
    assert_eq!(text(&desk, "w/d").unwrap(), "newer\n");
    desk.ok(&["-C", "w", "commit", "-m", "both"]);
    assert_eq!((status(&desk), text(&desk, "w/b").unwrap()), (String::new(), "mine\n".to_owned()));
    desk.ok(&["-C", "w", "undo"]);
    desk.ok(&["-C", "w", "redo"]);
    assert_eq!(status(&desk), "");
    assert_ne!(head(&desk, "r"), last);
}

#[test]
fn what_came_from_elsewhere_goes_again_after_undo() {
    let desk = desk();
    desk.write("w/b", "mine\n");
    desk.ok(&["-C", "w", "merge", "bbg"]);
    assert_eq!(text(&desk, "w/c").unwrap(), "bbg\n");
    desk.ok(&["-C", "w", "undo"]);
    assert_eq!((text(&desk, "w/a").unwrap(), text(&desk, "w/c")), ("a\n".to_owned(), None));
    assert_eq!(status(&desk), "b\n");
    desk.ok(&["-C", "w", "redo"]);
    assert_eq!(text(&desk, "w/a").unwrap(), "bbg\n");
    assert_eq!(status(&desk), "b\n");
    // From outside nothing happens here, and the status says so.
    desk.ok(&["undo"]);
    assert_eq!(text(&desk, "w/c").unwrap(), "bbg\n");
    assert!(desk.ok(&["-C", "w", "status"]).contains("went back"));
}

#[test]
fn a_reset_leaves_the_files_and_a_hard_one_brings_them_along() {
    let desk = desk();
    desk.ok(&["-C", "w", "merge", "bbg"]);
    desk.ok(&["-C", "w", "reset", "r@main", "main~1"]);
    assert_eq!((status(&desk), text(&desk, "w/a").unwrap()), ("a\nc\n".to_owned(), "bbg\n".to_owned()));
    desk.ok(&["-C", "w", "undo"]);
    assert_eq!(status(&desk), "");
    desk.write("w/b", "mine\n");
    desk.ok(&["-C", "w", "reset", "r@main", "main~1", "--hard"]);
    assert_eq!((text(&desk, "w/a").unwrap(), text(&desk, "w/c")), ("a\n".to_owned(), None));
    assert_eq!(status(&desk), "b\n");
}

#[test]
fn a_merge_over_local_changes_is_refused_before_the_branch_moves() {
    let desk = desk();
    for (path, args) in
        [("a", &["merge", "bbg"][..]), ("c", &["merge", "bbg", "--no-ff"]), ("c/d", &["merge", "bbg"])]
    {
        let before = head(&desk, "r");
        desk.write(&format!("w/{path}"), "mine\n");
        let (code, said) = desk.no(&[&["-C", "w"], args].concat());
        assert!(
            code == 1 && said.contains(&format!(": {}", &path[..1])) && said.contains("restore"),
            "{said}"
        );
        assert_eq!(head(&desk, "r"), before);
        assert_eq!(text(&desk, &format!("w/{path}")).unwrap(), "mine\n");
        fs::remove_dir_all(desk.path("w/c")).or_else(|_| fs::remove_file(desk.path("w/c"))).ok();
        desk.ok(&["-C", "w", "restore", "."]);
    }
    // A change that others made, too, is not in the way.
    desk.write("w/c", "bbg\n");
    desk.ok(&["-C", "w", "cherry-pick", "bbg"]);
    assert_eq!((status(&desk), text(&desk, "w/a").unwrap()), (String::new(), "bbg\n".to_owned()));
}

#[test]
fn what_is_moved_together_stays_together() {
    let desk = Desk::new();
    for (store, work) in [("p", "p/w"), ("q", "q/deep/w"), ("s", "s")] {
        fs::create_dir_all(desk.path(work).parent().unwrap()).unwrap();
        desk.ok(&["init", store]);
        desk.ok(&["-C", store, "repo", "create", "r"]);
        desk.write("in/a", "a\n");
        desk.ok(&["commit", "--store", store, "r", "in", "-m", "first"]);
        desk.ok(&["checkout", "--store", store, "r", "--into", work]);
        fs::rename(desk.path(store), desk.path("moved")).unwrap();
        let moved = work.replacen(store, "moved", 1);
        desk.write(&format!("{moved}/a"), "b\n");
        desk.ok(&["-C", &moved, "commit", "-m", "second"]);
        assert_eq!(desk.ok(&["cat", "--store", "moved", "r:a"]), "b\n");
        fs::rename(desk.path("moved"), desk.path(store)).unwrap();
    }
}

#[test]
fn a_merge_of_the_branch_itself_says_that_the_workspace_is_behind() {
    let desk = desk();
    desk.ok(&["merge", "r@main", "bbg"]);
    let output = desk.run(&["-C", "w", "merge", "main"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("vds switch main"), "{said}");
}

#[test]
fn what_another_process_chose_to_hold_is_seen_by_who_waited() {
    let desk = desk();
    let dir = desk.path("w");
    let (_, marker) = Workspace::find(&dir, Trust::Own).unwrap().unwrap();
    let store = Store::open(&desk.path(".vds"), DEFAULT_WAIT).unwrap();
    let mut workspace = Workspace::open(store, &dir, marker, DEFAULT_WAIT).unwrap();
    desk.ok(&["-C", "w", "sparse-checkout", "set", "a"]);
    let _held = workspace.hold().unwrap();
    assert_eq!(workspace.scope().to_string(), "a");
}
