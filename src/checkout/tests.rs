//! What a hostile tree or a hostile directory can do: nothing.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::plan;
use super::{Clash, Error, Written, checkout, outside_stores};
use crate::content;
use crate::object::access::memory::Objects;
use crate::object::{BlobId, Entry, FileKind, TreePath};
use crate::progress::Silent;
use crate::snapshot::{self, Snapshot};
use crate::tree;

struct Bench {
    objects: Objects,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { objects: Objects::default(), dir: tempfile::tempdir().unwrap() }
    }

    fn entry(&self, kind: FileKind, bytes: &[u8]) -> Entry {
        let kept = content::keep_bytes(&self.objects, bytes).unwrap();
        Entry { kind, blob: kept.blob, size: kept.size }
    }

    /// Reads `"a=text b/c=text l->target x*=text"`; `*` makes it executable.
    fn files(&self, text: &str) -> Vec<(TreePath, Entry)> {
        let file = |word: &str| {
            let (path, kind, bytes) = match word.split_once("->") {
                Some((path, target)) => (path, FileKind::Symlink, target),
                None => match word.split_once('=').unwrap() {
                    (path, bytes) if path.ends_with('*') => {
                        (&path[..path.len() - 1], FileKind::Executable, bytes)
                    }
                    (path, bytes) => (path, FileKind::File, bytes),
                },
            };
            (path.parse().unwrap(), self.entry(kind, bytes.as_bytes()))
        };
        text.split_whitespace().map(file).collect()
    }

    fn out(&self) -> std::path::PathBuf {
        self.dir.path().join("out")
    }

    fn write(&self, text: &str, clash: Clash) -> Result<Written, Error> {
        Ok(checkout(&self.objects, &self.files(text), &self.out(), clash, &Silent)?.0)
    }
}

/// All that lies below a directory, as `Bench::files` would read it.
fn told(dir: &Path) -> String {
    let mut words = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(inside) = dirs.pop() {
        for entry in fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(dir).unwrap().display().to_string();
            if meta.is_dir() {
                dirs.push(path);
            } else if meta.is_symlink() {
                words.push(format!("{name}->{}", fs::read_link(&path).unwrap().display()));
            } else {
                let star = if meta.permissions().mode() & 0o100 == 0 { "" } else { "*" };
                words.push(format!("{name}{star}={}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    words.sort();
    words.join(" ")
}

#[test]
fn files_links_and_programs_come_out_as_they_went_in_and_a_second_time_nothing_is_done() {
    let bench = Bench::new();
    let all = "a/b/c=1 a/d=2 e*=3 l->a/d m->/nowhere";
    assert_eq!(bench.write(all, Clash::Refuse).unwrap(), Written { files: 5, bytes: 14, unchanged: 0 });
    assert_eq!(told(&bench.out()), all);
    assert_eq!(bench.write(all, Clash::Refuse).unwrap(), Written { files: 0, bytes: 0, unchanged: 5 });
    // As if it had been interrupted: what is missing is added.
    fs::remove_dir_all(bench.out().join("a")).unwrap();
    assert_eq!(bench.write(all, Clash::Refuse).unwrap().files, 2);
    assert_eq!(told(&bench.out()), all);
}

#[test]
fn what_differs_is_found_before_anything_is_written() {
    for (mine, tree, count) in [
        ("z=mine", "a=1 z=2", 1),
        ("z/y=mine", "a=1 z=2", 1),
        ("z=mine", "a=1 z/y=2", 1),
        ("z->a", "a=1 z=1", 1),
        ("z=a", "a=1 z->a", 1),
        ("z*=2", "a=1 z=2", 1),
        ("y=mine z=mine", "a=1 y=1 z=2", 2),
    ] {
        let bench = Bench::new();
        bench.write(mine, Clash::Refuse).unwrap();
        match bench.write(tree, Clash::Refuse) {
            Err(Error::InTheWay { count: found, .. }) => assert_eq!(found, count, "{mine}"),
            other => panic!("{mine}: {other:?}"),
        }
        assert_eq!(told(&bench.out()), mine);
        bench.write(tree, Clash::Overwrite).unwrap();
        assert_eq!(told(&bench.out()), tree, "over {mine}");
    }
}

#[test]
fn nothing_is_written_through_links() {
    for clash in [Clash::Refuse, Clash::Overwrite] {
        let bench = Bench::new();
        let elsewhere = bench.dir.path().join("elsewhere");
        fs::create_dir_all(elsewhere.join("inner")).unwrap();
        fs::create_dir_all(bench.out().join("a")).unwrap();
        symlink(&elsewhere, bench.out().join("a/b")).unwrap();
        let through = bench.write("0=1 a/b/c=1 a/b/inner/d=1", clash);
        assert!(matches!(through, Err(Error::ThroughLink { .. })), "{through:?}");
        assert_eq!(
            (told(&elsewhere), told(&bench.out())),
            (String::new(), format!("a/b->{}", elsewhere.display()))
        );
    }
    // A link where a file is to be is replaced, and not followed.
    let bench = Bench::new();
    let target = bench.dir.path().join("target");
    fs::write(&target, "mine").unwrap();
    fs::create_dir(bench.out()).unwrap();
    symlink(&target, bench.out().join("a")).unwrap();
    bench.write("a=new", Clash::Overwrite).unwrap();
    assert_eq!(
        (fs::read_to_string(target).unwrap().as_str(), told(&bench.out()).as_str()),
        ("mine", "a=new")
    );
}

#[test]
fn trees_that_vds_would_not_make_are_refused_before_anything_is_written() {
    let bench = Bench::new();
    for (tree, first) in [("0=1 a=1 a/b=2", "a"), ("0=1 a=1 a=2", "a"), ("a/b/c=1 a=1", "a")] {
        match bench.write(tree, Clash::Overwrite) {
            Err(Error::Clash { first: found, .. }) => assert_eq!(found.as_str(), first),
            other => panic!("{tree}: {other:?}"),
        }
        assert!(!bench.out().exists());
    }
    // A tree cannot even be read when a path in it leads out, is no path, or leads into a store.
    for key in ["../x", "/x", "a/../../x", "a//b", "nul\0", "a/./b", ".vds/format", "a/.VDS/x", "bad\u{fffd}"]
    {
        let key = if key.ends_with('\u{fffd}') { b"bad\xff".to_vec() } else { key.as_bytes().to_vec() };
        let root = tree::build(&bench.objects, [(key, bench.entry(FileKind::File, b"x"))]);
        let Ok(root) = root else { continue };
        let read: Result<Vec<_>, snapshot::Error> =
            Snapshot::new(&bench.objects, root).scan("").and_then(Iterator::collect);
        assert!(read.is_err(), "{read:?}");
    }
}

#[test]
fn names_that_differ_only_in_case_are_seen() {
    let bench = Bench::new();
    for (tree, same) in [
        ("a=1 b/c=1", None),
        ("A=1 B=1", None),
        ("A=1 a=1", Some(("A", "a"))),
        ("D/x=1 d/y=1", Some(("D", "d"))),
        ("Ü=1 ü=1", Some(("Ü", "ü"))),
    ] {
        let files = bench.files(tree);
        let plan = plan::plan(&bench.objects, &files, &bench.out(), None, Clash::Refuse).unwrap();
        assert_eq!(plan::same_but_for_case(&plan, &files), same, "{tree}");
    }
    // Here they are two, or the tests would not have come this far.
    bench.write("A=1 a=2", Clash::Refuse).unwrap();
    assert_eq!(told(&bench.out()), "A=1 a=2");
}

#[test]
fn a_size_that_is_not_the_contents_leaves_no_file() {
    let bench = Bench::new();
    let entry = Entry { size: 99, ..bench.entry(FileKind::File, b"content") };
    let written =
        checkout(&bench.objects, &[("a".parse().unwrap(), entry)], &bench.out(), Clash::Refuse, &Silent);
    assert!(matches!(written, Err(Error::Size { said: 99, found: 7, .. })), "{written:?}");
    assert_eq!(told(&bench.out()), "");
}

#[test]
fn content_that_is_missing_leaves_no_file_and_what_was_there_stays() {
    let bench = Bench::new();
    bench.write("a=mine", Clash::Refuse).unwrap();
    let lost = Entry { kind: FileKind::File, blob: BlobId::of(b"lost"), size: 4 };
    let files = [("a".parse().unwrap(), lost), ("b".parse().unwrap(), lost)];
    let written = checkout(&bench.objects, &files, &bench.out(), Clash::Overwrite, &Silent);
    assert!(matches!(written, Err(Error::Content { .. })), "{written:?}");
    assert_eq!(told(&bench.out()), "a=mine");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    let entry = Entry { size: u64::MAX / 2, ..bench.entry(FileKind::File, b"content") };
    let deep = bench.out().join("deep/er");
    let written = checkout(&bench.objects, &[("a".parse().unwrap(), entry)], &deep, Clash::Refuse, &Silent);
    assert!(matches!(written, Err(Error::NoRoom { .. })), "{written:?}");
    assert!(!bench.out().exists());
}

#[test]
fn directories_of_stores_are_known() {
    let bench = Bench::new();
    for dir in [".vds", ".vds/packs/x"] {
        let into = bench.dir.path().join(dir);
        assert!(matches!(outside_stores(&into), Err(Error::Store { .. })));
    }
}

#[test]
fn long_and_deep_and_odd_paths_come_out() {
    let bench = Bench::new();
    let long = vec!["x".repeat(200); 20].join("/");
    let deep = vec!["d"; 700].join("/");
    let odd = ["line\nbreak", "a(1)+[x].csv", "Ünï/ß", "-rf", "~", "a\\b", " "];
    let mut files: Vec<(TreePath, Entry)> = Vec::new();
    for path in odd.into_iter().chain([long.as_str(), deep.as_str()]) {
        files.push((path.parse().unwrap(), bench.entry(FileKind::File, path.as_bytes())));
    }
    for unchanged in [0, files.len() as u64] {
        let (written, _) = checkout(&bench.objects, &files, &bench.out(), Clash::Refuse, &Silent).unwrap();
        assert_eq!(written.unchanged, unchanged);
    }
    let place = super::place::Place::open(&bench.out()).unwrap();
    for (path, entry) in &files {
        let (dir, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
        let mut bytes = Vec::new();
        let mut file = place.enter(dir).unwrap().read(name).unwrap();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        assert_eq!(BlobId::of(&bytes), entry.blob);
    }
    // A name that ends in what is no text stays a link's target.
    let target = std::ffi::OsStr::from_bytes(b"bad\xff");
    let link = [("l".parse().unwrap(), bench.entry(FileKind::Symlink, target.as_bytes()))];
    checkout(&bench.objects, &link, &bench.out(), Clash::Refuse, &Silent).unwrap();
    assert_eq!(fs::read_link(bench.out().join("l")).unwrap(), target);
}
