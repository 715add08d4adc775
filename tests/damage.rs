//! Every kind of file in a store, damaged in every way that disks and people know: `vds verify` names it, and who reads what was in
//! it gets what was written, or an error.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use desk::{Desk, copy};
use serde_json::Value;

/// A way to damage a file. Some need another file of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Delete,
    Empty,
    Truncate,
    Extend,
    Flip,
    Zero,
    Swap,
}

const ALL: [Damage; 7] = [
    Damage::Delete,
    Damage::Empty,
    Damage::Truncate,
    Damage::Extend,
    Damage::Flip,
    Damage::Zero,
    Damage::Swap,
];

/// So many bytes are zeroed.
const PAGE: usize = 4096;

impl Damage {
    /// Does it; whether that could be done.
    fn to(self, file: &Path, other: Option<&Path>) -> bool {
        let bytes = fs::read(file).unwrap();
        let write = |bytes: &[u8]| {
            // A new file, lest the old one is mapped somewhere.
            fs::remove_file(file).unwrap();
            fs::write(file, bytes).unwrap();
        };
        let middle = bytes.len() / 2;
        match self {
            Self::Delete => fs::remove_file(file).unwrap(),
            Self::Empty => write(&[]),
            Self::Truncate => write(&bytes[..bytes.len() - bytes.len().min(7)]),
            Self::Extend => write(&[&bytes[..], b"more than there was"].concat()),
            Self::Flip => {
                let mut bytes = bytes;
                bytes[middle] ^= 4;
                write(&bytes);
            }
            Self::Zero => {
                let mut bytes = bytes;
                let end = bytes.len().min(middle + PAGE);
                bytes[middle..end].fill(0);
                write(&bytes);
            }
            Self::Swap => {
                let Some(other) = other else { return false };
                let theirs = fs::read(other).unwrap();
                write(&theirs);
                fs::remove_file(other).unwrap();
                fs::write(other, bytes).unwrap();
            }
        }
        true
    }
}

/// A desk with a store of two commits, in several packs, and a copy of it.
struct Bench {
    desk: Desk,
    good: tempfile::TempDir,
    first: String,
    second: String,
}

fn noise(seed: u64, len: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    let mut bytes = vec![0; len / 2];
    hasher.finalize_xof().fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Bench {
    fn new() -> Self {
        let desk = Desk::in_the_open();
        desk.ok(&["repo", "create", "r"]);
        let first = noise(1, 200_000);
        desk.write("in/a/small", "small");
        desk.write("in/a/large", &first);
        desk.ok(&["commit", "r", "in", "-m", "first"]);
        let second = noise(2, 30_000);
        desk.write("in/b", &second);
        desk.ok(&["commit", "r", "in", "-m", "second"]);
        desk.ok(&["tag", "create", "r@v1", "main"]);
        let good = tempfile::tempdir().unwrap();
        copy(&desk.path(".vds"), good.path());
        Self { desk, good, first, second }
    }

    fn restore(&self) {
        fs::remove_dir_all(self.desk.path(".vds")).unwrap();
        copy(self.good.path(), &self.desk.path(".vds"));
    }

    fn files(&self, dir: &str, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut waiting = vec![self.desk.path(".vds").join(dir)];
        while let Some(dir) = waiting.pop() {
            for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    waiting.push(path);
                } else if path.extension().map_or(extension.is_empty(), |found| found == extension) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    fn verify(&self, more: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(&[&["verify", "--json"], more].concat());
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Output {
        let output = self.desk.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        output
    }

    /// Reads everything. What is answered is right, or an error that tells of damage.
    #[track_caller]
    fn read(&self, what: &str) {
        let contents = [
            ("r:a/small", "small"),
            ("r:a/large", &*self.first),
            ("r@v1:b", &*self.second),
            ("r@main~1:a/small", "small"),
        ];
        for (location, want) in contents {
            let output = self.run(&["cat", location]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => assert_eq!(String::from_utf8_lossy(&output.stdout), want, "{what}: {location}"),
                Some(5) => {
                    assert!(
                        said.contains("error: ") && said.contains("hint: "),
                        "{what}: {location}: {said}"
                    );
                }
                other => assert_eq!(other, Some(5), "{what}: {location}: {said}"),
            }
        }
        self.run(&["log", "r"]);
    }
}

/// What is told of damage, each as kind and name.
fn named(document: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ["damaged", "notes"]
        .iter()
        .flat_map(|list| document[*list].as_array().cloned().unwrap_or_default())
        .map(|thing| (word(&thing["kind"]), word(&thing["name"])))
        .collect()
}

#[test]
fn a_whole_store_is_said_to_be_whole() {
    let bench = Bench::new();
    for more in
        [&[][..], &["--quick"], &["--full"], &["--sample", "50%"], &["--sample", "1"], &["--since", "r@main"]]
    {
        let (code, document) = bench.verify(more);
        assert_eq!((code, named(&document).len()), (Some(0), 0), "{more:?}: {document}");
        assert_eq!(document["commits"], 2, "{more:?}");
    }
    bench.read("whole");
    // Nothing is left behind.
    assert_eq!(fs::read_dir(bench.desk.path(".vds/tmp")).unwrap().count(), 0);
}

#[test]
fn damaged_packs_are_named_with_what_they_hurt() {
    let bench = Bench::new();
    let packs = bench.files("packs", "pack");
    assert!(packs.len() >= 2, "{packs:?}");
    for (at, pack) in packs.iter().enumerate() {
        let other = &packs[(at + 1) % packs.len()];
        let name = |path: &Path| ("pack".to_owned(), path.file_stem().unwrap().to_str().unwrap().to_owned());
        for damage in ALL {
            bench.restore();
            assert!(damage.to(pack, Some(other)));
            let what = format!("{damage:?} {}", pack.display());
            let (code, document) = bench.verify(&[]);
            assert_eq!(code, Some(5), "{what}: {document}");
            let found = named(&document);
            assert!(found.contains(&name(pack)), "{what}: {document}");
            assert_eq!(found.contains(&name(other)), damage == Damage::Swap, "{what}: {document}");
            assert!(found.iter().all(|(kind, _)| kind == "pack"), "{what}: {document}");
            let damaged = document["damaged"].as_array().unwrap();
            // What is lost hurts somebody who is named; an intact object in a pack that is too long hurts nobody.
            for thing in damaged {
                let hurts = thing["hurts"].as_array().unwrap();
                assert_eq!(thing["lost"] == 0, hurts.is_empty(), "{what}: {document}");
                assert!(
                    hurts.iter().all(|place| place.as_str().unwrap().starts_with("r@")),
                    "{what}: {document}"
                );
            }
            bench.read(&what);
            if damage != Damage::Flip && damage != Damage::Zero {
                assert_eq!(bench.verify(&["--quick"]).0, Some(5), "{what}");
            }
        }
    }
}

#[test]
fn a_damaged_index_is_named_and_harms_nobody() {
    let bench = Bench::new();
    let tables = bench.files("index", "idx");
    for damage in ALL {
        bench.restore();
        if !damage.to(&tables[0], tables.get(1).map(PathBuf::as_path)) {
            continue;
        }
        let (code, document) = bench.verify(&[]);
        let want = if damage == Damage::Delete { 0 } else { 5 };
        assert_eq!(code, Some(want), "{damage:?}: {document}");
        let found = named(&document);
        assert!(!found.is_empty() && found.iter().all(|(kind, _)| kind == "index"), "{damage:?}: {document}");
        bench.read(&format!("{damage:?}"));
        for location in ["r:a/small", "r@v1:b"] {
            bench.desk.ok(&["cat", location]);
        }
    }
}

#[test]
fn a_damaged_journal_is_named() {
    let bench = Bench::new();
    let journal = bench.desk.path(".vds/journal/operations");
    for damage in ALL {
        bench.restore();
        if !damage.to(&journal, None) {
            continue;
        }
        let (code, document) = bench.verify(&[]);
        let want = if damage == Damage::Extend { 0 } else { 5 };
        assert_eq!(code, Some(want), "{damage:?}: {document}");
        let found = named(&document);
        let is_right = |kind: &str| kind == "journal" || kind == "facts";
        assert!(!found.is_empty() && found.iter().all(|(kind, _)| is_right(kind)), "{damage:?}: {document}");
        bench.read(&format!("{damage:?}"));
    }
}

#[test]
fn damaged_facts_are_named_or_mended() {
    let bench = Bench::new();
    for file in [bench.files("meta", ""), bench.files("meta/blobs", "")].concat() {
        for damage in ALL {
            bench.restore();
            if !file.exists() || !damage.to(&file, None) {
                continue;
            }
            let what = format!("{damage:?} {}", file.display());
            let (code, document) = bench.verify(&[]);
            assert!(code == Some(0) || code == Some(5), "{what}: {code:?} {document}");
            let found = named(&document);
            assert!(found.iter().all(|(kind, _)| kind == "facts"), "{what}: {document}");
            if damage == Damage::Delete && file.ends_with("db") {
                assert!(!found.is_empty(), "{what}");
            }
            bench.read(&what);
        }
    }
}

#[test]
fn a_damaged_format_is_named() {
    let bench = Bench::new();
    let format = bench.desk.path(".vds/format");
    for damage in [Damage::Delete, Damage::Empty, Damage::Flip, Damage::Zero, Damage::Extend] {
        bench.restore();
        damage.to(&format, None);
        let output = bench.run(&["verify"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(5), "{damage:?}: {said}");
        assert!(said.contains("format"), "{damage:?}: {said}");
    }
}

#[test]
fn what_was_interrupted_goes_on_with_what_is_left() {
    let bench = Bench::new();
    let (code, said) = bench.desk.no(&["verify", "--resume"]);
    assert!(code == 3 && said.contains("`vds verify` begins"), "{said}");
    let packs = bench.files("packs", "pack");
    let name = packs[0].file_stem().unwrap().to_str().unwrap();
    // As it is left by a process that was killed, in the middle of a line.
    fs::write(bench.desk.path(".vds/tmp/verify"), format!("vds verify 1\n{name}\nabc")).unwrap();
    // Who looks at less forgets nothing.
    assert_eq!(bench.verify(&["--quick"]).0, Some(0));
    let (code, document) = bench.verify(&["--resume"]);
    assert_eq!((code, &document["packs_read"]), (Some(0), &document["packs"]), "{document}");
    let len = fs::metadata(&packs[0]).unwrap().len();
    assert_eq!(document["bytes_read"], document["bytes"].as_u64().unwrap() - len, "{document}");
    assert!(!bench.desk.path(".vds/tmp/verify").exists());
}
