//! A directory that is watched: what is committed of it, when, and what is left when the watch ends, however it ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use desk::{Desk, until};
use rustix::process::{Pid, Signal, kill_process};

/// So long a line is waited for before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running watch of `in` for the repo `r`, which commits what has been quiet for a moment.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn of(desk: &Desk, more: &[&str]) -> Self {
        let pace: &[&str] = if more.contains(&"--quiet-for") { &[] } else { &["--quiet-for", "50ms"] };
        let mut command = desk.command(&[&["watch", "in", "r", "--quiet"], pace, more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || out.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        Self { child, lines }
    }

    /// Waits for the next commit's id.
    #[track_caller]
    fn commit(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// Ends it with a signal, and returns its exit code and what it said.
    fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), text)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    fs::create_dir(desk.path("in")).unwrap();
    desk
}

/// The files of the branch, in one line.
fn files(desk: &Desk) -> String {
    desk.ok(&["ls", "-r", "r", "--quiet"]).lines().collect::<Vec<_>>().join(" ")
}

/// Waits until the branch has these files.
#[track_caller]
fn until_files(desk: &Desk, want: &str) {
    let has = || {
        let output = desk.run(&["ls", "-r", "r", "--quiet"]);
        String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>().join(" ") == want
    };
    until(want, has);
}

fn commits(desk: &Desk) -> usize {
    String::from_utf8(desk.run(&["log", "r", "--quiet"]).stdout).unwrap().lines().count()
}

/// Commits what is there, and returns the ids.
fn once(desk: &Desk, more: &[&str]) -> String {
    desk.ok(&[&["watch", "in", "r", "--once", "--quiet", "--quiet-for", "20ms"], more].concat())
}

#[test]
fn what_arrives_is_committed_when_it_is_whole() {
    let desk = desk();
    for noticing in [&[][..], &["--poll", "20ms"]] {
        desk.write("in/first", "1");
        desk.write("in/.hidden", "no");
        desk.write("in/.git/config", "no");
        desk.write("in/d/b.csv.part", "whole by and by");
        desk.write("in/x~", "no");
        desk.write("in/out.log", "no");
        desk.write("in/.vdsignore", "*.log\n");
        let watch = Watch::of(&desk, noticing);
        watch.commit();
        assert_eq!(files(&desk), "first", "{noticing:?}");
        // A name that comes at once, in a directory that may be newer than the system's attention to it.
        fs::rename(desk.path("in/d/b.csv.part"), desk.path("in/d/b.csv")).unwrap();
        watch.commit();
        assert_eq!(files(&desk), "d/b.csv first");
        desk.write("in/new/deep/c", "3");
        watch.commit();
        until_files(&desk, "d/b.csv first new/deep/c");
        fs::remove_file(desk.path("in/first")).unwrap();
        desk.write("in/d/b.csv", "changed");
        watch.commit();
        assert_eq!(files(&desk), "d/b.csv first new/deep/c");
        assert_eq!(desk.ok(&["cat", "r:d/b.csv"]), "changed");
        drop(watch);
        desk.ok(&["repo", "delete", "r"]);
        desk.ok(&["repo", "create", "r"]);
        fs::remove_dir_all(desk.path("in")).unwrap();
        fs::create_dir(desk.path("in")).unwrap();
    }
}

#[test]
fn a_file_that_somebody_writes_waits_and_the_others_do_not() {
    let desk = desk();
    let mut written = fs::File::create(desk.path("in/open")).unwrap();
    written.write_all(b"half").unwrap();
    let watch = Watch::of(&desk, &[]);
    desk.write("in/whole", "1");
    watch.commit();
    assert_eq!(files(&desk), "whole");
    written.write_all(b" and half").unwrap();
    drop(written);
    watch.commit();
    assert_eq!(desk.ok(&["cat", "r:open"]), "half and half");
    // Also to the end of a single look.
    drop(watch);
    let written = fs::File::create(desk.path("in/late")).unwrap();
    assert_eq!(once(&desk, &["--at-most", "100ms"]), "");
    drop(written);
    assert_eq!(once(&desk, &[]).lines().count(), 1);
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_commits_nothing_twice() {
    let desk = desk();
    let mut want = Vec::new();
    for round in 0..8 {
        for file in 0..3 {
            let name = format!("{round}-{file}");
            fs::write(desk.path("in").join(&name), name.repeat(20_000)).unwrap();
            want.push(name);
        }
        let before = commits(&desk);
        let more: &[&str] = if round % 2 == 0 { &[] } else { &["--remove"] };
        let watch = Watch::of(&desk, more);
        match round {
            0 | 1 => until("writing", || fs::read_dir(desk.path(".vds/tmp")).unwrap().count() > 0),
            2 | 3 => until("a pack", || fs::read_dir(desk.path(".vds/packs")).unwrap().count() > before),
            4 | 5 => until("a commit", || commits(&desk) > before),
            _ => assert_eq!(watch.commit().len(), 64),
        }
        assert_eq!(watch.end(Signal::KILL).0, None);
    }
    once(&desk, &[]);
    let expected: Vec<&str> = want.iter().map(String::as_str).collect();
    assert_eq!(files(&desk), expected.join(" "));
    for name in &want {
        assert_eq!(desk.ok(&["cat", &format!("r:{name}")]), name.repeat(20_000));
    }
    let made = commits(&desk);
    assert!(made <= 9, "{made} commits");
    assert_eq!(once(&desk, &[]), "");
    // What somebody removes from the branch does not come back because it still lies there.
    desk.write("in/stays", "1");
    once(&desk, &[]);
    desk.ok(&["rm", "r", "stays"]);
    desk.write("in/more", "1");
    once(&desk, &[]);
    assert!(files(&desk).contains("more") && !files(&desk).contains("stays"), "{}", files(&desk));
}

#[test]
fn much_or_late_is_committed_though_nothing_is_quiet() {
    let desk = desk();
    let watch = Watch::of(&desk, &["--quiet-for", "1h", "--batch", "3"]);
    for name in ["a", "b", "c"] {
        desk.write(&format!("in/{name}"), "1");
    }
    watch.commit();
    drop(watch);
    let watch = Watch::of(&desk, &["--quiet-for", "1h", "--at-most", "50ms"]);
    desk.write("in/d", "1");
    watch.commit();
    until_files(&desk, "a b c d");
}

#[test]
fn files_go_from_the_directory_or_from_the_branch_if_that_is_asked_for() {
    let desk = desk();
    desk.write("in/d/a", "1");
    desk.write("in/b.tmp", "1");
    assert_eq!(once(&desk, &["--remove", "--to", "deep"]).lines().count(), 1);
    assert_eq!(files(&desk), "deep/d/a");
    assert!(!desk.path("in/d/a").exists() && desk.path("in/b.tmp").exists());
    // The same file again differs in nothing, and goes all the same.
    desk.write("in/d/a", "1");
    assert_eq!(once(&desk, &["--remove", "--to", "deep"]), "");
    assert!(!desk.path("in/d/a").exists());
    // What was committed before, and stayed.
    desk.write("in/d/a", "2");
    once(&desk, &["--to", "deep"]);
    once(&desk, &["--to", "deep", "--remove"]);
    assert!(!desk.path("in/d/a").exists());
    let watch = Watch::of(&desk, &["--mirror"]);
    desk.write("in/one", "1");
    watch.commit();
    until_files(&desk, "one");
    desk.write("in/two", "1");
    watch.commit();
    fs::remove_file(desk.path("in/one")).unwrap();
    watch.commit();
    until_files(&desk, "two");
    drop(watch);
    // An empty directory is more likely a disk that is not there.
    fs::remove_file(desk.path("in/two")).unwrap();
    once(&desk, &["--mirror"]);
    assert_eq!(files(&desk), "two");
}

#[test]
fn a_job_that_fails_ends_nothing_and_is_told() {
    let desk = desk();
    desk.write("p.toml", "pipeline = \"p\"\n[stage.s]\ninput = \"r@*:/*\"\ncommand = [\"false\"]\n");
    desk.ok(&["pipeline", "create", "p.toml"]);
    let watch = Watch::of(&desk, &[]);
    desk.write("in/a", "1");
    watch.commit();
    desk.write("in/b", "1");
    watch.commit();
    let (code, text) = watch.end(Signal::INT);
    assert_eq!(code, Some(130));
    // It may still run the second job.
    let has_ended = text.contains("ended; what has arrived") || text.contains("error: interrupted");
    assert!(text.contains("1 job failed") && has_ended, "{text}");
    desk.write("in/c", "1");
    let output = desk.run(&["watch", "in", "r", "--once", "--quiet-for", "20ms"]);
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(files(&desk), "a b c");
    assert_eq!(fs::read_dir(desk.path(".vds/tmp")).unwrap().count(), 0);
}

#[test]
fn only_one_may_watch_a_directory() {
    let desk = desk();
    let watch = Watch::of(&desk, &[]);
    desk.write("in/a", "1");
    watch.commit();
    let (code, text) = desk.no(&["watch", "./in/.", "r@other", "--once"]);
    assert!(code == 4 && text.contains("is being watched by another process"), "{text}");
    drop(watch);
    once(&desk, &[]);
}

#[test]
fn a_directory_with_the_store_in_it_is_watched_without_the_store() {
    let desk = desk();
    desk.write("a", "1");
    let args = ["watch", ".", "r", "--once", "--quiet", "--quiet-for", "20ms"];
    assert_eq!(desk.ok(&args).lines().count(), 1);
    assert_eq!(files(&desk), "a");
}

#[test]
fn others_may_change_the_branch_meanwhile() {
    let desk = desk();
    let watch = Watch::of(&desk, &[]);
    desk.write("in/a", "1");
    watch.commit();
    desk.write("other", "1");
    desk.ok(&["commit", "r", "other", "-m", "by hand"]);
    desk.write("by-hand/a", "2");
    desk.ok(&["commit", "r", "by-hand", "-m", "another a"]);
    desk.write("in/b", "1");
    watch.commit();
    // What did not arrive again is left as others made it.
    assert_eq!((files(&desk).as_str(), desk.ok(&["cat", "r:a"]).as_str()), ("a b other", "2"));
    desk.write("in/a", "3");
    watch.commit();
    assert_eq!(desk.ok(&["cat", "r:a"]), "3");
}
