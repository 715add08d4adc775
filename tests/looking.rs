//! History and differences as vds tells them, against git itself, on histories that look random and are always the same.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use desk::Desk;
use vds::content;
use vds::draft::Draft;
use vds::history;
use vds::ledger::{Origin, OriginKind};
use vds::meta::Batch;
use vds::object::{CommitId, Entry, FileKind};
use vds::store::{DEFAULT_WAIT, Store};
use vds::tree;

type Files = BTreeMap<String, String>;

/// A commit: its parents by number, and its files.
struct Made {
    parents: Vec<usize>,
    files: Files,
}

/// Numbers that look random.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX generator; its upper bits are good enough for tests.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }

    /// Edits some files: each new content is one that was never there before, so that a rename is never in doubt.
    fn edit(&mut self, files: &mut Files, number: usize) {
        for edit in 0..=self.below(3) {
            let path = format!("{}/{}", ["a", "b", "a b"][self.below(3)], self.below(7));
            let content = format!("{}commit {number}, edit {edit}\n", "same line\n".repeat(self.below(4)));
            match (self.below(4), files.remove(&path)) {
                (0, Some(_)) => {}
                (1, Some(content)) => {
                    files.insert(format!("{path}.{number}"), content);
                }
                (_, Some(old)) => {
                    files.insert(path, old + &content);
                }
                (_, None) => {
                    files.insert(path, content);
                }
            }
        }
    }
}

/// A history of `count` commits. Some are merges, of two or three; of these some are like a parent, others take each file from any.
fn history(seed: u64, count: usize, merges: usize) -> Vec<Made> {
    let mut noise = Noise(seed);
    let mut made: Vec<Made> = vec![Made { parents: Vec::new(), files: Files::new() }];
    noise.edit(&mut made[0].files, 0);
    for number in 1..count {
        let recent = |noise: &mut Noise| number - 1 - noise.below(number.min(4));
        let mut parents = vec![if merges == 0 { number - 1 } else { recent(&mut noise) }];
        if noise.below(100) < merges {
            parents.extend((0..=noise.below(4) / 3).map(|_| recent(&mut noise)));
            let mut seen = BTreeSet::new();
            parents.retain(|parent| seen.insert(*parent));
        }
        let mut files = made[parents[noise.below(parents.len())]].files.clone();
        if parents.len() > 1 && noise.below(3) > 0 {
            let all: BTreeSet<String> =
                parents.iter().flat_map(|parent| made[*parent].files.keys().cloned()).collect();
            for path in all {
                match made[parents[noise.below(parents.len())]].files.get(&path) {
                    Some(content) => files.insert(path, content.clone()),
                    None => files.remove(&path),
                };
            }
        }
        if parents.len() == 1 || noise.below(4) == 0 {
            noise.edit(&mut files, number);
        }
        made.push(Made { parents, files });
    }
    made
}

/// One history, in vds and in git. The title of each commit is its number.
struct Both {
    desk: Desk,
    count: usize,
}

impl Both {
    fn new(made: &[Made]) -> Self {
        let desk = Desk::new();
        desk.ok(&["repo", "create", "r"]);
        keep(&Store::open(&desk.path(".vds"), DEFAULT_WAIT).unwrap(), made);
        let both = Self { desk, count: made.len() };
        both.git(&["init", "--quiet", "--bare", "g"], "");
        both.git(&["-C", "g", "fast-import", "--quiet"], &stream(made));
        both
    }

    fn git(&self, args: &[&str], input: &str) -> String {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.desk.path("")).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut git = command.spawn().unwrap();
        git.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = git.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The titles that a log tells, newest first.
    fn vds_log(&self, options: &[&str]) -> Vec<String> {
        let args = [&["log", "r", "--oneline"], options].concat();
        self.desk.ok(&args).lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    /// The drawing, with titles alone.
    fn vds_graph(&self, options: &[&str]) -> String {
        let drawing = self.desk.ok(&[&["log", "r", "--oneline", "--graph"], options].concat());
        let untitled = |line: &str| match line.find(|c: char| c.is_ascii_hexdigit()) {
            Some(id) => format!("{}{}\n", &line[..id], &line[id + 13..]),
            None => format!("{line}\n"),
        };
        drawing.lines().map(untitled).collect()
    }

    /// The same as git draws it.
    fn git_graph(&self, options: &[&str]) -> String {
        let head = format!("c{}", self.count - 1);
        let args = [&["-C", "g", "log", "--graph", "--topo-order", "--format=%s", &head], options].concat();
        self.git(&args, "").lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

fn keep(store: &Store, made: &[Made]) {
    let writer = store.writer();
    let mut ids: Vec<CommitId> = Vec::new();
    let origin = |time: usize| Origin {
        time: 1_714_521_600_000 + 1000 * i64::try_from(time).unwrap(),
        offset: 0,
        author: "Ann".to_owned(),
        command: "test".to_owned(),
        kind: OriginKind::Operation,
    };
    for (number, Made { parents, files }) in made.iter().enumerate() {
        let mut draft = Draft::new(tree::empty(&writer).unwrap());
        for (path, content) in files {
            let kept = content::keep_bytes(&writer, content.as_bytes()).unwrap();
            let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
            draft.put(path.parse().unwrap(), entry);
        }
        let (tree, _) = draft.finish(&writer).unwrap();
        let parents = parents.iter().map(|parent| ids[*parent]).collect();
        let draft = history::Draft { parents, tree, message: number.to_string(), provenance: None };
        ids.push(history::write(&writer, draft, &origin(number)).unwrap().0);
    }
    writer.finish().unwrap();
    let mut facts = store.session().unwrap();
    let repo = history::load_repo(&facts, &"r".parse().unwrap()).unwrap();
    let mut batch = Batch::default();
    for (number, id) in ids.iter().enumerate() {
        history::record_commit(&mut batch, &repo, id);
        history::move_head(&mut batch, &repo, &format!("c{number}").parse().unwrap(), None, Some(*id));
    }
    history::move_head(&mut batch, &repo, &"main".parse().unwrap(), None, ids.last().copied());
    facts.commit(&origin(made.len()), &batch).unwrap();
}

/// The history as `git fast-import` reads it.
fn stream(made: &[Made]) -> String {
    let mut text = String::new();
    for (number, Made { parents, files }) in made.iter().enumerate() {
        let title = number.to_string();
        writeln!(text, "commit refs/heads/c{number}\nmark :{}", number + 1).unwrap();
        writeln!(text, "committer Ann <ann@example.org> {} +0000", 1_714_521_600 + number).unwrap();
        writeln!(text, "data {}\n{title}", title.len()).unwrap();
        for (at, parent) in parents.iter().enumerate() {
            writeln!(text, "{} :{}", if at == 0 { "from" } else { "merge" }, parent + 1).unwrap();
        }
        writeln!(text, "deleteall").unwrap();
        for (path, content) in files {
            writeln!(text, "M 100644 inline \"{path}\"\ndata {}\n{content}", content.len()).unwrap();
        }
    }
    text
}

#[test]
fn the_drawing_shows_the_history_that_git_shows() {
    for seed in 0..12 {
        let both = Both::new(&history(seed, 60, 45));
        assert_eq!(both.vds_graph(&[]), both.git_graph(&[]), "seed {seed}");
        let first = both.vds_log(&["--first-parent"]);
        assert_eq!(
            first,
            both.git(&["-C", "g", "log", "--first-parent", "--format=%s", "c59"], "")
                .lines()
                .collect::<Vec<_>>()
        );
        for paths in [&["a/1"][..], &["a"], &["b/3", "b/2"], &["a b", "b"]] {
            // What never was is an error here, and nothing to git.
            let was = |path: &&&str| {
                let log = ["-C", "g", "log", "--full-history", "-1", "--format=%s", "c59", "--", path];
                !both.git(&log, "").is_empty()
            };
            let paths: Vec<&str> = paths.iter().filter(was).copied().collect();
            let paths = paths.as_slice();
            let mine = both.vds_graph(&[&["--no-follow", "--"], paths].concat());
            assert_eq!(mine, both.git_graph(&[&["--"], paths].concat()), "seed {seed}, {paths:?}");
            let told: BTreeSet<String> =
                both.vds_log(&[&["--no-follow", "--"], paths].concat()).into_iter().collect();
            let gits = both.git(&[&["-C", "g", "log", "--format=%s", "c59", "--"], paths].concat(), "");
            assert_eq!(told, gits.lines().map(str::to_owned).collect(), "seed {seed}, {paths:?}");
        }
    }
}

#[test]
fn renamed_files_are_followed_as_git_follows_them() {
    for seed in 0..4 {
        let made = history(seed, 60, 0);
        let both = Both::new(&made);
        for path in made[59].files.keys() {
            let follow = ["-C", "g", "log", "--follow", "-M100%", "--format=%s", "c59", "--", path];
            let want = both.git(&follow, "");
            assert_eq!(both.vds_log(&["--", path]), want.lines().collect::<Vec<_>>(), "seed {seed}, {path}");
        }
    }
}

#[test]
fn the_last_commit_of_an_entry_is_the_first_of_its_history() {
    for seed in 40..46 {
        let made = history(seed, 60, 40);
        let both = Both::new(&made);
        let blame = |options: &[&str]| {
            let told = both.desk.ok(&[&["blame", "r"], options].concat());
            let entry = |line: &str| {
                let (start, title) = line.split_once('\t').unwrap();
                (start.split_once(" Ann ").unwrap().1.to_owned(), title.to_owned())
            };
            told.lines().map(entry).collect::<BTreeMap<String, String>>()
        };
        let last = |path: &str| {
            both.git(&["-C", "g", "log", "-1", "--format=%s", "c59", "--", path], "").trim_end().to_owned()
        };
        let files = made[59].files.keys().cloned().map(|path| (last(&path), path));
        assert_eq!(blame(&["-r"]), files.map(|(title, path)| (path, title)).collect(), "seed {seed}");
        let tops: BTreeSet<&str> =
            made[59].files.keys().map(|path| path.split('/').next().unwrap()).collect();
        let tops = tops.into_iter().map(|path| (path.to_owned(), last(path)));
        assert_eq!(blame(&[]), tops.collect(), "seed {seed}");
    }
}

#[test]
fn differences_are_those_that_git_finds() {
    for seed in 20..23 {
        let both = Both::new(&history(seed, 40, 30));
        for (a, b) in [(0, 39), (39, 0), (10, 20), (20, 21), (30, 12), (38, 39)] {
            let (from, to) = (format!("c{a}"), format!("c{b}"));
            let want = both.git(&["-C", "g", "diff", "--name-status", "-M100%", &from, &to], "");
            let want: BTreeSet<String> = want.lines().map(|line| line.replace("R100", "R")).collect();
            let got = both.desk.ok(&["diff", &format!("r@{from}"), &to]);
            assert_eq!(got.lines().map(str::to_owned).collect::<BTreeSet<_>>(), want, "seed {seed}: {a} {b}");
        }
    }
}

#[test]
fn git_takes_our_patches() {
    for seed in 30..33 {
        let both = Both::new(&history(seed, 40, 30));
        both.git(&["-C", "g", "worktree", "add", "--quiet", "../w", "c0"], "");
        for (a, b) in [(0, 39), (39, 10), (10, 20), (20, 21)] {
            both.git(&["-C", "w", "checkout", "--quiet", "--force", &format!("c{a}")], "");
            let patch = both.desk.ok(&["diff", &format!("r@c{a}"), &format!("c{b}"), "-p"]);
            both.git(&["-C", "w", "apply", "--index"], &patch);
            let differs = both.git(&["-C", "w", "diff", "--cached", "--name-only", &format!("c{b}")], "");
            assert_eq!(differs, "", "seed {seed}: {a} {b}");
            both.git(&["-C", "w", "reset", "--quiet", "--hard"], "");
        }
    }
}
