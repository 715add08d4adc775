//! What is left of a store when a process is killed, the disk is full, or many work at once: all that was acknowledged.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};

use desk::{Desk, Mount};
use rustix::process::{Pid, Signal, kill_process};

/// Bytes that look random, cannot be compressed, and are the same every time.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new_derive_key("test noise").update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

fn entries(dir: impl AsRef<Path>) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

/// Waits for a fact; a test that waits for ever is ended from outside.
fn wait_for(mut fact: impl FnMut() -> bool) {
    while !fact() {
        std::thread::yield_now();
    }
}

/// The store in which nothing may be lost: all its commits can be read, their files too.
#[track_caller]
fn check_whole(desk: &Desk, store: &str, acknowledged: &[String]) {
    let log = desk.ok(&["--store", store, "log", "r", "--quiet"]);
    for id in acknowledged {
        assert!(log.lines().any(|line| line == id), "{id} is lost");
    }
    for id in log.lines() {
        for file in desk.ok(&["--store", store, "ls", "-r", &format!("r@{id}"), "--quiet"]).lines() {
            let output = desk.run(&["--store", store, "cat", &format!("r@{id}:{file}")]);
            assert!(output.status.success(), "{id}:{file}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(entries(Path::new(&desk.path(store)).join("tmp")), 0, "something is left in tmp");
}

const PIPELINE: &str = "pipeline = \"p\"\n[stage.copy]\ninput = \"r@*:/*\"\ncommand = [\"sh\", \"-c\", \"cat $VDS_IN_R/* > $VDS_OUT/$VDS_DATUM\"]\n";

#[test]
fn a_process_that_is_killed_loses_nothing_that_was_acknowledged() {
    for with_pipeline in [false, true] {
        let desk = Desk::new();
        desk.ok(&["repo", "create", "r"]);
        if with_pipeline {
            desk.write("p.toml", PIPELINE);
            desk.ok(&["pipeline", "create", "p.toml"]);
        }
        let mut acknowledged = Vec::new();
        for round in 0..6_u64 {
            fs::create_dir_all(desk.path("in")).unwrap();
            for file in 0..4 {
                fs::write(desk.path("in").join(format!("{file}")), noise(200_000, round * 4 + file)).unwrap();
            }
            let mut commit = desk.command(&["commit", "r", "in", "-m", "x", "--quiet"]);
            let mut child = commit.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap());
            // At another moment each time: by what it has done so far, because time says nothing on a busy machine.
            let store = desk.path(".vds");
            let (packs, tables) = (entries(store.join("packs")), entries(store.join("index")));
            let ended = |child: &mut Child| child.try_wait().unwrap().is_some();
            match round {
                0 => {}
                1 => wait_for(|| entries(store.join("tmp")) > 0 || ended(&mut child)),
                2 => wait_for(|| entries(store.join("packs")) > packs || ended(&mut child)),
                3 => wait_for(|| entries(store.join("index")) != tables || ended(&mut child)),
                4 => {
                    let mut id = String::new();
                    out.read_line(&mut id).unwrap();
                    acknowledged.extend(id.lines().map(str::to_owned));
                }
                _ => wait_for(|| ended(&mut child)),
            }
            let _ = child.kill();
            child.wait().unwrap();
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            acknowledged.extend(rest.lines().filter(|line| line.len() == 64).map(str::to_owned));
        }
        assert!(acknowledged.len() >= 2, "{acknowledged:?}");
        desk.run(&["run"]);
        check_whole(&desk, ".vds", &acknowledged);
        if with_pipeline {
            assert!(desk.run(&["cat", "p/copy:3"]).stdout == desk.run(&["cat", "r:3"]).stdout);
        }
    }
}

#[test]
fn told_to_end_it_ends_plainly_and_leaves_nothing() {
    for (name, sent, code) in [("INT", Signal::INT, 130), ("TERM", Signal::TERM, 143)] {
        let desk = Desk::new();
        desk.ok(&["repo", "create", "r"]);
        // Standard input that does not end keeps the commit waiting in the middle of its work.
        let mut commit = desk.command(&["commit", "r", "-", "--to", "x", "-m", "x"]);
        let mut child =
            commit.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&noise(8 << 20, 1)).unwrap();
        wait_for(|| entries(desk.path(".vds/tmp")) > 0);
        signal(&child, sent);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {text}");
        assert!(text.starts_with("error: interrupted\nhint: "), "{text}");
        drop(pipe);
        let (code, text) = desk.no(&["log", "r"]);
        assert!(code == 3 && text.contains("no commit"), "{text}");
        assert_eq!(entries(desk.path(".vds/tmp")), 0);
    }
}

#[test]
fn a_checkout_that_is_killed_can_be_repeated() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    for n in 0..40 {
        fs::create_dir_all(desk.path("in")).unwrap();
        fs::write(desk.path("in").join(n.to_string()), noise(300_000, n)).unwrap();
    }
    desk.ok(&["commit", "r", "in", "-m", "x"]);
    for want in [1, 5, 20] {
        let mut child = desk
            .command(&["checkout", "r", "--plain", "--into", "out"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(|| entries(desk.path("out")) >= want || child.try_wait().unwrap().is_some());
        let _ = child.kill();
        child.wait().unwrap();
        for file in fs::read_dir(desk.path("out")).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let whole = noise(300_000, name.parse().unwrap());
            assert!(fs::read(desk.path("out").join(&name)).unwrap() == whole, "{name} is not whole");
        }
        desk.ok(&["checkout", "r", "--plain", "--into", "out"]);
        assert_eq!(entries(desk.path("out")), 40);
        fs::remove_dir_all(desk.path("out")).unwrap();
    }
}

#[test]
fn two_that_change_one_file_do_not_overwrite_each_other() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("x", "base");
    desk.ok(&["commit", "r", "x", "-m", "base"]);
    // The first has looked at the branch, and waits for the rest of its file, when the second commits.
    let mut first = desk.command(&["commit", "r", "-", "--to", "x", "-m", "first"]);
    let mut first = first.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = first.stdin.take().unwrap();
    pipe.write_all(&noise(8 << 20, 1)).unwrap();
    wait_for(|| entries(desk.path(".vds/tmp")) > 0);
    assert!(desk.ok(&["log", "r", "--oneline"]).contains("base"));
    desk.write("x", "second");
    desk.ok(&["commit", "r", "x", "-m", "second"]);
    desk.write("y", "another file");
    desk.ok(&["commit", "r", "y", "-m", "third"]);
    drop(pipe);
    let output = first.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(": x\n") && text.lines().count() == 2, "{text}");
    assert_eq!(desk.ok(&["cat", "r:x"]), "second");
    assert_eq!(desk.ok(&["log", "r", "--oneline"]).lines().count(), 3);
    assert_eq!(entries(desk.path(".vds/tmp")), 0);
}

#[test]
fn ten_at_once_on_one_branch_and_on_their_own_lose_nothing() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    let spawn = |n: usize| {
        let name = format!("f{n}");
        desk.write(&name, &n.to_string());
        let target = if n.is_multiple_of(2) { "r".to_owned() } else { format!("r@own{n}") };
        let mut commit = desk.command(&["commit", &target, &name, "-m", &name, "--quiet"]);
        commit.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..10).map(spawn).collect();
    for (n, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{n}: {}", String::from_utf8_lossy(&output.stderr));
        let id = String::from_utf8(output.stdout).unwrap();
        assert_eq!(desk.ok(&["cat", &format!("r@{}:f{n}", id.trim())]), n.to_string());
    }
    assert_eq!(desk.ok(&["ls", "r"]).lines().count(), 5);
    assert_eq!(desk.ok(&["branch", "list", "r", "--quiet"]).lines().count(), 6);
    assert_eq!(entries(desk.path(".vds/tmp")), 0);
}

/// A desk whose store lies on a file system of its own.
fn small_store(options: &str) -> Option<(Desk, Mount, String)> {
    let Some(mount) = Mount::tmpfs(options) else {
        println!("skipped: file systems cannot be mounted here");
        return None;
    };
    let desk = Desk::new();
    desk.ok(&["init", &mount.path("")]);
    let store = mount.path(".vds");
    desk.ok(&["--store", &store, "repo", "create", "r"]);
    desk.write("first", "what is there stays there");
    desk.ok(&["--store", &store, "commit", "r", "first", "-m", "first"]);
    Some((desk, mount, store))
}

#[track_caller]
fn full(desk: &Desk, args: &[&str]) -> String {
    let output = desk.run(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{args:?}: {text}");
    assert!(text.lines().count() == 2 && text.contains("\nhint: free some space"), "{text}");
    text
}

#[test]
fn a_commit_that_does_not_fit_is_refused_or_fails_and_the_store_stays() {
    let Some((desk, mount, store)) = small_store("size=16m") else { return };
    fs::write(desk.path("big"), noise(40 << 20, 1)).unwrap();
    let text = full(&desk, &["--store", &store, "commit", "r", "big", "-m", "big"]);
    assert!(text.contains("need about"), "{text}");
    // Text shrinks: as it is it would not fit.
    fs::write(desk.path("text"), "time,price\n".repeat(3 << 20)).unwrap();
    desk.ok(&["--store", &store, "commit", "r", "text", "-m", "text"]);
    // Standard input has no size that could be asked for first: the disk fills under it.
    let big = fs::File::open(desk.path("big")).unwrap();
    let mut commit = desk.command(&["--store", &store, "commit", "r", "-", "--to", "big", "-m", "big"]);
    let output = commit.stdin(big).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{text}");
    assert!(text.contains("\nhint: free some space"), "{text}");
    check_whole(&desk, &store, &[]);
    // Others fill the disk to the last byte.
    let hog = mount.path("hog");
    let _ = fs::write(&hog, noise(16 << 20, 2));
    fs::write(desk.path("small"), noise(2 << 20, 3)).unwrap();
    full(&desk, &["--store", &store, "commit", "r", "small", "-m", "small"]);
    assert!(desk.ok(&["--store", &store, "log", "r", "--oneline"]).contains("first"));
    fs::remove_file(hog).unwrap();
    let id = desk.ok(&["--store", &store, "commit", "r", "small", "-m", "small", "--quiet"]);
    check_whole(&desk, &store, &[id.trim().to_owned()]);
}

#[test]
fn what_is_in_a_store_can_be_read_when_its_disk_is_full() {
    let Some((desk, mount, store)) = small_store("size=8m") else { return };
    let hog = mount.path("hog");
    let _ = fs::write(&hog, noise(16 << 20, 1));
    desk.write("second", "x");
    for round in 0..3 {
        let out = format!("out{round}");
        for args in [
            &["log", "r"][..],
            &["ls", "-r", "r"],
            &["branch", "list", "r"],
            &["checkout", "r", "--into", &out],
            &["commit", "r", "second", "-m", "second", "--dry-run"],
        ] {
            desk.ok(&[&["--store", &store], args].concat());
        }
        assert_eq!(fs::read_to_string(desk.path(&out).join("first")).unwrap(), "what is there stays there");
        full(&desk, &["--store", &store, "commit", "r", "second", "-m", "second"]);
        full(&desk, &["--store", &store, "branch", "create", "r@b"]);
        if round == 1 {
            fs::remove_dir_all(mount.path(".vds/index")).unwrap();
            let _ = fs::OpenOptions::new().append(true).open(&hog).unwrap().write_all(&noise(1 << 20, 2));
        }
    }
    fs::remove_file(hog).unwrap();
    let output = desk.run(&["--store", &store, "log", "r"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let id = desk.ok(&["--store", &store, "commit", "r", "second", "-m", "second", "--quiet"]);
    check_whole(&desk, &store, &[id.trim().to_owned()]);
}

#[test]
fn a_store_without_room_for_another_file_fails_clearly_and_stays() {
    let Some((desk, mount, store)) = small_store("size=16m,nr_inodes=64") else { return };
    let mut hogs = Vec::new();
    while let Ok(file) = fs::File::create(mount.path(&format!("hog{}", hogs.len()))) {
        hogs.push((file, mount.path(&format!("hog{}", hogs.len()))));
    }
    desk.write("second", "x");
    full(&desk, &["--store", &store, "commit", "r", "second", "-m", "second"]);
    // sled makes a file when it is opened, and the store is read without it.
    assert_eq!(desk.ok(&["--store", &store, "cat", "r:first"]), "what is there stays there");
    for (_, hog) in hogs {
        fs::remove_file(hog).unwrap();
    }
    let id = desk.ok(&["--store", &store, "commit", "r", "second", "-m", "second", "--quiet"]);
    check_whole(&desk, &store, &[id.trim().to_owned()]);
}

#[test]
fn a_job_that_fills_the_disk_fails_and_can_be_run_again() {
    let Some((desk, mount, store)) = small_store("size=24m") else { return };
    desk.write("p.toml", "pipeline = \"p\"\n[stage.grow]\ninput = \"r@main:/go\"\ncommand = [\"sh\", \"-c\", \"head -c 40000000 /dev/urandom > $VDS_OUT/big\"]\n");
    desk.ok(&["--store", &store, "pipeline", "create", "p.toml"]);
    desk.write("go", "x");
    let (code, text) = desk.no(&["--store", &store, "commit", "r", "go", "-m", "go"]);
    assert!(code == 6 || code == 7, "{code}: {text}");
    assert!(desk.ok(&["--store", &store, "cat", "r:go"]) == "x");
    check_whole(&desk, &store, &[]);
    assert!(desk.ok(&["--store", &store, "job", "list"]).contains("failed"));
    drop(mount);
}

#[test]
fn a_checkout_that_does_not_fit_writes_nothing_and_one_that_fails_can_be_repeated() {
    let Some(mount) = Mount::tmpfs("size=8m,nr_inodes=20") else {
        println!("skipped: file systems cannot be mounted here");
        return;
    };
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    fs::create_dir(desk.path("in")).unwrap();
    fs::write(desk.path("in/big"), noise(12 << 20, 1)).unwrap();
    desk.ok(&["commit", "r", "in", "--to", "big", "-m", "big"]);
    let text = full(&desk, &["checkout", "r:big", "--plain", "--into", &mount.path("out")]);
    assert!(text.contains("nothing was written") && entries(mount.path("")) == 0, "{text}");
    for n in 0..30 {
        desk.write(&format!("many/{n}"), &n.to_string());
    }
    desk.ok(&["commit", "r", "many", "--to", "many", "-m", "many"]);
    full(&desk, &["checkout", "r:many", "--plain", "--into", &mount.path("out")]);
    let written = entries(mount.path("out/many"));
    assert!((1..30).contains(&written), "{written}");
    desk.ok(&["checkout", "r", "--plain", "--into", &mount.path("out"), "--", "many/0", "many/1"]);
}

#[test]
fn what_is_kept_free_is_set_and_nothing_new_is_stored_when_no_more_is_left() {
    let Some((desk, mount, store)) = small_store("size=64m") else { return };
    let at = |args: &[&'static str]| [&["--store", store.as_str()], args].concat();
    desk.ok(&["--store", &store, "clone", &store, &mount.path("other")]);
    desk.ok(&at(&["config", "set", "reserve", "50%"]));
    fs::write(desk.path("third"), noise(22 << 20, 1)).unwrap();
    desk.ok(&at(&["commit", "r", "third", "-m", "a third"]));
    // It is refused before anything is read, and while it comes, and as a copy from elsewhere.
    fs::write(desk.path("more"), noise(22 << 20, 2)).unwrap();
    assert!(full(&desk, &at(&["commit", "r", "more", "-m", "more"])).contains("need about"));
    let hog = mount.path("hog");
    fs::write(&hog, noise(16 << 20, 3)).unwrap();
    desk.write("small", "x");
    full(&desk, &at(&["commit", "r", "small", "-m", "small"]));
    let mut commit = desk.command(&at(&["commit", "r", "-", "--to", "small", "-m", "small"]));
    let output = commit.stdin(fs::File::open(desk.path("small")).unwrap()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(7) && text.contains("are kept free"), "{text}");
    // What is not data goes on.
    desk.ok(&at(&["branch", "create", "r@b"]));
    desk.ok(&at(&["config", "set", "reserve", "1MiB"]));
    let id = desk.ok(&at(&["commit", "r", "small", "-m", "small", "--quiet"]));
    let other = mount.path("other");
    desk.ok(&["--store", &other, "config", "set", "reserve", "60%"]);
    assert!(full(&desk, &["--store", &other, "pull"]).contains("are kept free"));
    desk.ok(&["--store", &other, "undo"]);
    desk.ok(&["--store", &other, "pull"]);
    check_whole(&desk, &store, &[id.trim().to_owned()]);
}
