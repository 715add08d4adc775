//! git, to compare with: a bare repository whose commits are made of whole lists of files.

#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

/// Files by path: git's mode, and the content.
pub type Files = BTreeMap<String, (&'static str, String)>;

/// How files that both sides changed are merged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Not at all.
    Ask,
    /// By lines.
    Text,
}

/// A repository of git's, and the blobs that it has been given, by content and by id.
pub struct Git {
    dir: tempfile::TempDir,
    blobs: RefCell<BTreeMap<String, String>>,
}

impl Git {
    pub fn new(content: Content) -> Self {
        let git = Self { dir: tempfile::tempdir().unwrap(), blobs: RefCell::default() };
        git.run(&["init", "-q", "--bare", "."], "");
        for (key, value) in [
            ("user.name", "ann"),
            ("user.email", "ann@example.org"),
            ("gc.auto", "0"),
            ("core.fsync", "none"),
        ] {
            git.run(&["config", key, value], "");
        }
        let attributes = if content == Content::Ask { "* -merge\n" } else { "" };
        std::fs::create_dir_all(git.dir.path().join("info")).unwrap();
        std::fs::write(git.dir.path().join("info/attributes"), attributes).unwrap();
        git
    }

    /// What git answers, and its exit code.
    pub fn try_run(&self, args: &[&str], input: &str) -> (String, i32) {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.dir.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_CONFIG_SYSTEM", "/dev/null").env("GIT_INDEX_FILE", self.dir.path().join("index"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let code = output.status.code().unwrap();
        assert!(code < 2, "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), code)
    }

    fn run(&self, args: &[&str], input: &str) -> String {
        let (answer, code) = self.try_run(args, input);
        assert_eq!(code, 0, "git {args:?}");
        answer.trim_end().to_owned()
    }

    fn blob(&self, content: &str) -> String {
        if let Some(known) = self.blobs.borrow().get(content) {
            return known.clone();
        }
        let id = self.run(&["hash-object", "-w", "--stdin"], content);
        self.blobs.borrow_mut().insert(content.to_owned(), id.clone());
        self.blobs.borrow_mut().insert(id.clone(), content.to_owned());
        id
    }

    fn content(&self, blob: &str) -> String {
        let known = self.blobs.borrow().get(blob).cloned();
        known.unwrap_or_else(|| self.try_run(&["cat-file", "blob", blob], "").0)
    }

    pub fn commit(&self, files: &Files, parents: &[String]) -> String {
        self.run(&["read-tree", "--empty"], "");
        let mut index = String::new();
        for (path, (mode, content)) in files {
            let blob = self.blob(content);
            index += &format!("{mode} {blob}\t{path}\n");
        }
        self.run(&["update-index", "--index-info"], &index);
        let tree = self.run(&["write-tree"], "");
        let mut args = vec!["commit-tree", tree.as_str(), "-m", "x"];
        parents.iter().for_each(|parent| args.extend(["-p", parent.as_str()]));
        self.run(&args, "")
    }

    pub fn files(&self, tree: &str) -> Files {
        let list = self.run(&["ls-tree", "-r", tree], "");
        let file = |line: &str| {
            let (head, path) = line.split_once('\t').unwrap();
            let fields: Vec<&str> = head.split(' ').collect();
            let mode = ["100644", "100755", "120000"].into_iter().find(|mode| *mode == fields[0]).unwrap();
            (path.to_owned(), (mode, self.content(fields[2])))
        };
        list.lines().map(file).collect()
    }

    /// The merged files, and the paths in conflict.
    pub fn merge(&self, ours: &str, theirs: &str) -> (Files, BTreeSet<String>) {
        // No content occurs at two paths, so that there are no such renames; git 2.47 does not heed -X no-renames.
        let how = [
            "--write-tree",
            "--name-only",
            "--no-messages",
            "--allow-unrelated-histories",
            "-X",
            "find-renames=100%",
        ];
        let (answer, code) = self.try_run(&[&["merge-tree"], &how[..], &[ours, theirs]].concat(), "");
        let mut lines = answer.lines();
        let tree = lines.next().unwrap().to_owned();
        let conflicts: BTreeSet<String> =
            lines.filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
        assert_eq!(code == 1, !conflicts.is_empty());
        (self.files(&tree), conflicts)
    }
}

impl Git {
    /// The versions of a path, for a person who looks into a difference.
    pub fn told(&self, ours: &str, theirs: &str, path: &str) -> String {
        let bases = self.try_run(&["merge-base", "--all", ours, theirs], "").0;
        let files = |commit: &str| {
            let near = |(other, _): &(String, _)| plain(other).split('/').next() == path.split('/').next();
            self.files(commit).into_iter().filter(near).collect::<Files>()
        };
        let all =
            bases.lines().chain([ours, theirs]).map(|commit| format!("\n{commit:.8} {:?}", files(commit)));
        format!("{path}{}", all.collect::<String>())
    }
}

/// git gives a file in the way of a directory another name.
pub fn plain(conflict: &str) -> String {
    conflict.split('~').next().unwrap().to_owned()
}
