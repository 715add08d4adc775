//! Files that must not have been are taken out of all history: no byte of them stays, and all else does.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use desk::{Desk, until};
use serde_json::Value;
use vds::content;
use vds::object::{BlobId, Digest, ObjectKind, ObjectRead};
use vds::store::{DEFAULT_WAIT, Store};

/// Text of so many bytes, another for each seed, that is not compressed away.
fn noise(seed: u64, len: usize) -> String {
    let mut text = String::with_capacity(len + 64);
    let mut n = 0_u64;
    while text.len() < len {
        let hash = Digest::of(&[seed.to_le_bytes(), n.to_le_bytes()].concat());
        text += &hash.to_string();
        n += 1;
    }
    text.truncate(len);
    text
}

fn json(desk: &Desk, args: &[&str]) -> Value {
    serde_json::from_str(&desk.ok(&[args, &["--json"]].concat())).unwrap()
}

fn head(desk: &Desk, rev: &str) -> String {
    desk.ok(&["show", rev, "--quiet"]).trim().to_owned()
}

fn blob(desk: &Desk, location: &str) -> BlobId {
    let listed = json(desk, &["ls", location]);
    listed["entries"][0]["blob"].as_str().unwrap().parse().unwrap()
}

fn store(desk: &Desk) -> Store {
    Store::open(&desk.path(".vds"), DEFAULT_WAIT).unwrap()
}

/// The objects that a blob consists of, which the store must have.
fn contents(store: &Store, blob: BlobId) -> Vec<Digest> {
    let mut contents = vec![*blob.digest()];
    if store.objects().read_object(blob.digest()).unwrap().kind == ObjectKind::Manifest {
        let manifest = content::manifest(store.objects(), blob).unwrap();
        contents.extend(manifest.pieces.iter().map(|piece| piece.chunk));
    }
    contents
}

fn packs(dir: &Path) -> Vec<PathBuf> {
    let fans = fs::read_dir(dir.join("packs")).unwrap();
    fans.flat_map(|fan| fs::read_dir(fan.unwrap().path()).unwrap()).map(|pack| pack.unwrap().path()).collect()
}

/// Collects, and sees that none of these objects is in any pack.
#[track_caller]
fn gone(desk: &Desk, objects: &[Digest]) {
    let collected = json(desk, &["gc"]);
    assert_eq!(collected["waiting"], 0, "{collected}");
    let store = store(desk);
    store.objects().complete().unwrap();
    for pack in packs(&desk.path(".vds")) {
        let name: Digest = pack.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let footer = store.objects().footer(&name, fs::metadata(&pack).unwrap().len()).unwrap();
        let held: BTreeSet<Digest> = footer.entries.iter().map(|entry| entry.digest).collect();
        assert!(objects.iter().all(|digest| !held.contains(digest)), "{}", pack.display());
    }
    assert!(objects.iter().all(|digest| store.objects().read_object(digest).is_err()));
    desk.ok(&["verify"]);
}

/// A desk with the repo `r`: three commits, of which the second brings `secret`; a branch from there, and a tag. The file `keep` is large and
/// has most in common with the secret.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("in/keep", &noise(1, 400_000));
    desk.ok(&["commit", "r", "in", "-m", "one"]);
    desk.write("in/secret", &(noise(1, 300_000) + &noise(2, 300_000)));
    desk.ok(&["commit", "r", "in", "-m", "two"]);
    desk.ok(&["branch", "create", "r@side"]);
    desk.ok(&["tag", "create", "r@v1"]);
    desk.write("in/more", "more");
    desk.ok(&["commit", "r", "in", "-m", "three"]);
    desk.write("in/side", "side");
    desk.ok(&["commit", "r@side", "in/side", "-m", "four"]);
    desk
}

#[test]
fn a_path_goes_from_all_branches_and_tags_and_its_bytes_from_all_packs() {
    let desk = desk();
    let (first, old) = (head(&desk, "r@main~2"), head(&desk, "r"));
    let objects: Vec<Digest> = {
        let store = store(&desk);
        let keep: BTreeSet<Digest> = contents(&store, blob(&desk, "r:keep")).into_iter().collect();
        contents(&store, blob(&desk, "r:secret"))
            .into_iter()
            .filter(|digest| !keep.contains(digest))
            .collect()
    };
    assert!(objects.len() > 3);
    let foreseen = json(&desk, &["purge", "r:secret", "--dry-run"]);
    assert_eq!(head(&desk, "r"), old);
    let purged = json(&desk, &["purge", "r:secret", "-m", "not ours"]);
    for field in ["blobs", "bytes", "commits", "forgotten", "still_named"] {
        assert_eq!(foreseen[field], purged[field], "{field}");
    }
    assert_eq!(purged["commits"], serde_json::json!([{ "repo": "r", "count": 3 }]));
    assert_eq!(purged["refs"].as_array().unwrap().len(), 3);
    gone(&desk, &objects);
    // What came before has its id, and what came after all else.
    assert_eq!(head(&desk, "r@main~2"), first);
    assert_eq!(desk.ok(&["log", "r", "--oneline"]).lines().count(), 3);
    assert_eq!(desk.ok(&["ls", "r"]), "keep\nmore\n");
    assert_eq!(desk.ok(&["ls", "r@side"]), "keep\nside\n");
    assert_eq!(desk.ok(&["ls", "r@v1"]), "keep\n");
    assert_eq!(desk.ok(&["cat", "r:keep"]), noise(1, 400_000));
    desk.ok(&["checkout", "r", "--into", "out"]);
    assert!(desk.path("out/keep").exists() && !desk.path("out/secret").exists());
    // The old id leads to the new one.
    let new = head(&desk, "r");
    let (code, said) = desk.no(&["show", &format!("r@{}", &old[..10])]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains(&format!("{} of r was rewritten as {}", &old[..12], &new[..12])), "{said}");
    // Nothing leads back.
    let number = purged["operation"].as_u64().unwrap();
    for number in [number, number - 1] {
        let (code, said) = desk.no(&["undo", &number.to_string()]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("has been collected"), "{said}");
    }
    assert_eq!(desk.no(&["ls", "r@main@{1}"]).0, 3);
    let listed = json(&desk, &["purge", "--list"]);
    let told = &listed["purges"][0];
    assert_eq!((&told["reason"], &told["author"]), (&"not ours".into(), &"Ann".into()));
    assert_eq!(told["asked"], serde_json::json!(["r:secret"]));
    // The store goes on, and is the same when its facts are made again.
    desk.write("in/secret", "none");
    desk.ok(&["commit", "r", "in", "-m", "five"]);
    desk.ok(&["rebuild"]);
    assert_eq!(desk.ok(&["cat", "r:secret"]), "none");
    desk.ok(&["verify"]);
}

/// The job that ran last.
fn last_job(desk: &Desk) -> Value {
    json(desk, &["job", "list"])["jobs"][0].clone()
}

#[test]
fn stages_make_nothing_again_but_what_was_made_of_it() {
    let desk = Desk::with_script("wc -c < /pfs/in/$VDS_DATUM > /pfs/out/$VDS_DATUM", "input = 'in:/*'");
    for n in 0..4_u64 {
        desk.write(&format!("in/f{n}"), &noise(n, 1000));
        desk.ok(&["commit", "in", "in", "-m", "more"]);
    }
    desk.write(
        "q.toml",
        "pipeline = 'q'\n[stage.all]\ninput = 'p/a:/'\ncommand = ['sh', '-c', 'cat /pfs/a/* > /pfs/out/all']",
    );
    desk.ok(&["pipeline", "create", "q.toml"]);
    let before = json(&desk, &["job", "list"])["jobs"].as_array().unwrap().len();
    let objects = contents(&store(&desk), blob(&desk, "in:f2"));
    let purged = json(&desk, &["purge", "in:f2", "-m", "law"]);
    let jobs = purged["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 2, "{purged}");
    let counts = |job: &Value| (job["processed"].clone(), job["reused"].clone());
    assert_eq!(counts(&jobs[0]), (0.into(), 3.into()));
    assert_eq!(counts(&jobs[1]), (1.into(), 0.into()));
    assert_eq!(desk.ok(&["ls", "p/a"]), "f0\nf1\nf3\n");
    assert_eq!(desk.ok(&["cat", "q/all:all"]), "1000\n".repeat(3));
    gone(&desk, &objects);
    // Outputs of before name what their inputs became.
    let inputs = json(&desk, &["show", "p/a@main~1"])["made_by"]["inputs"][0]["commit"].clone();
    assert!(desk.run(&["show", &format!("in@{}", inputs.as_str().unwrap())]).status.success(), "{inputs}");
    desk.write("in/f9", "9");
    desk.ok(&["commit", "in", "in/f9", "-m", "more"]);
    let jobs = json(&desk, &["job", "list"])["jobs"].as_array().unwrap().clone();
    assert_eq!(jobs.len(), before + 4);
    let first = jobs.iter().find(|job| job["stage"] == "p/a").unwrap();
    assert_eq!(first["processed"], 1, "{first}");
    assert_eq!(last_job(&desk)["state"], "succeeded");
}

#[test]
fn a_blob_goes_from_wherever_it_lies() {
    // The output, the log and the state of a datum have it, too.
    let desk = Desk::with_script(
        "cat /pfs/in/$VDS_DATUM; cp /pfs/in/$VDS_DATUM /pfs/out/$VDS_DATUM",
        "input = 'in:/*'",
    );
    desk.ok(&["repo", "create", "other"]);
    let secret = noise(7, 200_000);
    desk.write("in/secret", &secret);
    desk.write("in/plain", "plain");
    desk.ok(&["commit", "in", "in", "-m", "one"]);
    desk.write("copy", &secret);
    desk.ok(&["commit", "other", "copy", "-m", "a copy"]);
    let objects = contents(&store(&desk), blob(&desk, "in:secret"));
    let told = json(&desk, &["purge", "in:secret", "--dry-run"])["still_named"].to_string();
    for who in ["other:copy, in 1 commit", "p/a:secret, in 1 commit", "results of p/a", "the log of job 1"] {
        assert!(told.contains(who), "{who}: {told}");
    }
    let purged = json(&desk, &["purge", "in:secret", "--everywhere", "-m", "law"]);
    assert_eq!(purged["still_named"], serde_json::json!([]));
    assert_eq!(purged["commits"].as_array().unwrap().len(), 3);
    gone(&desk, &objects);
    assert_eq!(desk.ok(&["ls", "in"]), "plain\n");
    assert_eq!(desk.ok(&["ls", "p/a"]), "plain\n");
    assert_eq!(desk.ok(&["ls", "other"]), "");
    let job = last_job(&desk);
    assert_eq!((&job["processed"], &job["reused"]), (&0.into(), &1.into()));
    // It comes back with whoever commits it again, and is gone by its id.
    desk.ok(&["commit", "other", "copy", "-m", "again"]);
    let id = objects[0].to_string();
    desk.ok(&["purge", "--blob", &id, "-m", "again"]);
    gone(&desk, &objects);
    assert_eq!(desk.no(&["purge", "--blob", &id, "-m", "again"]).0, 3);
}

#[test]
fn what_is_to_go_and_is_in_use_or_not_there_is_refused() {
    let desk = desk();
    desk.ok(&["branch", "create", "r@x"]);
    for (branch, text) in [("r", "ours"), ("r@x", "theirs")] {
        desk.write("f", text);
        desk.ok(&["commit", branch, "f", "-m", text]);
    }
    assert_eq!(desk.no(&["merge", "r", "x"]).0, 1);
    let (code, said) = desk.no(&["purge", "r:secret", "-m", "law"]);
    assert_eq!((code, said.contains("the open merge into r@main")), (1, true), "{said}");
    desk.ok(&["merge", "--abort", "r"]);
    for (args, code) in [
        (&["purge", "r:nothing", "-m", "law"][..], 3),
        (&["purge", "nothing:f", "-m", "law"], 3),
        (&["purge", "r@main:f", "-m", "law"], 2),
        (&["purge", "r", "-m", "law"], 2),
        (&["purge", "r:secret"], 2),
        (&["purge", "--blob", &"0".repeat(64), "-m", "law"], 3),
    ] {
        assert_eq!(desk.no(args).0, code, "{args:?}");
    }
    desk.ok(&["purge", "r:secret", "-m", "law"]);
    assert_eq!(desk.no(&["purge", "r:secret", "-m", "law"]).0, 3);
}

#[test]
fn workspaces_go_on_whether_or_not_what_they_come_from_is_gone() {
    let desk = desk();
    for dir in ["one", "two"] {
        desk.ok(&["checkout", "r", "--into", dir]);
    }
    let objects = contents(&store(&desk), blob(&desk, "r:secret"));
    let purged = json(&desk, &["purge", "r:secret", "-m", "law"]);
    assert_eq!(purged["workspaces"].as_array().unwrap().len(), 2, "{purged}");
    // One goes to the new head before the collection, and one after it.
    desk.ok(&["-C", "one", "switch", "main"]);
    assert!(!desk.path("one/secret").exists());
    gone(&desk, &objects[..1]);
    assert_eq!(desk.ok(&["-C", "one", "status", "--quiet"]), "");
    let status = desk.run(&["-C", "two", "status", "--quiet"]).stdout;
    assert!(String::from_utf8(status).unwrap().contains("secret"));
    fs::remove_file(desk.path("two/secret")).unwrap();
    desk.write("two/keep", "changed");
    desk.ok(&["-C", "two", "commit", "-m", "goes on"]);
    assert_eq!(desk.ok(&["cat", "r:keep"]), "changed");
    assert_eq!(desk.ok(&["ls", "r"]), "keep\nmore\n");
}

#[test]
fn commits_that_come_meanwhile_are_kept_without_it() {
    let desk = desk();
    let committing = |n: usize| {
        desk.write(&format!("new{n}"), &n.to_string());
        let args = ["commit", "r", &format!("new{n}"), "-m", "more"];
        desk.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..6).map(committing).collect();
    let purge = desk.command(&["purge", "r:secret", "-m", "law"]).stdout(Stdio::null()).spawn().unwrap();
    let more: Vec<_> = (6..12).map(committing).collect();
    for child in children.into_iter().chain([purge]).chain(more) {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let files = desk.ok(&["ls", "r"]);
    assert_eq!(files.lines().filter(|line| line.starts_with("new")).count(), 12, "{files}");
    assert!(!files.contains("secret"), "{files}");
    assert_eq!(desk.no(&["log", "r", "--oneline", "--", "secret"]).0, 3);
    desk.ok(&["gc"]);
    desk.ok(&["verify"]);
}

#[test]
fn commits_that_rules_let_go_and_pins_are_written_anew_as_they_are() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    for n in 0..4 {
        desk.write("in/keep", &noise(n, 50_000));
        desk.write("in/secret", &noise(10 + n, 50_000));
        desk.ok(&["commit", "r", "in", "-m", &n.to_string()]);
    }
    desk.ok(&["rm", "r", "secret", "-m", "4"]);
    desk.write("in/more", "more");
    desk.ok(&["commit", "r", "in/more", "-m", "5"]);
    desk.ok(&["pin", "r@main~3"]);
    let rules = ["gc", "--retain", "ops=0", "--retain", "r@main:keep-last=2"];
    assert_eq!(json(&desk, &rules)["let_go"], 3);
    let (third, fourth) = (head(&desk, "r@main~3"), head(&desk, "r@main~2"));
    let objects = contents(&store(&desk), blob(&desk, "r@main~3:secret"));
    let purged = json(&desk, &["purge", "r:secret", "-m", "law"]);
    // Of those that have no files any more nothing can go, but they name what comes before them.
    assert_eq!(purged["commits"], serde_json::json!([{ "repo": "r", "count": 4 }]));
    assert_eq!(purged["blobs"].as_array().unwrap().len(), 1);
    gone(&desk, &objects);
    assert_eq!(desk.ok(&["log", "r", "--oneline"]).lines().count(), 6);
    let pinned = json(&desk, &["pin", "list"])["pins"][0]["commit"].clone();
    assert_eq!(pinned.as_str().unwrap(), head(&desk, "r@main~3"));
    assert_ne!(pinned.as_str().unwrap(), third);
    assert_eq!(desk.ok(&["ls", "r@main~3"]), "keep\n");
    assert_ne!(head(&desk, "r@main~2"), fourth);
    for rev in ["r@main~5", "r@main~4", "r@main~2"] {
        let (code, said) = desk.no(&["ls", rev]);
        assert_eq!((code, said.contains("were let go on")), (3, true), "{said}");
    }
    assert_eq!(json(&desk, &rules)["let_go"], 0);
    desk.ok(&["rebuild"]);
    desk.ok(&["verify"]);
}

#[test]
fn a_content_that_nothing_names_any_more_goes_by_its_id() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    let (large, secret) = (noise(1, 400_000), noise(2, 10_000));
    let secret = {
        let store = store(&desk);
        let writer = store.writer();
        content::keep_bytes(&writer, large.as_bytes()).unwrap();
        let kept = content::keep_bytes(&writer, secret.as_bytes()).unwrap();
        writer.finish().unwrap();
        kept.blob
    };
    desk.write("large", &large);
    desk.ok(&["commit", "r", "large", "-m", "one"]);
    desk.ok(&["gc"]);
    // A pack of which little is not needed stays as it is.
    let objects = contents(&store(&desk), secret);
    let purged = json(&desk, &["purge", "--blob", &secret.to_string(), "-m", "law"]);
    assert_eq!((&purged["commits"], &purged["refs"]), (&serde_json::json!([]), &serde_json::json!([])));
    gone(&desk, &objects);
    assert_eq!(desk.ok(&["cat", "r:large"]), large);
    // A commit is no content.
    assert_eq!(desk.no(&["purge", "--blob", &head(&desk, "r"), "-m", "law"]).0, 3);
}

#[test]
fn a_path_that_was_never_there_is_told_beside_one_that_was() {
    let desk = desk();
    let (code, said) = desk.no(&["purge", "r:secret", "r:secert", "-m", "law"]);
    assert_eq!((code, said.contains("no commit of r has anything at secert")), (3, true), "{said}");
    assert_eq!(desk.ok(&["ls", "r@v1"]), "keep\nsecret\n");
}

#[test]
fn a_job_at_work_on_it_is_not_disturbed() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    let dir = desk.path("").to_string_lossy().trim_end_matches('/').to_owned();
    desk.write(
        "do.sh",
        &format!("touch {dir}/begun; until [ -e {dir}/go ]; do sleep 0.01; done; echo 1 > /pfs/out/one"),
    );
    desk.write(
        "p.toml",
        "pipeline = 'p'\n[stage.a]\ncommand = ['sh', 'do.sh']\ncode = ['do.sh']\ninput = 'in:/'",
    );
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("f/secret", "secret");
    desk.write("f/other", "other");
    let running = desk.command(&["commit", "in", "f", "-m", "one"]).stdout(Stdio::null()).spawn().unwrap();
    until("the start of the program", || desk.path("begun").exists());
    let (code, said) = desk.no(&["purge", "in:secret", "-m", "law"]);
    assert_eq!((code, said.contains("job 1 (p/a) is running and has what is to go")), (4, true), "{said}");
    desk.write("go", "");
    assert!(running.wait_with_output().unwrap().status.success());
    let purged = json(&desk, &["purge", "in:secret", "-m", "law"]);
    assert_eq!(purged["jobs"][0]["processed"], 1, "{purged}");
    assert_eq!(desk.ok(&["ls", "in"]), "other\n");
}
