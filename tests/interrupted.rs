//! Workspaces that are interrupted, raced and shared: no file is lost, and status never lies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;

use desk::{Desk, until};

/// A store with a branch `main` of `count` files that hold `old`, and one `next` where they hold `new`.
fn desk(count: usize) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    for (text, args) in [("old", "r"), ("new", "r@next")] {
        for n in 0..count {
            desk.write(&format!("in/{}/{n}", n % 7), &format!("{text} {n}\n"));
        }
        if args == "r@next" {
            desk.ok(&["branch", "create", "r@next"]);
            desk.write("in/only/next", "new\n");
            fs::remove_file(desk.path("in/0/0")).unwrap();
            desk.ok(&["commit", "r@next", "in", "--mirror", "-m", "new"]);
        } else {
            desk.ok(&["commit", "r", "in", "-m", "old"]);
        }
    }
    desk.ok(&["checkout", "r", "--into", "w"]);
    desk
}

fn text(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.path(name)).unwrap_or_default()
}

#[test]
fn a_switch_that_was_killed_can_be_finished_or_taken_back() {
    for back in [false, true] {
        let desk = desk(1500);
        desk.write("w/mine", "mine\n");
        let mut switch = desk.command(&["-C", "w", "switch", "next"]).stdout(Stdio::null()).spawn().unwrap();
        until("the switch", || {
            text(&desk, "w/.vds/workspace").contains("[moving]") || !desk.path("w/0/0").exists()
        });
        switch.kill().unwrap();
        switch.wait().unwrap();
        let halfway = text(&desk, "w/.vds/workspace").contains("[moving]");
        // What is of either version is no change of the person's.
        assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "mine\n");
        if halfway {
            let (code, said) = desk.no(&["-C", "w", "commit", "-m", "half"]);
            assert_eq!(code, 1, "{said}");
            assert!(desk.ok(&["-C", "w", "status"]).contains("vds checkout next"));
        }
        let (to, word) = if back { ("main", "old") } else { ("next", "new") };
        desk.ok(&["-C", "w", "checkout", to]);
        assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "mine\n");
        for n in 1..1500 {
            assert_eq!(text(&desk, &format!("w/{}/{n}", n % 7)), format!("{word} {n}\n"));
        }
        assert_eq!(desk.path("w/0/0").exists(), back);
        assert_eq!(desk.path("w/only").exists(), !back);
        assert_eq!(fs::read_dir(desk.path("w/.vds/workspace.tmp")).unwrap().count(), 0);
    }
}

#[test]
fn a_directory_made_just_before_the_kill_goes_again() {
    let desk = desk(3);
    let marker = text(&desk, "w/.vds/workspace");
    let next = desk.ok(&["log", "r@next", "-n", "1", "--quiet"]);
    let moving = format!("{marker}\n[moving]\nbranch = \"next\"\ncommit = \"{}\"\n", next.trim());
    desk.write("w/.vds/workspace", &moving);
    fs::create_dir(desk.path("w/only")).unwrap();
    desk.ok(&["-C", "w", "checkout", "main"]);
    assert!(!desk.path("w/only").exists());
}

#[test]
fn nothing_seems_deleted_while_a_workspace_comes_to_hold_less() {
    let desk = desk(1500);
    for (args, begun) in [(["set", "3"], "w/0/0"), (["add", "4"], "w/4/4")] {
        let there = desk.path(begun).exists();
        let mut child = desk.command(&["-C", "w", "sparse-checkout", args[0], args[1]]);
        let mut child = child.stdout(Stdio::null()).spawn().unwrap();
        until("the change", || desk.path(begun).exists() != there);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
        desk.ok(&["-C", "w", "sparse-checkout", args[0], args[1]]);
        // What was left over is no longer looked at.
        let _ = fs::remove_dir_all(desk.path("w/4"));
    }
    desk.ok(&["-C", "w", "restore", "4"]);
    assert_eq!(desk.ok(&["-C", "w", "sparse-checkout", "list", "--quiet"]), "3\n4\n");
    desk.ok(&["-C", "w", "sparse-checkout", "disable"]);
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
    for n in 0..1500 {
        assert_eq!(text(&desk, &format!("w/{}/{n}", n % 7)), format!("old {n}\n"));
    }
}

#[test]
fn a_change_to_a_file_between_two_versions_is_not_lost() {
    let desk = desk(3);
    let marker = text(&desk, "w/.vds/workspace");
    let next = desk.ok(&["log", "r@next", "-n", "1", "--quiet"]);
    // As a process leaves it that was killed after its first file.
    desk.write("w/1/1", "new 1\n");
    desk.write(
        "w/.vds/workspace",
        &format!("{marker}\n[moving]\nbranch = \"next\"\ncommit = \"{}\"\n", next.trim()),
    );
    fs::remove_file(desk.path("w/2/2")).unwrap();
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
    desk.write("w/2/2", "mine 2\n");
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "2/2\n");
    for to in ["next", "main"] {
        let (code, said) = desk.no(&["-C", "w", "checkout", to]);
        assert!(code == 1 && said.contains("2/2"), "{said}");
    }
    desk.ok(&["-C", "w", "restore", "2/2"]);
    assert_eq!(text(&desk, "w/2/2"), "old 2\n");
    // What is of the other version differs all the same.
    assert_eq!(desk.ok(&["-C", "w", "diff", "--name-status"]), "M\t1/1\n");
    assert_eq!(desk.ok(&["-C", "w", "diff", "main", "--name-status"]), "M\t1/1\n");
    assert!(desk.ok(&["-C", "w", "status"]).contains("nothing of yours"));
    desk.ok(&["-C", "w", "checkout", "next"]);
    assert_eq!(text(&desk, "w/1/1") + &text(&desk, "w/2/2"), "new 1\nnew 2\n");
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
}

#[test]
fn a_change_of_the_same_length_right_after_is_seen() {
    let desk = desk(2);
    for n in 0..20 {
        let [one, other] = [format!("aaa {n:02}\n"), format!("bbb {n:02}\n")];
        desk.write("w/1/1", &one);
        desk.ok(&["-C", "w", "commit", "-m", "one"]);
        desk.write("w/1/1", &other);
        assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "1/1\n", "after a commit");
        desk.ok(&["-C", "w", "restore", "1/1"]);
        desk.write("w/1/1", &other);
        assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "1/1\n", "after a restore");
        desk.ok(&["-C", "w", "restore", "1/1"]);
        assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
    }
}

#[test]
fn what_does_not_differ_is_not_touched() {
    let desk = desk(4);
    let stand = |name: &str| {
        let meta = fs::metadata(desk.path(name)).unwrap();
        (meta.ino(), meta.ctime(), meta.ctime_nsec())
    };
    desk.ok(&["-C", "w", "switch", "-c", "third"]);
    desk.write("w/1/1", "third\n");
    desk.ok(&["-C", "w", "commit", "-m", "third"]);
    let before = ["w/0/0", "w/2/2", "w/3/3"].map(stand);
    desk.ok(&["-C", "w", "switch", "main"]);
    assert_eq!(text(&desk, "w/1/1"), "old 1\n");
    assert_eq!(["w/0/0", "w/2/2", "w/3/3"].map(stand), before);
    // A local change elsewhere is not even looked at: what cannot be read is no hindrance.
    fs::remove_file(desk.path("w/2/2")).unwrap();
    fs::create_dir(desk.path("w/2/2")).unwrap();
    desk.ok(&["-C", "w", "switch", "third"]);
    assert!(desk.path("w/2/2").is_dir());
}

#[test]
fn files_that_are_read_only_are_replaced_and_modes_come_back() {
    let desk = desk(2);
    fs::set_permissions(desk.path("w/1/1"), fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
    desk.ok(&["-C", "w", "switch", "next"]);
    assert_eq!(text(&desk, "w/1/1"), "new 1\n");
    fs::set_permissions(desk.path("w/1/1"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("1/1", desk.path("w/link")).unwrap();
    desk.ok(&["-C", "w", "commit", "-m", "modes"]);
    desk.ok(&["-C", "w", "switch", "main"]);
    assert!(fs::symlink_metadata(desk.path("w/link")).is_err());
    assert_eq!(fs::metadata(desk.path("w/1/1")).unwrap().permissions().mode() & 0o111, 0);
    desk.ok(&["-C", "w", "switch", "next"]);
    assert_eq!(fs::read_link(desk.path("w/link")).unwrap().to_str(), Some("1/1"));
    assert_eq!(fs::metadata(desk.path("w/1/1")).unwrap().permissions().mode() & 0o100, 0o100);
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
}

#[test]
fn workspaces_that_commit_to_one_branch_lose_nothing() {
    let desk = desk(1);
    let names = ["w1", "w2", "w3", "w4"];
    for name in names {
        desk.ok(&["checkout", "r", "--into", name]);
    }
    std::thread::scope(|scope| {
        for name in names {
            let desk = &desk;
            scope.spawn(move || {
                for n in 0..4 {
                    desk.write(&format!("{name}/{name}-{n}"), name);
                    desk.ok(&["-C", name, "commit", "-m", name]);
                }
            });
        }
        // Others look, and work in the same workspace.
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..6 {
                    desk.ok(&["-C", "w1", "status"]);
                    desk.ok(&["-C", "w1", "restore", "0/0"]);
                }
            });
        }
    });
    let there = desk.ok(&["ls", "r", "--quiet"]);
    for name in names {
        (0..4).for_each(|n| assert!(there.contains(&format!("{name}-{n}\n")), "{there}"));
        desk.ok(&["-C", name, "switch", "main"]);
        assert_eq!(desk.ok(&["-C", name, "status", "--quiet"]), "");
    }
}

#[test]
fn a_workspace_keeps_its_marker_and_what_it_does_not_hold_to_itself() {
    let desk = desk(3);
    desk.ok(&["checkout", "r", "--into", "w/inner"]);
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
    desk.write("w/new", "new\n");
    desk.ok(&["-C", "w", "commit", "-m", "new"]);
    desk.ok(&["repo", "create", "other"]);
    let said = desk.ok(&["commit", "other", "w", "-m", "the same as plain files"]);
    assert!(!said.contains(".vds"), "{said}");
    assert_eq!(desk.ok(&["ls", "-r", "other", "--quiet"]), desk.ok(&["ls", "-r", "r", "--quiet"]));
    // A store's own directory may be a workspace of it.
    desk.ok(&["checkout", "r@next", "--into", ".", "--force"]);
    assert!(desk.ok(&["status"]).starts_with("on r@next"));
    let (code, said) = desk.no(&["init", "w"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn links_in_the_workspaces_own_directory_lead_nowhere() {
    let desk = desk(2);
    fs::create_dir(desk.path("elsewhere")).unwrap();
    let own = |name: &str| desk.path(&format!("w/.vds/{name}"));
    fs::remove_dir_all(own("workspace.tmp")).unwrap();
    for (name, to) in [("workspace.tmp", "elsewhere"), ("workspace.index", "elsewhere/index")] {
        let _ = fs::remove_file(own(name));
        std::os::unix::fs::symlink(desk.path(to), own(name)).unwrap();
    }
    desk.ok(&["-C", "w", "switch", "next"]);
    assert_eq!(desk.ok(&["-C", "w", "status", "--quiet"]), "");
    assert_eq!(fs::read_dir(desk.path("elsewhere")).unwrap().count(), 0);
    fs::remove_file(own("workspace.lock")).unwrap();
    std::os::unix::fs::symlink(desk.path("elsewhere/lock"), own("workspace.lock")).unwrap();
    let (code, said) = desk.no(&["-C", "w", "switch", "main"]);
    assert!(code == 7 && !desk.path("elsewhere/lock").exists(), "{said}");
}
