//! What a person, a disk or a stranger can put in the way: each gets a clear answer, and nothing is half done.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use desk::Desk;
use rustix::fs::{CWD, FileType, Mode, mknodat};

fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs what must fail with this exit code, in two lines with these words, and must leave the branch where it was.
#[track_caller]
fn refused(desk: &Desk, args: &[&str], code: i32, words: &[&str]) {
    let head = |desk: &Desk| desk.run(&["log", "r", "-n", "1", "--quiet"]).stdout;
    let before = head(desk);
    let output = desk.run(args);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    for word in words {
        assert!(text.contains(word), "{args:?} does not say {word:?}: {text}");
    }
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: "), "{text}");
    assert_eq!(head(desk), before, "{args:?} moved the branch");
    nothing_is_left(desk);
}

#[track_caller]
fn nothing_is_left(desk: &Desk) {
    let left: Vec<_> = fs::read_dir(desk.path(".vds/tmp")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn listed(desk: &Desk) -> Vec<String> {
    let listing: serde_json::Value = serde_json::from_str(&desk.ok(&["ls", "-r", "r", "--json"])).unwrap();
    let entries = listing["entries"].as_array().unwrap();
    entries.iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn odd_names_go_in_and_come_out() {
    let desk = desk();
    let names =
        ["a(1)+[x].csv", "line\nbreak", "Ünï", "A", "a", "-", "--all", " ", "a\\b", "x@y:z", "*", "#", "!no"];
    for name in names {
        desk.write(&format!("in/{name}"), name);
    }
    desk.write(&format!("in/{}/end", vec!["d"; 300].join("/")), "deep");
    desk.write(&format!("in/{}", "n".repeat(255)), "long");
    desk.ok(&["commit", "r", "in", "-m", "odd"]);
    assert_eq!(listed(&desk).len(), names.len() + 2);
    desk.ok(&["checkout", "r", "--into", "out"]);
    for name in names {
        assert_eq!(fs::read_to_string(desk.path("out").join(name)).unwrap(), name);
    }
    assert_eq!(desk.ok(&["cat", &format!("r:{}/end", vec!["d"; 300].join("/"))]), "deep");
    assert_eq!(desk.ok(&["commit", "r", "out", "--mirror", "-m", "the same", "--quiet"]), "");
}

#[test]
fn names_that_cannot_be_stored_are_refused_and_can_be_left_out() {
    let desk = desk();
    desk.write("in/good", "x");
    let bad = desk.path("in").join(OsStr::from_bytes(b"bad\xff.txt"));
    fs::write(&bad, "x").unwrap();
    refused(
        &desk,
        &["commit", "r", "in", "-m", "x"],
        2,
        &["not UTF-8", ".vdsignore", "nothing was committed"],
    );
    desk.write("in/.vdsignore", "bad*\n");
    desk.ok(&["commit", "r", "in", "-m", "x"]);
    assert_eq!(listed(&desk), [".vdsignore", "good"]);
    desk.write("named/.vds", "a file with the name of a store");
    refused(&desk, &["commit", "r", "named", "-m", "x"], 2, &["named/.vds", "store"]);
    for to in ["../x", "/x", "a/../x", ".vds/x", "a/.VDS/x", "", "a//b", &"x".repeat(256), &"x/".repeat(2100)]
    {
        refused(&desk, &["commit", "r", "in/good", "--to", to, "-m", "x"], 2, &[]);
    }
    desk.write("in/.vdsignore", "{bad\n[z-a]\n");
    refused(&desk, &["commit", "r", "in", "-m", "x"], 2, &["left out"]);
}

#[test]
fn what_holds_no_data_is_counted_and_passed_over() {
    let desk = desk();
    fs::create_dir_all(desk.path("in/empty/inner")).unwrap();
    let fifo =
        |name: &str| mknodat(CWD, desk.path(name), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    fifo("in/pipe1");
    fifo("in/pipe2");
    let _socket = UnixListener::bind(desk.path("in/socket")).unwrap();
    desk.write("in/nothing", "");
    desk.write("in/other/.vds/format", "vds 1\n");
    desk.write("in/other/file", "x");
    symlink("nowhere", desk.path("in/dangling")).unwrap();
    symlink("loop", desk.path("in/loop")).unwrap();
    symlink("..", desk.path("in/up")).unwrap();
    let output = desk.run(&["commit", "r", "in", "-m", "odd"]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for line in [
        "warning: passed over 1 socket: in/socket",
        "warning: passed over 2 named pipes, such as in/pipe1",
        "warning: passed over 2 directories without files, such as in/empty",
        "warning: passed over 1 other store: in/other/.vds",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    assert_eq!(listed(&desk), ["dangling", "loop", "nothing", "other/file", "up"]);
    desk.ok(&["checkout", "r", "--into", "out"]);
    assert_eq!(fs::read_link(desk.path("out/up")).unwrap(), Path::new(".."));
    assert_eq!(fs::read(desk.path("out/nothing")).unwrap(), b"");
    for (place, word) in [("in/pipe1", "neither"), ("in/socket", "neither"), ("/dev/null", "neither")] {
        refused(&desk, &["commit", "r", place, "-m", "x"], 2, &[word]);
    }
    // A link that is named is followed if it leads to a directory, and is a link otherwise.
    symlink("in", desk.path("to-in")).unwrap();
    assert_eq!(desk.ok(&["commit", "r", "to-in", "-m", "x", "--quiet"]), "");
    desk.ok(&["commit", "r", "in/loop", "--to", "links", "-m", "x"]);
    refused(&desk, &["commit", "r", "absent", "-m", "x"], 3, &["absent", "check the path"]);
}

#[test]
fn the_store_does_not_swallow_itself() {
    let desk = desk();
    desk.write("x", "1");
    desk.write("sub/y", "2");
    let output = desk.run(&["commit", "r", ".", "-m", "all"]);
    assert!(output.status.success() && !said(&output).contains("warning"), "{}", said(&output));
    assert_eq!(listed(&desk), ["sub/y", "x"]);
    for place in [".vds", ".vds/packs", "sub/../.vds/format"] {
        refused(&desk, &["commit", "r", place, "-m", "x"], 2, &["in the store itself"]);
    }
    refused(&desk, &["checkout", "r", "--into", ".vds/packs"], 2, &["belongs to a store"]);
    // A store under another name, named by its own directory, and through a link.
    fs::rename(desk.path(".vds"), desk.path("shop")).unwrap();
    symlink("shop", desk.path("shop-link")).unwrap();
    for name in ["shop", "shop-link"] {
        desk.ok(&["--store", name, "commit", "r", ".", "-m", "all"]);
        let files = desk.ok(&["--store", name, "ls", "-r", "r"]);
        assert!(!files.contains("shop/"), "{files}");
        fs::write(desk.path("x"), name).unwrap();
    }
}

#[test]
fn two_files_for_one_path_are_refused() {
    let desk = desk();
    desk.write("a/x", "1");
    desk.write("b/x", "2");
    desk.write("c/x/y", "3");
    desk.write("same/x", "1");
    refused(
        &desk,
        &["commit", "r", "a/x", "b/x", "-m", "x"],
        2,
        &["a/x and b/x would both become x", "--to"],
    );
    refused(&desk, &["commit", "r", "a", "c", "-m", "x"], 2, &["both become x"]);
    refused(&desk, &["commit", "r", "c", "a", "-m", "x"], 2, &["both become x"]);
    refused(&desk, &["commit", "r", "a/x", "--mirror", "-m", "x"], 2, &["not a directory"]);
    desk.ok(&["commit", "r", "a/x", "same", "-m", "one content"]);
    assert_eq!(listed(&desk), ["x"]);
    // A file where a directory was, and the reverse.
    desk.ok(&["commit", "r", "c", "-m", "directory"]);
    assert_eq!(listed(&desk), ["x/y"]);
    desk.ok(&["commit", "r", "a", "-m", "file"]);
    assert_eq!(listed(&desk), ["x"]);
}

/// The program as somebody who is not root, if this test is.
fn as_nobody(desk: &Desk, args: &[&str]) -> Output {
    if !rustix::process::geteuid().is_root() {
        return desk.run(args);
    }
    // The program itself may lie where only root can go.
    let copy = desk.path("vds");
    if !copy.exists() {
        fs::copy(env!("CARGO_BIN_EXE_vds"), &copy).unwrap();
    }
    let mut command = Command::new(copy);
    command.args(args).current_dir(desk.path("")).env_remove("VDS_STORE").uid(65_534).gid(65_534);
    command.output().unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_may_not_be_read_is_refused_whole() {
    let desk = Desk::in_the_open();
    desk.ok(&["repo", "create", "r"]);
    desk.write("in/good", "x");
    desk.write("in/secret/file", "x");
    for dir in ["", "in", "in/secret"] {
        set_mode(&desk.path(dir), 0o755);
    }
    if rustix::process::geteuid().is_root() {
        let all = Command::new("chown").args(["-R", "65534:65534", "."]).current_dir(desk.path("")).status();
        assert!(all.unwrap().success());
    }
    let check = |words: &str| {
        let output = as_nobody(&desk, &["commit", "r", "in", "-m", "x"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(7), "{text}");
        assert!(text.contains(words) && text.contains("Permission denied"), "{text}");
        assert!(text.contains("nothing was committed"), "{text}");
    };
    set_mode(&desk.path("in/secret/file"), 0);
    check("in/secret/file");
    set_mode(&desk.path("in/secret"), 0);
    check("in/secret");
    set_mode(&desk.path("in/secret"), 0o755);
    set_mode(&desk.path("in/secret/file"), 0o644);
    assert!(as_nobody(&desk, &["commit", "r", "in", "-m", "x"]).status.success());
    fs::create_dir(desk.path("shut")).unwrap();
    set_mode(&desk.path("shut"), 0o500);
    let output = as_nobody(&desk, &["checkout", "r", "--into", "shut/out"]);
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    assert!(said(&output).contains("hint: "), "{}", said(&output));
    set_mode(&desk.path(".vds"), 0);
    let output = as_nobody(&desk, &["log", "r"]);
    assert!(!output.status.success() && said(&output).contains("Permission denied"), "{}", said(&output));
    set_mode(&desk.path(".vds"), 0o755);
}

#[test]
fn what_is_no_store_says_so() {
    let desk = desk();
    desk.write("file", "x");
    fs::create_dir(desk.path("empty")).unwrap();
    for place in ["file", "empty", "absent"] {
        let (code, text) = desk.no(&["--store", place, "log", "r"]);
        assert_eq!(code, 3, "{text}");
        assert!(text.contains(&format!("{place} is no store")) && text.contains("hint: "), "{text}");
    }
    fs::write(desk.path(".vds/format"), "vds 7\n").unwrap();
    let (code, text) = desk.no(&["log", "r"]);
    assert!(code == 5 && text.contains("format 7") && text.contains("install the vds"), "{text}");
    let (code, text) = desk.no(&["init", "file"]);
    assert!((code == 2 || code == 7) && text.contains("file"), "{code} {text}");
}

#[test]
fn stores_in_stores_keep_apart_and_a_moved_one_is_found() {
    let desk = desk();
    desk.write("x", "outer");
    desk.ok(&["commit", "r", "x", "-m", "x"]);
    fs::create_dir(desk.path("inner")).unwrap();
    desk.ok(&["init", "inner"]);
    desk.ok(&["--store", "inner", "repo", "create", "r"]);
    let log = desk.command(&["log", "r"]).current_dir(desk.path("inner")).output().unwrap();
    assert!(said(&log).contains("no commit"), "{}", said(&log));
    let output = desk.run(&["commit", "r", ".", "-m", "all"]);
    assert!(said(&output).contains("passed over 1 other store: ./inner/.vds"), "{}", said(&output));
    fs::rename(desk.path(".vds"), desk.path("moved")).unwrap();
    assert_eq!(desk.ok(&["--store", "moved", "cat", "r:x"]), "outer");
    let (code, text) = desk.no(&["log", "r"]);
    assert!(code == 3 && text.contains("vds init"), "{text}");
}

#[test]
fn a_store_without_its_format_stops_the_search_for_one() {
    let desk = desk();
    desk.write("x", "outer");
    desk.ok(&["commit", "r", "x", "-m", "x"]);
    desk.ok(&["init", "inner"]);
    desk.ok(&["--store", "inner", "repo", "create", "r"]);
    desk.write("inner/x", "inner");
    let inside = |args: &[&str]| {
        let output = desk.command(args).current_dir(desk.path("inner")).output().unwrap();
        (output.status.code().unwrap(), said(&output))
    };
    // An empty mount point, or a link to a disk that is not there.
    for name in ["empty", "file", "link"] {
        fs::create_dir(desk.path(name)).unwrap();
    }
    fs::create_dir(desk.path("empty/.vds")).unwrap();
    fs::write(desk.path("file/.vds"), "").unwrap();
    symlink("/nowhere", desk.path("link/.vds")).unwrap();
    for name in ["empty", "file", "link"] {
        let output = desk.command(&["log", "r"]).current_dir(desk.path(name)).output().unwrap();
        assert!(
            output.status.code() == Some(3) && said(&output).contains("is no store"),
            "{}",
            said(&output)
        );
    }
    fs::write(desk.path("inner/.vds/format"), "").unwrap();
    for args in [&["commit", "r", "x", "-m", "inner"][..], &["log", "r"], &["init"]] {
        let (code, text) = inside(args);
        assert_eq!(code, 5, "{args:?}: {text}");
        assert!(text.contains("inner/.vds/format is empty\nhint: ") && text.contains("`vds 1`"), "{text}");
    }
    assert_eq!(desk.ok(&["log", "r", "--oneline"]).lines().count(), 1);
    fs::write(desk.path("inner/.vds/format"), "vds 1\n").unwrap();
    assert_eq!(inside(&["commit", "r", "x", "-m", "inner"]).0, 0);
    assert_eq!(desk.ok(&["--store", "inner", "cat", "r:x"]), "inner");
}

#[test]
fn a_name_that_differs_only_in_case_is_refused_where_that_is_no_difference() {
    let Some(mount) = desk::Mount::vfat(16) else {
        println!("skipped: cannot mount a file system that does not tell case apart");
        return;
    };
    let desk = desk();
    desk.write("in/a/File", "1");
    desk.write("in/a/file", "2");
    desk.write("in/z", "3");
    desk.ok(&["commit", "r", "in", "-m", "x"]);
    let out = mount.path("out");
    refused(&desk, &["checkout", "r", "--into", &out], 1, &["does not tell", "nothing was written"]);
    assert!(!Path::new(&out).exists());
    desk.ok(&["checkout", "r", "--into", &out, "--", "a/File", "z"]);
}
