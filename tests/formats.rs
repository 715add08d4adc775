//! The bytes that a store keeps never change: every kind of fact and record is made here and compared with the bytes that
//! the first release wrote. A difference is a new format, which needs a new version number and a migration.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use vds::history::{self, Draft, NewRepo, Purge, PurgeMap};
use vds::ledger::{Ledger, Origin, OriginKind, Session};
use vds::meta::{Batch, MemoryMeta};
use vds::object::access::memory::Objects;
use vds::object::{BlobId, BranchName, CommitId, Digest, Entry, FileKind, NodeId, ObjectRead as _, RepoName};
use vds::pipeline::condition::Condition;
use vds::pipeline::follow::{self, Follow};
use vds::pipeline::job::{self, Bytes, Conduct, Datums, Isolation, Job, JobInput, JobSource, Results, State};
use vds::pipeline::submission::{self, Submission, Submit};
use vds::process::Process;
use vds::setting::{self, Key, Whose};
use vds::store::{DEFAULT_WAIT, Store};
use vds::transfer::remotes::{self, Remote, Standing};

fn origin(kind: OriginKind) -> Origin {
    let (author, command) = ("Ann <ann@example.org>".to_owned(), "vds commit".to_owned());
    Origin { time: 1_714_573_800_000, offset: 120, author, command, kind }
}

fn change(ledger: &Ledger, kind: OriginKind, make: impl FnOnce(&Session, &mut Batch)) {
    let mut session = ledger.session().unwrap();
    let mut batch = Batch::default();
    make(&session, &mut batch);
    session.commit(&origin(kind), &batch).unwrap();
}

/// Text as it is, other bytes as `\xff`.
fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn repo(session: &Session, batch: &mut Batch, name: &str) {
    let (name, description) = (name.parse::<RepoName>().unwrap(), "ticks of the desk".to_owned());
    history::create(
        session,
        batch,
        NewRepo { name, created: 1_714_573_000_000, description, output_of: None },
    )
    .unwrap();
}

fn some_job(id: u64, state: State) -> Job {
    let input =
        |name: &str, source| JobInput { name: name.to_owned(), repo: 1, branch: "main".to_owned(), source };
    Job {
        id,
        run: 3,
        pipeline: "settlement".to_owned(),
        version: 1,
        stage: "bin".to_owned(),
        branch: "main".to_owned(),
        inputs: vec![
            input("ticks", JobSource::Commit(CommitId::of(b"input"))),
            input("bins", JobSource::Job(6)),
        ],
        cause: "desk/ticks@main 4c9f21ab03de".to_owned(),
        results: Results::Reused,
        state,
        created: 1_714_573_800_000,
        started: Some(1_714_573_801_000),
        ended: Some(1_714_573_802_000),
        datums: Datums { processed: 1, reused: 2, failed: 3, recovered: 4 },
        output: Some(CommitId::of(b"output")),
        error: Some("a reason".to_owned()),
        logs: Some(NodeId::of(b"logs")),
        bytes: Some(Bytes { read: 4, written: 5 }),
        report: Some(NodeId::of(b"report")),
        conduct: Conduct::default(),
    }
}

/// Makes one of every kind of fact.
fn facts() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(Arc::new(MemoryMeta::default()), dir.path());
    let main: BranchName = "main".parse().unwrap();
    let head = CommitId::of(b"head");
    change(&ledger, OriginKind::Operation, |session, batch| repo(session, batch, "desk/ticks"));
    change(&ledger, OriginKind::Operation, |session, batch| {
        let repo = history::load_repo(session, &"desk/ticks".parse().unwrap()).unwrap();
        history::move_head(batch, &repo, &main, None, Some(head));
        history::record_commit(batch, &repo, &head);
        history::record_derived(batch, &repo, &CommitId::of(b"input"), &head);
        history::create_tag(batch, &repo, &"v1".parse().unwrap(), head);
        history::see(batch, &repo, &"origin/main".parse().unwrap(), Some(head));
    });
    change(&ledger, OriginKind::Operation, |session, batch| {
        let repo = history::load_repo(session, &"desk/ticks".parse().unwrap()).unwrap();
        let when = Condition::Any(vec![Condition::Commits(10), Condition::Quiet("5m".parse().unwrap())]);
        let (branch, source) = ("release".parse().unwrap(), main.clone());
        let follow = Follow { branch, source, when, since: 1_714_573_800_000, reached: None };
        follow::put(session, batch, &repo, &follow).unwrap();
    });
    for standing in [Standing::Settled, Standing::Cloning] {
        change(&ledger, OriginKind::Operation, |_, batch| {
            let (name, place) = (format!("{standing:?}").parse().unwrap(), "/mnt/desk/.vds".to_owned());
            remotes::put(batch, &Remote { name, place, standing }).unwrap();
        });
    }
    let source = "pipeline = \"settlement\"\n[stage.bin]\ninput = \"desk/ticks@*:/*/*/*\"\nbin = { tz = \"Europe/Berlin\" }\n";
    let code = Entry { kind: FileKind::Executable, blob: BlobId::of(b"code"), size: 4 };
    // Only asked which jobs of the pipeline are running, and there are none.
    let place = tempfile::tempdir().unwrap();
    let store = Store::init(place.path(), DEFAULT_WAIT).unwrap();
    for submit in [Submit::Create, Submit::Update] {
        change(&ledger, OriginKind::Operation, |session, batch| {
            let code = vec![("report.py".to_owned(), code)];
            let submission =
                Submission { source: source.to_owned(), file: "settlement.toml".to_owned(), code };
            let origin = origin(OriginKind::Operation);
            submission::submit(&store, session, batch, submission, submit, &origin).unwrap();
        });
    }
    let states = [
        State::Queued,
        State::Running(Process { pid: 77, started: 12_345 }),
        State::Succeeded,
        State::Failed,
        State::Skipped,
        State::Cancelled,
        State::Superseded(14),
    ];
    for (id, state) in (7..).zip(states) {
        change(&ledger, OriginKind::Housekeeping, |_, batch| job::save(batch, &some_job(id, state)).unwrap());
    }
    // Of these, records tell how they went about their datums.
    let seen = [Isolation::Namespaces, Isolation::Unwanted, Isolation::Impossible("a reason".to_owned())];
    for (id, isolation) in (14..).zip(seen.map(Some).into_iter().chain([None])) {
        let conduct = Conduct { planned: Some(7), isolation };
        let job = Job { conduct, ..some_job(id, State::Succeeded) };
        change(&ledger, OriginKind::Housekeeping, |_, batch| job::save(batch, &job).unwrap());
    }
    for (whose, key, value) in [(Whose::Store, Key::Reserve, "5%"), (Whose::Repo(1), Key::Quota, "200GiB")] {
        change(&ledger, OriginKind::Operation, |session, batch| {
            setting::put(session, batch, whose, key, Some(value)).unwrap();
        });
    }
    change(&ledger, OriginKind::Operation, |_, batch| {
        let purge = Purge {
            operation: 31,
            time: 1_714_573_800_000,
            author: "Ann <ann@example.org>".to_owned(),
            reason: "not ours to keep".to_owned(),
            asked: vec!["desk/ticks:secret.csv".to_owned()],
            blobs: 1,
            commits: vec![("desk/ticks".to_owned(), 2)],
            map: purge_map().write(&Objects::default()).unwrap(),
        };
        history::record_purge(batch, &purge).unwrap();
    });
    (dir, ledger)
}

/// One of each kind of entry.
fn purge_map() -> PurgeMap {
    let some = BlobId::of(b"secret");
    PurgeMap {
        blobs: [(some, Some("secret.csv".parse().unwrap())), (BlobId::of(b"log"), None)].into(),
        contents: vec![*some.digest()],
        renamed: [(CommitId::of(b"head"), CommitId::of(b"new head"))].into(),
        stale: vec![CommitId::of(b"new head")],
    }
}

#[test]
fn the_bytes_of_what_a_purge_keeps_never_change() {
    let objects = Objects::default();
    let map = purge_map().write(&objects).unwrap();
    let node = objects.read_object(map.digest()).unwrap().bytes;
    assert_eq!(escaped(&node), include_str!("golden/purge-v1.txt").trim());
}

fn told(ledger: &Ledger, journal: &Path) -> String {
    let mut told = String::new();
    let mut tell = |key: &[u8], value: &[u8]| {
        writeln!(told, "{}\n  {}", escaped(key), escaped(value)).unwrap();
        ControlFlow::Continue(())
    };
    ledger.session().unwrap().scan(b"", &mut tell).unwrap();
    // Length and hash pin the journal: what it holds are these facts, before and after.
    let journal = std::fs::read(journal.join("operations")).unwrap();
    writeln!(told, "journal\n  {} bytes {}", journal.len(), Digest::of(&journal)).unwrap();
    told
}

#[test]
fn the_bytes_of_facts_never_change() {
    let (dir, ledger) = facts();
    let told = told(&ledger, dir.path());
    if let Ok(place) = std::env::var("VDS_WRITE_GOLDEN") {
        std::fs::write(place, &told).unwrap();
    }
    let golden = include_str!("golden/facts-v1.txt");
    let differs = told.lines().zip(golden.lines()).find(|(now, then)| now != then);
    assert!(
        told == golden,
        "the bytes of the store's facts have changed: {differs:?}. Make it a new version; or, as long as nothing with \
         this version was released, write the golden file anew: VDS_WRITE_GOLDEN=tests/golden/facts-v1.txt cargo test \
         --test formats"
    );
}

#[test]
fn records_of_jobs_are_read_and_written_as_they_were() {
    let (_dir, ledger) = facts();
    let session = ledger.session().unwrap();
    let (mut read, mut versions) = (Vec::new(), Vec::new());
    let mut visit = |_: &[u8], bytes: &[u8]| {
        let job = job::read(bytes).unwrap();
        let mut batch = Batch::default();
        job::save(&mut batch, &job).unwrap();
        assert_eq!(batch.writes[0].1.as_deref(), Some(bytes));
        versions.push(bytes[0]);
        read.push(job);
        ControlFlow::Continue(())
    };
    session.scan(b"job/", &mut visit).unwrap();
    assert_eq!(versions, [[1; 7].as_slice(), &[2; 4]].concat());
    assert_eq!(read[0], some_job(7, State::Queued));
    assert_eq!(read[10].conduct, Conduct { planned: Some(7), isolation: None });
}

#[test]
fn a_commit_without_provenance_keeps_its_id() {
    let objects = Objects::default();
    let draft = Draft {
        parents: Vec::new(),
        tree: NodeId::of(b"tree"),
        message: "day 1".to_owned(),
        provenance: None,
    };
    let (id, commit) = history::write(&objects, draft, &origin(OriginKind::Operation)).unwrap();
    let text = escaped(&commit.to_bytes().unwrap());
    assert_eq!(text, include_str!("golden/first-commit-v1.txt").trim());
    assert_eq!(id, CommitId::of(&commit.to_bytes().unwrap()));
}
