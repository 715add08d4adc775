//! What is left when a transfer is killed, or the disk is full: two whole stores, and a command that can be given again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use desk::{Desk, Mount};

/// How much the store that is copied has, in bytes: more than one pack.
const BYTES: usize = 40 << 20;

/// Bytes that look random, cannot be compressed, and are the same every time.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new_derive_key("test noise").update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn entries(dir: impl AsRef<Path>) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

/// How many whole packs the store has.
fn packs(desk: &Desk, store: &str) -> usize {
    let fans = fs::read_dir(desk.path(store).join(".vds/packs"));
    fans.map_or(0, |fans| fans.flatten().map(|fan| entries(fan.path())).sum())
}

/// A desk whose store has a repo of some size.
fn large() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    fs::create_dir(desk.path("in")).unwrap();
    for n in 0..8 {
        fs::write(desk.path("in").join(n.to_string()), noise(BYTES / 8, n)).unwrap();
    }
    desk.ok(&["commit", "r", "in", "-m", "x"]);
    desk
}

/// Starts the command, kills it as soon as `store` has got `what`, and tells whether it was still at work.
fn kill_when(desk: &Desk, args: &[&str], there: impl Fn() -> bool) -> bool {
    let mut child = desk.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if there() {
            break;
        }
        std::thread::yield_now();
    }
    let _ = child.kill();
    child.wait().unwrap();
    true
}

/// The store has the same commits as ours, and all their files.
#[track_caller]
fn check_same(desk: &Desk, store: &str) {
    let log = desk.ok(&["--store", store, "log", "r", "--quiet"]);
    assert_eq!(log, desk.ok(&["log", "r", "--quiet"]));
    for n in 0..8 {
        let output = desk.run(&["--store", store, "cat", &format!("r:{n}")]);
        assert!(output.status.success() && output.stdout == noise(BYTES / 8, n), "{n} is not whole");
    }
    assert_eq!(entries(Path::new(&desk.path(store)).join(".vds/tmp")), 0, "something is left in tmp");
}

fn number(document: &str, field: &str) -> u64 {
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    document[field].as_u64().unwrap()
}

#[test]
fn a_clone_that_is_killed_is_gone_on_with() {
    let desk = large();
    for (round, what) in ["a pack", "its tmp", "its format", "its facts"].into_iter().enumerate() {
        let mine = format!("mine{round}");
        let vds = desk.path(&mine).join(".vds");
        let there = || match what {
            "a pack" => packs(&desk, &mine) > 0,
            "its tmp" => entries(vds.join("tmp")) > 0,
            "its format" => vds.join("format").exists(),
            _ => entries(vds.join("meta")) > 0,
        };
        if kill_when(&desk, &["clone", ".vds", &mine], there) {
            let repos = desk.run(&["--store", &mine, "repo", "list"]);
            assert!(matches!(repos.status.code(), Some(0 | 3)), "{what}: {repos:?}");
            assert!(
                String::from_utf8(repos.stdout).unwrap().lines().all(|line| line.contains("no commits")),
                "{what}"
            );
            let bytes = number(&desk.ok(&["clone", ".vds", &mine, "--json"]), "bytes");
            // What was in a whole pack is not sent again.
            assert!(what != "a pack" || bytes < 16 << 20, "{bytes} bytes");
        }
        check_same(&desk, &mine);
    }
}

#[test]
fn a_push_that_is_killed_is_repeated() {
    let desk = large();
    desk.ok(&["init", "there"]);
    desk.ok(&["remote", "add", "origin", "there"]);
    let there = || packs(&desk, "there") > 0;
    if kill_when(&desk, &["push", "r"], there) {
        assert_eq!(desk.ok(&["--store", "there", "repo", "list"]), "");
        let bytes = number(&desk.ok(&["push", "r", "--json"]), "bytes");
        assert!(bytes < 16 << 20, "{bytes} bytes");
    }
    check_same(&desk, "there");
}

#[test]
fn a_bundle_that_is_killed_while_it_is_written_or_taken_is_nothing_yet() {
    let desk = large();
    let is_begun = || {
        fs::read_dir(desk.path("")).unwrap().flatten().any(|entry| {
            entry.file_name().to_string_lossy().starts_with(".vds-bundle-")
                && entry.metadata().unwrap().len() > 1 << 20
        })
    };
    if kill_when(&desk, &["bundle", "create", "b", "r"], is_begun) {
        assert!(!desk.path("b").exists());
    }
    desk.ok(&["bundle", "create", "b", "r"]);
    desk.ok(&["bundle", "verify", "b"]);
    desk.ok(&["init", "there"]);
    let there = || packs(&desk, "there") > 0;
    if kill_when(&desk, &["--store", "there", "bundle", "apply", "b"], there) {
        assert_eq!(desk.ok(&["--store", "there", "repo", "list"]), "");
    }
    desk.ok(&["--store", "there", "bundle", "apply", "b"]);
    check_same(&desk, "there");
}

/// What is said of the files of a commit that rules let go.
#[track_caller]
fn told(desk: &Desk, store: &str, rev: &str) -> String {
    let (code, said) = desk.no(&["--store", store, "ls", rev]);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("were let go on ") && said.contains(" under the rule r@main:keep-last=2"),
        "{said}"
    );
    said
}

/// The store has the same history as ours, of which only the last two commits have their files; nothing is amiss, before a collection and after.
#[track_caller]
fn check_thinned(desk: &Desk, store: &str) {
    assert_eq!(desk.ok(&["--store", store, "log", "r"]), desk.ok(&["log", "r"]));
    for _ in 0..2 {
        desk.ok(&["--store", store, "verify"]);
        for rev in ["r@main~4", "r@main~3", "r@main~2"] {
            assert_eq!(told(desk, store, rev), told(desk, ".", rev));
        }
        for rev in ["r@main~1", "r@main"] {
            let files = desk.ok(&["--store", store, "ls", rev]);
            assert_eq!(files, desk.ok(&["ls", rev]));
            for file in files.lines() {
                let cat = |store: &str| desk.run(&["--store", store, "cat", &format!("{rev}:{file}")]);
                let (there, here) = (cat(store), cat("."));
                assert!(there.status.success() && there.stdout == here.stdout, "{rev}:{file}");
            }
        }
        desk.ok(&["--store", store, "gc", "--retain", "ops=0"]);
    }
}

const THIN: [&str; 5] = ["gc", "--retain", "ops=0", "--retain", "r@main:keep-last=2"];

#[test]
fn what_rules_let_go_goes_with_its_history_from_store_to_store() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    fs::create_dir(desk.path("in")).unwrap();
    fs::write(desk.path("in/same"), noise(300_000, 100)).unwrap();
    let commit = |store: &str, n: u64| {
        fs::write(desk.path("in/f"), noise(30_000, n)).unwrap();
        desk.ok(&["--store", store, "commit", "r", "in", "-m", &n.to_string()]);
    };
    (0..5).for_each(|n| commit(".", n));
    assert_eq!(number(&desk.ok(&[&THIN[..], &["--json"]].concat()), "let_go"), 3);
    let cloned = desk.ok(&["clone", ".", "mine", "--json"]);
    assert_eq!((number(&cloned, "commits"), number(&cloned, "let_go")), (5, 3));
    check_thinned(&desk, "mine");
    assert!(
        desk.ok(&["bundle", "create", "b", "r"]).contains("5 commits (3 without files, which were let go)")
    );
    assert!(desk.ok(&["bundle", "verify", "b"]).contains("3 commits without files, which were let go"));
    desk.ok(&["init", "theirs"]);
    desk.ok(&["--store", "theirs", "bundle", "verify", "b"]);
    desk.ok(&["--store", "theirs", "bundle", "apply", "b"]);
    check_thinned(&desk, "theirs");
    desk.ok(&["init", "bare"]);
    desk.ok(&["--store", "mine", "remote", "add", "bare", "bare"]);
    desk.ok(&["--store", "mine", "push", "bare", "r"]);
    check_thinned(&desk, "bare");
    // Who has all of it keeps all of it.
    fs::write(desk.path("in/f"), "end").unwrap();
    desk.ok(&["--store", "mine", "commit", "r", "in", "-m", "end"]);
    desk.ok(&["--store", "mine", "push", "r"]);
    desk.ok(&["--store", "bare", "remote", "add", "home", "."]);
    assert_eq!(number(&desk.ok(&["--store", "bare", "fetch", "home", "--json"]), "commits"), 1);
    desk.ok(&["--store", "bare", "pull", "home"]);
    assert_eq!(desk.ok(&["--store", "bare", "log", "r"]), desk.ok(&["log", "r"]));
    assert_eq!(desk.ok(&["--store", "bare", "cat", "r:f"]), "end");
    for store in [".", "mine", "bare"] {
        desk.ok(&["--store", store, "verify"]);
    }
}

#[test]
fn a_clone_of_what_rules_thinned_is_gone_on_with_when_it_is_killed() {
    let desk = large();
    fs::create_dir(desk.path("more")).unwrap();
    for n in 0..4 {
        fs::write(desk.path("more/g"), noise(10_000, n)).unwrap();
        desk.ok(&["commit", "r", "more", "-m", &n.to_string()]);
    }
    desk.ok(&THIN);
    for round in 1..3 {
        let mine = format!("mine{round}");
        // The table of what was let go comes in a pack of its own, before the records do.
        if kill_when(&desk, &["clone", ".", &mine], || packs(&desk, &mine) >= round) {
            desk.ok(&["--store", &mine, "verify"]);
            desk.ok(&["clone", ".", &mine]);
        }
        check_thinned(&desk, &mine);
    }
}

#[track_caller]
fn check_full(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{text}");
    assert!(text.lines().count() == 2 && text.contains("\nhint: free some space"), "{text}");
}

#[test]
fn what_does_not_fit_is_gone_on_with_when_there_is_room() {
    let Some(mount) = Mount::tmpfs("size=80m") else {
        println!("skipped: file systems cannot be mounted here");
        return;
    };
    let desk = large();
    let (hog, mine) = (mount.path("hog"), mount.path("mine"));
    fs::write(&hog, noise(50 << 20, 99)).unwrap();
    check_full(&desk.run(&["clone", ".vds", &mine]));
    check_full(&desk.run(&["bundle", "create", &mount.path("b"), "r"]));
    assert!(!Path::new(&mount.path("b")).exists() && entries(mount.path("")) == 2);
    fs::remove_file(hog).unwrap();
    desk.ok(&["clone", ".vds", &mine]);
    check_same(&desk, &mine);
}

#[test]
fn both_stores_can_be_used_while_one_is_copied() {
    let desk = large();
    let mut clone = desk.command(&["clone", ".vds", "mine"]).stdout(Stdio::null()).spawn().unwrap();
    desk.write("more", "x");
    desk.ok(&["commit", "r@other", "more", "-m", "more", "--lock-timeout", "20"]);
    assert!(clone.wait().unwrap().success());
    desk.ok(&["--store", "mine", "pull"]);
    check_same(&desk, "mine");
}

const PIPELINE: &str = r#"
pipeline = "p"
[stage.bin]
input = "ticks@*:/*/*/*"
bin = {}
[stage.measure]
inputs = { bins = "p/bin@*:/", truth = "truth@main:/truth.csv" }
measure = {}
[stage.select]
input = "p/measure@*:/"
select = {}
[stage.count]
input = "ticks@*:/*/*/*"
command = ["sh", "-c", "find \"$VDS_IN_TICKS\" -type f | wc -l > \"$VDS_OUT/$(basename \"$VDS_DATUM\")\""]
"#;

/// Commits a day of ticks, which all stages follow.
fn day(desk: &Desk, day: &str) {
    desk.write_day(day, "1");
    desk.ok(&["commit", "ticks", &format!("days/{day}"), "-m", day]);
}

#[test]
fn outputs_of_all_stages_travel_with_what_the_stages_keep_of_them() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "ticks"]);
    desk.ok(&["repo", "create", "truth"]);
    desk.write("truth.csv", "date,price\n2024-05-01,114\n2024-05-02,214\n2024-05-03,314\n");
    desk.ok(&["commit", "truth", "truth.csv", "-m", "truth"]);
    desk.write("p.toml", PIPELINE);
    desk.ok(&["pipeline", "create", "p.toml"]);
    day(&desk, "01");
    desk.ok(&["clone", ".vds", "mine"]);
    day(&desk, "02");
    day(&desk, "03");
    // Whatever a commit names is checked by who receives it.
    desk.ok(&["--store", "mine", "pull"]);
    desk.ok(&["bundle", "create", "b", "p/bin", "p/measure", "p/select", "p/count"]);
    desk.ok(&["bundle", "verify", "b"]);
    for repo in ["ticks", "truth", "p/bin", "p/measure", "p/select", "p/count"] {
        for verb in [&["log", "--json"][..], &["ls", "-r"]] {
            let args = [verb, &[repo]].concat();
            assert_eq!(desk.ok(&[&["--store", "mine"], &args[..]].concat()), desk.ok(&args), "{args:?}");
        }
    }
}

/// They were made again when an old version came back.
#[test]
fn results_that_came_with_a_clone_are_found_by_its_own_pipeline() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("p.toml", "pipeline = 'p'\n[stage.a]\ninput = 'in:/*'\ncommand = ['sh', '-c', 'date +%N > $VDS_OUT/$VDS_DATUM']\n");
    desk.ok(&["pipeline", "create", "p.toml"]);
    for text in ["one", "two"] {
        desk.write("f/file", text);
        desk.ok(&["commit", "in", "f", "-m", text]);
    }
    desk.ok(&["clone", ".vds", "mine"]);
    desk.ok(&["--store", "mine", "pipeline", "create", "p.toml"]);
    desk.write("f/file", "one");
    desk.ok(&["--store", "mine", "commit", "in", "f", "-m", "one again"]);
    let first = desk.ok(&["cat", "p/a@main~1:file"]);
    assert_eq!(desk.ok(&["--store", "mine", "cat", "p/a:file"]), first);
    desk.ok(&["--store", "mine", "verify"]);
}
