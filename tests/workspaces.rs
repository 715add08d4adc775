//! Workspaces against git: the same edits, commits, switches and restores in a workspace and in a git work tree leave equal
//! files and are told by equal letters.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;
mod dice;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use desk::Desk;
use dice::Dice;

/// How many things are done in one history.
const STEPS: usize = 30;

/// What a file is: its kind and content, or a link's target.
type Files = BTreeMap<String, String>;

/// All files below a directory but those of the tools.
fn files(dir: &Path) -> Files {
    let mut found = Files::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(inside) = dirs.pop() {
        for entry in fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            let meta = fs::symlink_metadata(&path).unwrap();
            if name == ".git" || name == ".vds" {
                continue;
            }
            if meta.is_dir() {
                dirs.push(path);
            } else if meta.is_symlink() {
                found.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
            } else {
                let star = if meta.permissions().mode() & 0o100 == 0 { "" } else { "* " };
                found.insert(name, format!("{star}{}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// One history in both.
struct Twins {
    desk: Desk,
    dice: Dice,
    branches: Vec<String>,
    on: String,
    fresh: usize,
    log: Vec<String>,
}

impl Twins {
    fn new(seed: u64) -> Self {
        let desk = Desk::new();
        desk.ok(&["repo", "create", "r"]);
        desk.ok(&["checkout", "r", "--into", "vds"]);
        fs::create_dir(desk.path("git")).unwrap();
        let (branches, on) = (vec!["main".to_owned()], "main".to_owned());
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut twins = Self { desk, dice, branches, on, fresh: 0, log: Vec::new() };
        twins.git_ok(&["init", "-q", "-b", "main"]);
        for name in ["a", "d/a", "d/e/f"] {
            twins.write(name);
        }
        twins.commit();
        twins
    }

    fn git(&self, args: &[&str]) -> Output {
        self.run_git(args, None)
    }

    fn run_git(&self, args: &[&str], index: Option<&Path>) -> Output {
        let mut git = Command::new("git");
        git.current_dir(self.desk.path("git")).args(args);
        for (name, value) in [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.org"),
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.org"),
        ] {
            git.env(name, value);
        }
        git.envs(index.map(|index| ("GIT_INDEX_FILE", index)));
        git.output().unwrap()
    }

    #[track_caller]
    fn git_ok(&self, args: &[&str]) -> String {
        let output = self.git(args);
        assert!(
            output.status.success(),
            "git {args:?}: {}\n{:#?}",
            String::from_utf8_lossy(&output.stderr),
            self.log
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn vds(&self, args: &[&str]) -> Output {
        self.desk.run(&[&["-C", "vds"], args].concat())
    }

    #[track_caller]
    fn vds_ok(&self, args: &[&str]) -> String {
        let output = self.vds(args);
        assert!(
            output.status.success(),
            "vds {args:?}: {}\n{:#?}",
            String::from_utf8_lossy(&output.stderr),
            self.log
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn places(&self, name: &str) -> [PathBuf; 2] {
        ["git", "vds"].map(|tool| self.desk.path(tool).join(name))
    }

    /// A text that was never there before.
    fn text(&mut self) -> String {
        self.fresh += 1;
        // Of one length, so that a change shows in the times alone.
        format!("text {:05}\n", self.fresh)
    }

    /// A name: of a file that is there, or of a few that may be.
    fn name(&mut self) -> String {
        let there: Vec<String> = files(&self.desk.path("git")).into_keys().collect();
        if self.dice.roll(2) == 0
            && let Some(name) = self.dice.pick(&there)
        {
            return name.clone();
        }
        let names = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/f", "x.csv", "d/x y.csv", "é", "a/b"];
        names[self.dice.roll(names.len())].to_owned()
    }

    /// Makes room for a file at `name` in both: what is in the way goes.
    fn clear(&self, name: &str) {
        for place in self.places(name) {
            for above in place.ancestors().skip(1).take_while(|above| above != &self.desk.path("")) {
                if fs::symlink_metadata(above).is_ok_and(|meta| !meta.is_dir()) {
                    fs::remove_file(above).unwrap();
                }
            }
            match fs::symlink_metadata(&place) {
                Ok(meta) if meta.is_dir() => fs::remove_dir_all(&place).unwrap(),
                Ok(_) => fs::remove_file(&place).unwrap(),
                Err(_) => {}
            }
            fs::create_dir_all(place.parent().unwrap()).unwrap();
        }
    }

    fn write(&mut self, name: &str) {
        let text = self.text();
        self.log.push(format!("write {name}"));
        self.clear(name);
        self.places(name).iter().for_each(|place| fs::write(place, &text).unwrap());
    }

    fn edit(&mut self) {
        let name = self.name();
        let text = self.text();
        match self.dice.roll(8) {
            0 => {
                self.log.push(format!("remove {name}"));
                self.places(&name).iter().for_each(|place| drop(fs::remove_file(place)));
            }
            1 => {
                self.log.push(format!("link {name}"));
                self.clear(&name);
                self.places(&name).iter().for_each(|place| symlink(text.trim(), place).unwrap());
            }
            2 => {
                let from = self.name();
                let is_file = |place: &PathBuf| fs::symlink_metadata(place).is_ok_and(|meta| !meta.is_dir());
                if from != name && !name.starts_with(&from) && self.places(&from).iter().all(is_file) {
                    self.log.push(format!("move {from} {name}"));
                    let kept = files(&self.desk.path("git"))[&from].clone();
                    self.clear(&name);
                    // Making room may have taken it away.
                    if files(&self.desk.path("git")).get(&from) == Some(&kept) {
                        for (from, to) in self.places(&from).iter().zip(self.places(&name)) {
                            fs::rename(from, to).unwrap();
                        }
                    }
                }
            }
            3 => {
                self.log.push(format!("program {name}"));
                self.clear(&name);
                for place in self.places(&name) {
                    fs::write(&place, &text).unwrap();
                    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
                }
            }
            4 => {
                let there = files(&self.desk.path("git"));
                let plain: Vec<&String> =
                    there.iter().filter(|(_, what)| what.starts_with("text")).map(|(name, _)| name).collect();
                if let Some(name) = self.dice.pick(&plain) {
                    let name = (*name).clone();
                    self.log.push(format!("mode {name}"));
                    for place in self.places(&name) {
                        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
                    }
                    // git takes the same change on both sides for a loss.
                    self.commit();
                }
            }
            _ => self.write(&name),
        }
    }

    /// What has changed, as git tells it when all of it is staged in an index of its own. It is made anew each time: a copy
    /// would be newer than the files, and git, which counts seconds, would take them for unchanged.
    fn letters(&self) -> String {
        let index = self.desk.path("index");
        let _ = fs::remove_file(&index);
        let with = |args: &[&str]| self.run_git(args, Some(&index));
        assert!(with(&["add", "-A"]).status.success());
        let args = ["-c", "core.quotePath=false", "diff", "--cached", "--name-status", "-M100%"];
        let is_born = self.git(&["rev-parse", "-q", "--verify", "HEAD"]).status.success();
        let head = if is_born {
            "HEAD".to_owned()
        } else {
            self.git_ok(&["hash-object", "-t", "tree", "/dev/null"]).trim().to_owned()
        };
        let said = with(&[&args[..], &[&head]].concat());
        String::from_utf8(said.stdout).unwrap().replace("R100", "R").replace("T\t", "M\t")
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(files(&self.desk.path("vds")), files(&self.desk.path("git")), "{:#?}", self.log);
        let (vds, git) = (self.vds_ok(&["status", "--short"]), self.letters());
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&vds), sorted(&git), "{:#?}", self.log);
    }

    fn commit(&mut self) {
        if self.letters().is_empty() {
            return;
        }
        self.log.push("commit".to_owned());
        self.git_ok(&["add", "-A"]);
        self.git_ok(&["commit", "-q", "-m", "m"]);
        self.vds_ok(&["commit", "-m", "m"]);
        let tree = self.git_ok(&["-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "HEAD"]);
        assert_eq!(self.vds_ok(&["ls", "-r", "--quiet"]), tree, "{:#?}", self.log);
    }

    fn switch(&mut self) {
        // git writes a file anew that was removed here; vds does not lose that it was.
        if self.letters().lines().any(|line| line.starts_with(['D', 'R'])) {
            self.commit();
        }
        let to = self.dice.pick(&self.branches).unwrap().clone();
        self.log.push(format!("switch {to}"));
        let (git, vds) = (self.git(&["switch", "-q", &to]), self.vds(&["switch", &to]));
        let said = String::from_utf8_lossy(&git.stderr) + String::from_utf8_lossy(&vds.stderr);
        assert_eq!(git.status.success(), vds.status.success(), "{said}\n{:#?}", self.log);
        if vds.status.success() {
            self.on = to;
        } else {
            assert_eq!(vds.status.code(), Some(1), "{said}");
        }
    }

    fn branch(&mut self) {
        if self.branches.len() == 4 {
            return;
        }
        let name = format!("b{}", self.branches.len());
        self.log.push(format!("branch {name}"));
        self.git_ok(&["switch", "-q", "-c", &name]);
        self.vds_ok(&["switch", "-c", &name]);
        self.branches.push(name.clone());
        self.on = name;
    }

    fn restore(&mut self) {
        let changed: Vec<String> = self
            .letters()
            .lines()
            .filter_map(|line| line.strip_prefix("M\t").or(line.strip_prefix("D\t")).map(str::to_owned))
            .filter(|name| {
                self.places(name).iter().all(|place| !place.is_dir() && place.parent().unwrap().is_dir())
            })
            .collect();
        if let Some(name) = self.dice.pick(&changed) {
            self.log.push(format!("restore {name}"));
            self.git_ok(&["restore", "--source=HEAD", "--worktree", "--", name]);
            self.vds_ok(&["restore", name]);
        }
    }

    fn step(&mut self) {
        match self.dice.roll(10) {
            0 | 1 => self.commit(),
            2 | 3 => self.switch(),
            4 => self.branch(),
            5 => self.restore(),
            _ => self.edit(),
        }
        self.check();
    }
}

fn history(seed: u64) {
    let mut twins = Twins::new(seed);
    for _ in 0..STEPS {
        twins.step();
    }
}

#[test]
fn a_workspace_goes_where_git_goes_1() {
    (1..4).for_each(history);
}

#[test]
fn a_workspace_goes_where_git_goes_2() {
    (4..7).for_each(history);
}
