//! What a store outlives: the loss of everything that can be made again, an older journal, and not being writable.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use desk::Desk;

/// A store with two commits, a tag and another branch.
fn desk() -> Desk {
    let desk = Desk::in_the_open();
    desk.ok(&["repo", "create", "r"]);
    for (text, message) in [("one", "first"), ("two", "second")] {
        desk.write("x", text);
        desk.ok(&["commit", "r", "x", "-m", message]);
    }
    desk.ok(&["tag", "create", "r@v1", "main~1"]);
    desk.ok(&["branch", "create", "r@feature/y", "--from", "main~1"]);
    desk
}

/// All that a store says of itself that must not change.
fn told(desk: &Desk) -> Vec<String> {
    [
        &["log", "r"][..],
        &["branch", "list", "r"],
        &["tag", "list", "r"],
        &["cat", "r:x"],
        &["cat", "r@v1:x"],
        &["repo", "list"],
    ]
    .iter()
    .map(|args| desk.ok(args))
    .collect()
}

#[test]
fn lost_or_broken_facts_are_made_again_and_that_is_said() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("all of them gone", |meta| fs::remove_dir_all(meta).unwrap()),
        ("noise", |meta| fs::write(meta.join("db"), vec![0xa5; 5000]).unwrap()),
        ("an empty database", |meta| fs::write(meta.join("db"), b"").unwrap()),
        ("other settings", |meta| fs::write(meta.join("conf"), b"garbage").unwrap()),
        ("half a database", |meta| {
            fs::write(meta.join("db"), &fs::read(meta.join("db")).unwrap()[..100]).unwrap();
        }),
        ("a directory in its place", |meta| {
            fs::remove_file(meta.join("db")).unwrap();
            fs::create_dir(meta.join("db")).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let desk = desk();
        let before = told(&desk);
        damage(&desk.path(".vds/meta"));
        let first = desk.run(&["log", "r", "--quiet"]);
        assert!(first.status.success(), "{what}: {first:?}");
        let said = String::from_utf8_lossy(&first.stderr).into_owned();
        let intact = said.is_empty();
        assert!(intact || said.contains("from the journal"), "{what}: {said}");
        assert!(!intact || what != "all of them gone", "{what} is said");
        assert_eq!(told(&desk), before, "{what}");
        desk.write("x", "three");
        desk.ok(&["commit", "r", "x", "-m", "third"]);
        assert_eq!(desk.ok(&["cat", "r:x"]), "three", "{what}");
    }
}

#[test]
fn a_lost_index_is_made_again_from_the_packs_as_one_table() {
    let desk = desk();
    let before = told(&desk);
    fs::remove_dir_all(desk.path(".vds/index")).unwrap();
    assert_eq!(told(&desk), before);
    assert_eq!(fs::read_dir(desk.path(".vds/index")).unwrap().count(), 1);
}

/// How many bytes of the file `x` would be new, and are, in a commit to another branch.
fn new_bytes(desk: &Desk, branch: &str) -> u64 {
    let mut counts = [&["--dry-run"][..], &[]].map(|more| {
        let target = format!("r@{branch}");
        let args = [&["commit", &target, "x", "-m", branch, "--json"], more].concat();
        let answer: serde_json::Value = serde_json::from_str(&desk.ok(&args)).unwrap();
        answer["new_bytes"].as_u64().unwrap()
    });
    counts.sort_unstable();
    assert_eq!(counts[0], counts[1], "what would be new is");
    counts[0]
}

#[test]
fn what_a_lost_index_listed_is_not_stored_again() {
    let desk = desk();
    desk.write("x", &"a line of text\n".repeat(20_000));
    assert!(new_bytes(&desk, "a") > 0);
    let packs = || fs::read_dir(desk.path(".vds/packs")).unwrap().count();
    fs::remove_dir_all(desk.path(".vds/index")).unwrap();
    let before = packs();
    assert_eq!(new_bytes(&desk, "b"), 0);
    // The commit's own record, and no tree.
    assert!(packs() <= before + 1);
}

#[test]
fn what_a_lost_pack_held_is_stored_again() {
    let desk = desk();
    desk.write("x", "lost and found");
    let known = packs_of(&desk);
    desk.ok(&["commit", "r@lost", "x", "-m", "lost"]);
    let pack = packs_of(&desk).into_iter().find(|pack| !known.contains(pack)).unwrap();
    let kept = fs::read(&pack).unwrap();
    fs::remove_file(&pack).unwrap();
    let output = desk.run(&["commit", "r@found", "x", "-m", "found"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let name = pack.file_stem().unwrap().to_str().unwrap();
    assert!(output.status.success() && said.contains(name) && said.contains("packs are gone"), "{said}");
    assert_eq!(desk.ok(&["cat", "r@found:x"]), "lost and found");
    assert_eq!(desk.no(&["log", "r@lost"]).0, 5);
    // Restored, it is found again.
    fs::write(&pack, kept).unwrap();
    assert_eq!(desk.ok(&["cat", "r@lost:x"]), "lost and found");
}

fn packs_of(desk: &Desk) -> Vec<PathBuf> {
    let fans = fs::read_dir(desk.path(".vds/packs")).unwrap();
    let packs = fans.flat_map(|fan| fs::read_dir(fan.unwrap().path()).unwrap());
    packs.map(|pack| pack.unwrap().path()).collect()
}

#[test]
fn words_that_nobody_can_be_told_harm_nothing() {
    let desk = desk();
    let before = told(&desk);
    for args in [&["log", "r"][..], &["repo", "list"], &["commit", "r", "x", "-m", "the same", "--quiet"]] {
        let (reader, gone) = std::io::pipe().unwrap();
        drop(reader);
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        for deaf in [Stdio::from(gone), Stdio::from(full)] {
            let output = desk.command(args).env("VDS_LOG", "trace").stderr(deaf).output().unwrap();
            assert!(output.status.success(), "{args:?}: {:?}", output.status);
        }
    }
    assert_eq!(told(&desk), before);
    let output = desk.run(&["log", "r"]);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let aside = fs::read_dir(desk.path(".vds")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!aside.into_iter().any(|name| name.to_string_lossy().contains("broken")));
}

#[test]
fn a_journal_older_than_the_facts_stops_changes_but_not_reading() {
    let desk = desk();
    let journal = desk.path(".vds/journal/operations");
    let older = fs::read(&journal).unwrap();
    desk.write("x", "three");
    desk.ok(&["commit", "r", "x", "-m", "third"]);
    fs::write(&journal, &older).unwrap();
    assert_eq!(desk.ok(&["cat", "r:x"]), "three");
    desk.write("x", "four");
    let (code, said) = desk.no(&["commit", "r", "x", "-m", "fourth"]);
    assert!(
        code == 5 && said.contains("at odds") && said.contains("hint: `vds rebuild --without-journal`"),
        "{said}"
    );
    assert_eq!(fs::read(&journal).unwrap(), older);
    // As the hint says: going on from what the facts know.
    desk.ok(&["rebuild", "--without-journal"]);
    assert_eq!(desk.ok(&["cat", "r:x"]), "three");
    desk.ok(&["commit", "r", "x", "-m", "fourth"]);
    assert_eq!(desk.ok(&["cat", "r:x"]), "four");
}

/// Somebody who may read the desk's store, but not write it: nobody, when this is the super-user.
struct Reader {
    program: PathBuf,
    _place: tempfile::TempDir,
    uid: Option<u32>,
}

impl Reader {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = place.path().join("vds");
        // Where the program was built may be closed to others.
        fs::copy(env!("CARGO_BIN_EXE_vds"), &program).unwrap();
        let uid = (fs::metadata("/proc/self").unwrap().uid() == 0).then_some(65_534);
        Self { program, _place: place, uid }
    }

    fn run(&self, desk: &Desk, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(desk.path("")).env_remove("VDS_STORE").env("VDS_AUTHOR", "Bob");
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        command.output().unwrap()
    }

    #[track_caller]
    fn ok(&self, desk: &Desk, args: &[&str]) -> String {
        let output = self.run(desk, args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Lets anybody read everything below `path`, and nobody write it; or gives the owner back what was taken.
fn close(path: &Path, closed: bool) {
    let mode = match (closed, path.is_dir()) {
        (true, true) => 0o555,
        (true, false) => 0o444,
        (false, true) => 0o755,
        (false, false) => 0o644,
    };
    let set = || fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if !closed {
        set();
    }
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| close(&entry.unwrap().path(), closed));
    }
    if closed {
        set();
    }
}

#[test]
fn a_store_that_may_not_be_written_can_be_read() {
    let desk = desk();
    let before = told(&desk);
    // The index too may be missing, as in a copy that left out what can be made again.
    fs::remove_dir_all(desk.path(".vds/index")).unwrap();
    let store = desk.path(".vds");
    fs::set_permissions(desk.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    close(&store, true);
    let bob = Reader::new();
    assert_eq!(bob.ok(&desk, &["log", "r"]), before[0]);
    assert_eq!(bob.ok(&desk, &["cat", "r@v1:x"]), "one");
    assert_eq!(bob.ok(&desk, &["cat", "r@main@{now}:x"]), "two");
    let out = tempfile::tempdir().unwrap();
    fs::set_permissions(out.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let target = out.path().join("tree");
    bob.ok(&desk, &["checkout", "r@v1", "--into", target.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(target.join("x")).unwrap(), "one");
    desk.write("x", "three");
    for args in [
        &["commit", "r", "x", "-m", "no"][..],
        &["repo", "create", "s"],
        &["branch", "delete", "r@feature/y"],
    ] {
        let refused = bob.run(&desk, args);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(7), "{args:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains("\nhint: "), "{args:?}: {said}");
    }
    close(&store, false);
    assert_eq!(told(&desk), before);
}
