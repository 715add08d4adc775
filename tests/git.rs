//! Merges compared with git's: random histories, built in both, with the same parents; each merge is made by both before it is
//! committed, and must come to the same files and the same conflicts. Where vds means to differ, docs/merging.md says so, and
//! what is compared here leaves it out.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on must stop"
)]

mod dice;
mod oracle;

use std::collections::BTreeSet;
use std::time::Duration;

use dice::Dice;
use oracle::{Content, Files, Git, plain};
use vds::change::{self, Empty};
use vds::content;
use vds::draft::Draft;
use vds::history::{self, Author, Target};
use vds::integrate::{self, Action, FastForward, Integrated, OnConflict, Request, Unrelated};
use vds::merge::{Labels, Manner, Renames, Rules};
use vds::object::{CommitId, Entry, FileKind};
use vds::refs;
use vds::snapshot::Snapshot;
use vds::store::{DEFAULT_WAIT, Store};

/// The same history in a store.
struct Vds {
    _dir: tempfile::TempDir,
    store: Store,
    author: Author,
}

impl Vds {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let author = Author { name: "ann".to_owned(), command: "test".to_owned() };
        refs::create_repo(&store, &author, "r".parse().unwrap(), String::new()).unwrap();
        Self { _dir: dir, store, author }
    }

    fn target(branch: &str) -> Target {
        Target { repo: "r".parse().unwrap(), branch: branch.parse().unwrap() }
    }

    /// Points the branch at a commit.
    fn place(&self, branch: &str, at: CommitId) {
        let target = Self::target(branch);
        if refs::create_branch(&self.store, &self.author, &target, at).is_err() {
            refs::move_branch(&self.store, &self.author, &target, at).unwrap();
        }
    }

    /// Makes these the files of the branch.
    fn commit(&self, branch: &str, files: &Files) -> CommitId {
        let writer = self.store.writer();
        let base = change::open(&self.store, &Self::target(branch), &writer).unwrap();
        let mut draft = Draft::new(base.tree);
        for file in Snapshot::new(&writer, base.tree).scan("").unwrap() {
            draft.remove(file.unwrap().0);
        }
        for (path, (mode, content)) in files {
            let kept = content::keep_bytes(&writer, content.as_bytes()).unwrap();
            let kind = match *mode {
                "100755" => FileKind::Executable,
                "120000" => FileKind::Symlink,
                _ => FileKind::File,
            };
            draft.put(path.parse().unwrap(), Entry { kind, blob: kept.blob, size: kept.size });
        }
        let published = change::publish(&self.store, &self.author, base, draft, writer, "x", Empty::Allow);
        published.unwrap().commit.unwrap()
    }

    fn files(&self, commit: CommitId) -> Files {
        let tree = history::load(self.store.objects(), commit).unwrap().tree;
        let files = Snapshot::new(self.store.objects(), tree);
        let file = |(path, entry): (vds::object::TreePath, Entry)| {
            let mode = match entry.kind {
                FileKind::File => "100644",
                FileKind::Executable => "100755",
                FileKind::Symlink => "120000",
            };
            let content = String::from_utf8(files.read(&path, &entry).unwrap()).unwrap();
            (path.to_string(), (mode, content))
        };
        files.scan("").unwrap().map(|item| file(item.unwrap())).collect()
    }

    fn request(theirs: CommitId, rules: &[&str]) -> Request {
        let rules = Rules::new(rules.iter().map(|rule| rule.parse().unwrap()).collect());
        let labels = Labels { ours: "ours".to_owned(), theirs: "theirs".to_owned() };
        let manner = Manner { rules, renames: Renames::Tell, labels, timeout: Duration::from_secs(600) };
        let action = Action::Merge { theirs, forward: FastForward::Never, unrelated: Unrelated::Allow };
        Request { action, manner, message: "merge".to_owned() }
    }

    /// The paths in conflict; and the merge, with our version of what is left of them.
    fn merge(&self, ours: CommitId, theirs: CommitId, content: Content) -> (BTreeSet<String>, CommitId) {
        let rules: &[&str] = if content == Content::Ask { &[] } else { &["text"] };
        let target = Self::target("merge");
        self.place("merge", ours);
        let request = Self::request(theirs, rules);
        let outcome =
            integrate::integrate(&self.store, &self.author, &target, &request, OnConflict::Fail, None)
                .unwrap();
        let conflicts: BTreeSet<String> =
            outcome.conflicts.iter().map(|c| c.clash.path.to_string()).collect();
        if outcome.came == Integrated::Made {
            return (conflicts, outcome.commit);
        }
        assert_eq!(outcome.came, Integrated::Conflicted);
        let opened =
            integrate::integrate(&self.store, &self.author, &target, &request, OnConflict::Keep, None)
                .unwrap();
        assert_eq!(opened.conflicts, outcome.conflicts, "the same report each time");
        let ours = integrate::Verdict::Become(integrate::Choice::Ours);
        let (all, drafts) = ([integrate::Named::all()], integrate::Drafts::Refuse);
        let resolved = integrate::resolve(&self.store, &self.author, &target, &all, &ours, drafts).unwrap();
        assert_eq!(resolved.paths.len(), opened.conflicts.len());
        let finished = integrate::finish(&self.store, &self.author, &target, None, None).unwrap();
        assert_eq!(finished.came, Integrated::Made);
        (conflicts, finished.commit)
    }
}

const PATHS: [&str; 9] = ["a", "a-b", "a/b", "a/c/d", "b", "b/x", "c", "d/e/f", "d/e"];

/// Changes some files.
fn edit(dice: &mut Dice, files: &mut Files, content: Content) {
    for _ in 0..=dice.roll(3) {
        let path = *dice.pick(&PATHS).unwrap();
        if dice.roll(4) == 0 {
            files.remove(path);
            continue;
        }
        // No file and directory of one name.
        files.retain(|other, _| {
            !other.starts_with(&format!("{path}/")) && !path.starts_with(&format!("{other}/"))
        });
        let mode = if dice.roll(6) == 0 { *dice.pick(&["100755", "120000"]).unwrap() } else { "100644" };
        let text = match content {
            Content::Ask => format!("{path} {}\n", dice.roll(4)),
            Content::Text => {
                let old = files.get(path).map_or_else(
                    || (0..12).map(|n| format!("{path} {n}\n")).collect(),
                    |(_, text)| text.clone(),
                );
                let mut lines: Vec<String> = old.lines().map(ToOwned::to_owned).collect();
                let at = dice.roll(lines.len() + 1);
                match dice.roll(3) {
                    0 if at < lines.len() && lines.len() > 2 => drop(lines.remove(at)),
                    1 if at < lines.len() => lines[at] = format!("changed {}", dice.roll(1000)),
                    _ => lines.insert(at, format!("new {}", dice.roll(1000))),
                }
                lines.iter().map(|line| format!("{line}\n")).collect()
            }
        };
        files.insert(path.to_owned(), (mode, text));
    }
}

struct Counts {
    merges: usize,
    conflicts: usize,
    several_bases: usize,
}

fn compare(seed: u64, steps: usize, content: Content) -> Counts {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (git, vds) = (Git::new(content), Vds::new());
    // Each commit in both, and the branches that they are the heads of.
    let mut heads: Vec<(CommitId, String)> = Vec::new();
    let mut counts = Counts { merges: 0, conflicts: 0, several_bases: 0 };
    let mut files = Files::new();
    edit(&mut dice, &mut files, content);
    heads.push((vds.commit("start", &files), git.commit(&files, &[])));
    for step in 0..steps {
        let at = dice.roll(heads.len());
        let (ours, git_ours) = heads[at].clone();
        if dice.roll(3) > 0 || heads.len() < 2 {
            let mut files = vds.files(ours);
            assert_eq!(files, git.files(&git_ours), "seed {seed}, step {step}");
            edit(&mut dice, &mut files, content);
            vds.place("work", ours);
            let new = (vds.commit("work", &files), git.commit(&files, &[git_ours]));
            // A new branch, or the old one moves on.
            if heads.len() < 4 && dice.roll(2) == 0 {
                heads.push(new);
            } else {
                heads[at] = new;
            }
            continue;
        }
        let (theirs, git_theirs) = heads[dice.roll(heads.len())].clone();
        let bases = history::merge_bases(vds.store.objects(), &[ours], &[theirs]).unwrap();
        let git_bases = git.try_run(&["merge-base", "--all", &git_ours, &git_theirs], "").0;
        assert_eq!(bases.len(), git_bases.lines().count(), "seed {seed}, step {step}");
        // In git's merge of several bases, marks stand where lines are at odds.
        if bases.contains(&theirs) || (content == Content::Text && bases.len() > 1) {
            continue;
        }
        // Of an executable bit about which several bases are at odds git takes the one that it meets first, and of a file and a
        // directory it gives the file another name.
        let all: Vec<Files> = bases.iter().map(|base| vds.files(*base)).collect();
        let mode_differs = |path: &String, file: &(&str, String)| {
            all.iter().filter_map(|files| files.get(path)).any(|other| other.1 == file.1 && other.0 != file.0)
        };
        let is_directory = |path: &String| {
            let inside = format!("{path}/");
            all.iter().flat_map(Files::keys).any(|other| other.starts_with(&inside))
        };
        if all.iter().flatten().any(|(path, file)| mode_differs(path, file) || is_directory(path)) {
            continue;
        }
        let (merged, names) = git.merge(&git_ours, &git_theirs);
        let (conflicts, commit) = vds.merge(ours, theirs, content);
        let below = |path: &str| conflicts.iter().any(|top| path.starts_with(&format!("{top}/")));
        let names: BTreeSet<String> =
            names.iter().map(|name| plain(name)).filter(|name| !below(name)).collect();
        let odd = conflicts.symmetric_difference(&names).next();
        let told = || odd.map(|path| git.told(&git_ours, &git_theirs, path)).unwrap_or_default();
        assert_eq!(conflicts, names, "seed {seed}, step {step}: {}", told());
        let ours_kept = vds.files(commit);
        // What is in conflict is ours in one and marked in the other; all else is the same.
        let at_odds = |path: &str| conflicts.contains(&plain(path)) || below(path);
        let rest = |files: &Files| {
            files
                .iter()
                .filter(|(path, _)| !at_odds(path))
                .map(|(p, f)| (p.clone(), f.clone()))
                .collect::<Files>()
        };
        assert_eq!(rest(&ours_kept), rest(&merged), "seed {seed}, step {step}: {git_ours} {git_theirs}");
        counts.merges += 1;
        counts.conflicts += usize::from(!conflicts.is_empty());
        counts.several_bases += usize::from(bases.len() > 1);
        heads[at] = (commit, git.commit(&ours_kept, &[git_ours, git_theirs]));
    }
    counts
}

/// `VDS_SEEDS=N` compares N times as many histories.
fn compare_all(seeds: std::ops::Range<u64>, content: Content) -> Counts {
    let times = std::env::var("VDS_SEEDS").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let seeds = seeds.start..seeds.start + (seeds.end - seeds.start) * times;
    let mut all = Counts { merges: 0, conflicts: 0, several_bases: 0 };
    for seed in seeds {
        let counts = compare(seed, 60, content);
        all.merges += counts.merges;
        all.conflicts += counts.conflicts;
        all.several_bases += counts.several_bases;
    }
    all
}

#[test]
fn merges_come_to_the_files_and_conflicts_that_git_finds() {
    let Counts { merges, conflicts, several_bases } = compare_all(0..6, Content::Ask);
    // The histories are such that all of this occurs.
    assert!(
        merges > 40 && conflicts > 10 && conflicts < merges && several_bases > 2,
        "{merges} {conflicts} {several_bases}"
    );
}

#[test]
fn lines_are_merged_as_git_merges_them() {
    let Counts { merges, conflicts, .. } = compare_all(100..103, Content::Text);
    assert!(merges > 15 && conflicts > 5 && conflicts < merges, "{merges} {conflicts}");
}
