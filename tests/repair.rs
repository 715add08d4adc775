//! A store that was damaged is mended: from another store, from what is intact of it, from its journal, from its facts, and from its packs
//! alone. Copies that are made of a store in use are whole.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use desk::{Desk, copy};
use serde_json::Value;

/// A desk with three commits in several packs, and a copy of its store in `good`.
fn desk() -> Desk {
    let desk = Desk::in_the_open();
    desk.ok(&["repo", "create", "r"]);
    for (name, seed) in [("a", 1_u32), ("b", 2), ("c", 3)] {
        let line = |n: u32| format!("{:08x}\n", n.wrapping_mul(2_654_435_761).rotate_left(seed));
        desk.write(&format!("in/{name}"), &(0..20_000 * seed).map(line).collect::<String>());
        desk.ok(&["commit", "r", "in", "-m", name]);
    }
    desk.ok(&["tag", "create", "r@v1", "main~1"]);
    copy(&desk.path(".vds"), &desk.path("good"));
    desk
}

fn packs(store: &Path) -> Vec<PathBuf> {
    let fans = fs::read_dir(store.join("packs")).unwrap();
    let mut packs: Vec<PathBuf> = fans
        .flat_map(|fan| fs::read_dir(fan.unwrap().path()).unwrap())
        .map(|pack| pack.unwrap().path())
        .collect();
    packs.sort();
    packs
}

fn answer(desk: &Desk, args: &[&str]) -> (Option<i32>, Value) {
    let output = desk.run(&[args, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// All that the store holds, as far as it can be read.
fn told(desk: &Desk) -> Vec<String> {
    let asked = [
        &["log", "r", "--quiet"][..],
        &["branch", "list", "r"],
        &["tag", "list", "r"],
        &["cat", "r:a"],
        &["cat", "r:b"],
        &["cat", "r:c"],
        &["cat", "r@v1:b"],
    ];
    asked.iter().map(|args| String::from_utf8_lossy(&desk.run(args).stdout).into_owned()).collect()
}

/// The files of the store, but for what any command may write.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in ["packs", "journal", "index"] {
        let mut waiting = vec![dir.join(name)];
        while let Some(dir) = waiting.pop() {
            for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    waiting.push(path);
                } else {
                    found.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

type Damage = (&'static str, fn(&Path));

const DAMAGES: [Damage; 4] = [
    ("gone", |path| fs::remove_file(path).unwrap()),
    ("short", |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 10]).unwrap();
    }),
    ("flipped", |path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }),
    ("zeroed", |path| fs::write(path, vec![0; fs::read(path).unwrap().len()]).unwrap()),
];

#[test]
fn what_another_store_has_intact_is_taken_from_it() {
    let desk = desk();
    let before = told(&desk);
    for pack in packs(&desk.path(".vds")) {
        for (what, damage) in DAMAGES {
            damage(&pack);
            let damaged = files(&desk.path(".vds"));
            let (code, plan) = answer(&desk, &["repair", "--from", "good", "--dry-run"]);
            assert_eq!((code, plan["lost"].as_u64()), (Some(0), Some(0)), "{what}: {plan}");
            assert_eq!(files(&desk.path(".vds")), damaged, "{what}: a dry run changes nothing");
            let (code, done) = answer(&desk, &["repair", "--from", "good"]);
            assert_eq!((code, &done["damaged"]), (Some(0), &Value::Array(Vec::new())), "{what}: {done}");
            assert_eq!(done["packs_taken"], plan["packs_taken"], "{what}");
            assert_eq!(told(&desk), before, "{what}");
            assert_eq!(answer(&desk, &["verify", "--full"]).0, Some(0), "{what}");
        }
    }
}

#[test]
fn single_objects_are_taken_where_packs_are_others() {
    let desk = desk();
    let before = told(&desk);
    // All of it again, in packs of other names.
    desk.ok(&["clone", "good", "other"]);
    for (what, damage) in DAMAGES {
        packs(&desk.path(".vds")).iter().for_each(|pack| damage(pack));
        let (code, done) = answer(&desk, &["repair", "--from", "other"]);
        assert_eq!((code, done["lost"].as_u64()), (Some(0), Some(0)), "{what}: {done}");
        assert_eq!(told(&desk), before, "{what}");
        assert_eq!(answer(&desk, &["verify", "--full"]).0, Some(0), "{what}");
    }
}

#[test]
fn without_another_store_what_is_intact_is_saved_and_the_rest_named() {
    let desk = desk();
    let before = told(&desk);
    for pack in packs(&desk.path("good")) {
        for (what, damage) in DAMAGES {
            fs::remove_dir_all(desk.path(".vds")).unwrap();
            copy(&desk.path("good"), &desk.path(".vds"));
            let pack = desk.path(".vds").join(pack.strip_prefix(desk.path("good")).unwrap());
            damage(&pack);
            let damaged = told(&desk);
            let (code, done) = answer(&desk, &["repair"]);
            let lost = done["lost"].as_u64().unwrap();
            assert_eq!(code, Some(if lost == 0 { 0 } else { 5 }), "{what}: {done}");
            assert!(!pack.exists(), "{what}");
            // Nothing can be read less than before.
            for (was, is) in damaged.iter().zip(told(&desk)) {
                assert!(was.is_empty() || *was == is, "{what}: {done}");
            }
            // Done again it finds the same and does nothing.
            let files_before = packs(&desk.path(".vds"));
            let (_, again) = answer(&desk, &["repair"]);
            assert_eq!(
                (again["lost"].as_u64(), packs(&desk.path(".vds"))),
                (Some(lost), files_before),
                "{what}"
            );
            // Help that comes later helps.
            assert_eq!(answer(&desk, &["repair", "--from", "good"]).0, Some(0), "{what}");
            assert_eq!(told(&desk), before, "{what}");
        }
    }
}

#[test]
fn a_lost_journal_is_begun_again_from_the_facts() {
    let desk = desk();
    let before = told(&desk);
    fs::remove_file(desk.path(".vds/journal/operations")).unwrap();
    let (code, said) = desk.no(&["rebuild"]);
    assert!(code == 5 && said.contains("--without-journal"), "{said}");
    desk.ok(&["rebuild", "--without-journal"]);
    assert_eq!(told(&desk), before);
    desk.ok(&["verify"]);
    desk.write("in/a", "new");
    desk.ok(&["commit", "r", "in", "-m", "on"]);
    // The new journal is a whole one.
    fs::remove_dir_all(desk.path(".vds/meta")).unwrap();
    assert_eq!(desk.ok(&["cat", "r:a"]), "new");
}

#[test]
fn of_a_damaged_journal_without_facts_the_good_part_counts_and_commits_are_found() {
    let desk = desk();
    let before = told(&desk);
    let journal = desk.path(".vds/journal/operations");
    let mut bytes = fs::read(&journal).unwrap();
    // In the operation of the last commit: the tag comes after it.
    let at = bytes.len() - 600;
    bytes[at] ^= 1;
    fs::write(&journal, &bytes).unwrap();
    fs::remove_dir_all(desk.path(".vds/meta")).unwrap();
    assert_eq!(desk.no(&["log", "r"]).0, 5);
    let (code, done) = answer(&desk, &["rebuild", "--without-journal"]);
    assert_eq!(code, Some(0), "{done}");
    let branch = done["recovered"]["branches"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(desk.ok(&["cat", &format!("recovered@{branch}:c")]), before[5]);
    assert_eq!(desk.ok(&["cat", "r:a"]), before[3]);
    desk.ok(&["verify", "--full"]);
    assert!(desk.path(".vds/journal/operations.broken-1").exists());
}

#[test]
fn without_journal_and_facts_all_commits_are_found() {
    let desk = desk();
    let before = told(&desk);
    fs::remove_dir_all(desk.path(".vds/meta")).unwrap();
    fs::remove_dir_all(desk.path(".vds/journal")).unwrap();
    let (code, done) = answer(&desk, &["rebuild", "--without-journal"]);
    assert_eq!((code, done["recovered"]["commits"].as_u64()), (Some(0), Some(3)), "{done}");
    let branch = done["recovered"]["branches"][0]["name"].as_str().unwrap().to_owned();
    for (name, want) in [("a", &before[3]), ("b", &before[4]), ("c", &before[5])] {
        assert_eq!(desk.ok(&["cat", &format!("recovered@{branch}:{name}")]), *want);
    }
    desk.ok(&["verify"]);
}

#[test]
fn what_can_be_made_again_is_made_again() {
    let desk = desk();
    let before = told(&desk);
    for table in fs::read_dir(desk.path(".vds/index")).unwrap() {
        fs::write(table.unwrap().path(), "noise").unwrap();
    }
    desk.ok(&["rebuild"]);
    assert_eq!(told(&desk), before);
    desk.ok(&["verify"]);
    let is_table = |file: &fs::DirEntry| file.path().extension().is_some_and(|extension| extension == "idx");
    assert_eq!(
        fs::read_dir(desk.path(".vds/index")).unwrap().map_while(Result::ok).filter(is_table).count(),
        1
    );
}

#[test]
fn a_backup_of_a_store_in_use_is_a_whole_store_and_grows() {
    let desk = desk();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..15 {
                desk.write(&format!("more/{n}"), &n.to_string());
                desk.ok(&["commit", "r@work", "more", "-m", "more"]);
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut rounds = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) || rounds == 0 {
            desk.ok(&["backup", "safe"]);
            desk.ok(&["--store", "safe", "verify"]);
            rounds += 1;
        }
    });
    let (_, last) = answer(&desk, &["backup", "safe"]);
    assert_eq!(last["packs"].as_u64().unwrap(), packs(&desk.path(".vds")).len() as u64);
    let (_, none) = answer(&desk, &["backup", "safe"]);
    assert_eq!((none["packs_copied"].as_u64(), &none["last_operation"]), (Some(0), &last["last_operation"]));
    for args in [&["log", "r", "--quiet"][..], &["cat", "r:c"], &["log", "r@work", "--quiet"]] {
        assert_eq!(desk.ok(&[&["--store", "safe"], args].concat()), desk.ok(args));
    }
    // What went its own way, and what is something else, is left alone.
    desk.ok(&["--store", "safe", "repo", "create", "mine"]);
    assert_eq!(desk.no(&["backup", "safe"]).0, 1);
    assert_eq!(desk.no(&["backup", "in"]).0, 2);
}

#[test]
fn an_archive_of_a_store_in_use_unpacks_to_a_whole_store() {
    let desk = desk();
    let tar = |args: &[&str]| {
        let done = std::process::Command::new("tar").args(args).current_dir(desk.path("")).output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..10 {
                desk.write(&format!("more/{n}"), &n.to_string());
                desk.ok(&["commit", "r@work", "more", "-m", "more"]);
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut round = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) || round == 0 {
            let (file, dir) = (format!("safe{round}.tar"), format!("back{round}"));
            desk.ok(&["backup", &file]);
            fs::create_dir(desk.path(&dir)).unwrap();
            assert!(tar(&["-xf", &file, "-C", &dir]).0);
            desk.ok(&["--store", &dir, "verify"]);
            round += 1;
        }
    });
    desk.ok(&["backup", "last.tar"]);
    fs::create_dir(desk.path("last")).unwrap();
    assert!(tar(&["-xf", "last.tar", "-C", "last"]).0);
    for args in [&["log", "r", "--quiet"][..], &["cat", "r:c"], &["log", "r@work", "--quiet"]] {
        assert_eq!(desk.ok(&[&["--store", "last"], args].concat()), desk.ok(args));
    }
    // The same goes to standard output, and says so elsewhere.
    let streamed = desk.run(&["backup", "-"]);
    assert!(streamed.status.success());
    fs::write(desk.path("stream.tar"), &streamed.stdout).unwrap();
    assert_eq!(tar(&["-tf", "stream.tar"]), tar(&["-tf", "last.tar"]));
    assert!(String::from_utf8(streamed.stderr).unwrap().starts_with("it has all up to operation"));
    // What is there is left alone, and what is damaged is not passed on.
    assert_eq!(desk.no(&["backup", "last.tar"]).0, 2);
    assert_eq!(desk.no(&["backup", "-", "--json"]).0, 2);
    let pack = packs(&desk.path(".vds")).remove(0);
    let mut bytes = fs::read(&pack).unwrap();
    bytes[100] ^= 1;
    fs::write(&pack, bytes).unwrap();
    assert_eq!(desk.no(&["backup", "bad.tar"]).0, 5);
    let left: Vec<String> = fs::read_dir(desk.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("bad") || name.contains("vds-backup"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn an_archive_that_ends_early_unpacks_to_no_store() {
    let desk = desk();
    desk.ok(&["backup", "whole.tar"]);
    let bytes = fs::read(desk.path("whole.tar")).unwrap();
    // Without its last member, `format`, in which the end is.
    fs::write(desk.path("part.tar"), &bytes[..bytes.len() - 4 * 512]).unwrap();
    fs::create_dir(desk.path("part")).unwrap();
    std::process::Command::new("tar")
        .args(["-xf", "part.tar", "-C", "part"])
        .current_dir(desk.path(""))
        .output()
        .unwrap();
    assert!(desk.path("part/.vds/journal/operations").exists());
    let (code, said) = desk.no(&["--store", "part", "log", "r"]);
    assert_eq!(code, 5, "{said}");
}

#[test]
fn a_store_of_the_first_release_opens_and_is_whole() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v1");
    let desk = Desk::in_the_open();
    copy(&fixture, &desk.path("old/.vds"));
    let old = |args: &[&str]| desk.ok(&[&["--store", "old"], args].concat());
    assert!(
        old(&["migrate", "--dry-run"])
            .ends_with("has format 1, the newest that there is: nothing is to be done\n")
    );
    let whole: Value = serde_json::from_str(&old(&["verify", "--full", "--json"])).unwrap();
    assert_eq!(
        (&whole["commits"], &whole["damaged"]),
        (&Value::from(5), &Value::Array(Vec::new())),
        "{whole}"
    );
    assert_eq!(old(&["cat", "ticks@v1:day/1.csv"]), "time,price\n2024-05-01T09:00:00Z,1\n");
    assert_eq!(old(&["cat", "count/words:1.csv"]).trim(), "2");
    assert_eq!(old(&["cat", "ticks@feature/x:day/2.csv"]), "time,price\n2024-05-02T09:00:00Z,2\n");
    assert_eq!(old(&["log", "ticks", "--quiet"]).lines().count(), 3);
    desk.write("new", "x");
    old(&["commit", "ticks", "new", "-m", "goes on"]);
    old(&["verify", "--full"]);
}
