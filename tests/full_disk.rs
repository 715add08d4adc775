//! A disk that is full while a directory is watched: the watch says so, goes on when there is room again, and loses nothing. What a full
//! disk does to every other command is in `every_write.rs` and `survival.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;
mod witness;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use desk::{Desk, Mount, until};
use rustix::process::{Pid, Signal, kill_process};
use witness::wrong_with;

/// Fills what is left of the disk with this file, to the last byte.
fn fill(hog: &str) {
    let mut len = 8 << 20;
    let mut written = Vec::new();
    while len > 0 {
        let more = [&written[..], &vec![7_u8; len]].concat();
        if fs::write(hog, &more).is_ok() {
            written = more;
        } else {
            len /= 2;
        }
    }
    let _ = fs::write(hog, [&written[..], &[7; 4096]].concat());
}

struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_watch_goes_on_when_there_is_room_again() {
    let Some(mount) = Mount::tmpfs("size=16m") else {
        println!("SKIPPED: file systems cannot be mounted here");
        return;
    };
    let desk = Desk::new();
    desk.ok(&["init", &mount.path("")]);
    let store = mount.path(".vds");
    let at = |args: &[&str]| desk.run(&[&["--store", &store], args].concat());
    assert!(at(&["repo", "create", "r"]).status.success());
    desk.write("in/first", "first");
    let said = desk.path("said");
    let args = ["--store", &store, "watch", "in", "r", "--quiet-for", "20ms"];
    let mut command = desk.command(&args);
    let errors = fs::File::create(&said).unwrap();
    let mut watch = Watch(command.stdout(Stdio::null()).stderr(errors).spawn().unwrap());
    let holds = |file: &str, text: &str| {
        let output = at(&["cat", &format!("r:{file}")]);
        output.status.success() && output.stdout == text.as_bytes()
    };
    until("the first commit", || holds("first", "first"));
    let hog = mount.path("hog");
    fill(&hog);
    desk.write("in/second", "second");
    let text = || fs::read_to_string(&said).unwrap();
    until("a word of it", || text().contains("trying again"));
    assert!(!holds("second", "second"));
    // What came before the disk was full can be read meanwhile.
    assert!(holds("first", "first"));
    fs::remove_file(hog).unwrap();
    until("the second commit", || holds("second", "second"));
    kill_process(Pid::from_child(&watch.0), Signal::INT).unwrap();
    watch.0.wait().unwrap();
    assert!(!text().contains("panicked"), "{}", text());
    let wrong = wrong_with(Path::new(&store));
    assert!(wrong.is_empty(), "{wrong:?}");
}
