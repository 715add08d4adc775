//! A desk to work at: a directory with a store, and the program run in it. For the tests that use vds as a person does.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

/// How often a test looks for a fact before it gives up.
const PATIENCE: u32 = 3000;

/// Copies a directory with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).map(drop).unwrap();
        }
    }
}

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

/// How many processes run whose command line has this in it.
pub fn processes(marker: &str) -> usize {
    let running = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
    let is_marked = |line: &Vec<u8>| String::from_utf8_lossy(line).contains(marker);
    fs::read_dir("/proc").unwrap().flatten().filter_map(running).filter(is_marked).count()
}

/// A directory with a store, and the program run in it.
pub struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    /// A directory with a fresh store, where programs of stages see it too: they have a `/tmp` of their own.
    pub fn new() -> Self {
        let built = env!("CARGO_TARGET_TMPDIR");
        let place = if built.starts_with("/tmp/") { "/var/tmp" } else { built };
        Self::at(tempfile::tempdir_in(place).unwrap())
    }

    /// A directory with a fresh store, where anybody can go.
    pub fn in_the_open() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    fn at(dir: tempfile::TempDir) -> Self {
        let desk = Self { dir };
        desk.ok(&["init"]);
        desk
    }

    /// A directory with a fresh store, the repo `in`, and the pipeline `p`, whose stage `a` runs the script `do.sh`. The file says
    /// `more` of the stage, at least its input.
    pub fn with_script(script: &str, more: &str) -> Self {
        let desk = Self::new();
        desk.ok(&["repo", "create", "in"]);
        desk.write("do.sh", script);
        let stage = "[stage.a]\ncommand = ['sh', 'do.sh']\ncode = ['do.sh']";
        desk.write("p.toml", &format!("pipeline = 'p'\n{stage}\n{more}"));
        desk.ok(&["pipeline", "create", "p.toml"]);
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

    /// Writes three minutes of ticks of a day in May 2024 below `days/DAY`.
    pub fn write_day(&self, day: &str, price: &str) {
        for minute in ["13", "14", "15"] {
            let text = format!("time,price\n2024-05-{day}T14:{minute}:30Z,{price}{minute}\n");
            self.write(&format!("days/{day}/2024/05/{day}/14/{minute}.csv"), &text);
        }
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

/// A small file system of its own, for tests that fill it; gone when this is dropped.
pub struct Mount {
    dir: tempfile::TempDir,
}

impl Mount {
    fn with(command: &mut Command) -> bool {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// In memory, with these options of `tmpfs(5)`; `None` where this process may not mount.
    pub fn tmpfs(options: &str) -> Option<Self> {
        let mount = Self { dir: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(mount.dir.path());
        Self::with(&mut command).then_some(mount)
    }

    /// One that does not tell upper from lower case, of this many MiB; `None` where that cannot be had.
    pub fn vfat(size: u64) -> Option<Self> {
        let mount = Self { dir: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(size << 20).unwrap();
        let made = Self::with(Command::new("mkfs.vfat").arg(image.path()));
        let mut command = Command::new("mount");
        command.args(["-t", "vfat", "-o", "loop"]).arg(image.path()).arg(mount.dir.path());
        (made && Self::with(&mut command)).then_some(mount)
    }

    /// The path of `name` in it.
    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // What was never mounted cannot be unmounted, which is as well.
        let _ = Self::with(Command::new("umount").arg(self.dir.path()));
    }
}
