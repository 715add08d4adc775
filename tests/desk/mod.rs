//! A desk to work at: a directory with a store, and the program run in it. For the tests that use vds as a person does.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

/// How often a test looks for a fact before it gives up.
const PATIENCE: u32 = 3000;

/// Waits until `fact` holds.
#[track_caller]
pub fn until(what: &str, fact: impl Fn() -> bool) {
    let mut looks = 0;
    while !fact() {
        looks += 1;
        assert!(looks < PATIENCE, "{what} did not come about");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A directory with a store, and the program run in it.
pub struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    /// A directory with a fresh store.
    pub fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.ok(&["init"]);
        desk
    }

    /// The path of `name` in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, with the directories that it needs.
    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// The program with these arguments, ready to be started in the directory.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vds"));
        command.args(args).current_dir(self.dir.path()).env_remove("VDS_STORE").env("VDS_AUTHOR", "Ann");
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs what must succeed, and returns what it answered.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs what must fail, and returns its exit code and what it said.
    #[track_caller]
    pub fn no(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?} succeeded");
        (output.status.code().unwrap(), errors)
    }
}
