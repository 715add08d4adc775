//! What a store holds, as far as people were told of it, and whether it is whole. For the tests that do a store harm.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]
#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use vds::content;
use vds::fault::Cause;
use vds::history::{self, Log};
use vds::progress::Silent;
use vds::snapshot::Snapshot;
use vds::store::Store;
use vds::verify::{Choice, Depth, Note, Options, Start, Thing, verify};

/// How long is waited for what a killed process leaves to the kernel to let go of.
const WAIT: Duration = Duration::from_secs(60);

/// What each branch and tag is: the messages of its history, and its files. No time and no author is in it.
pub type Held = BTreeMap<String, String>;

/// What the store holds; it must be there.
#[track_caller]
pub fn held(store: &Path) -> Held {
    look(store).unwrap_or_else(|cause| panic!("{}: {cause:?}", store.display()))
}

/// What the store holds.
pub fn look(store: &Path) -> Result<Held, Cause> {
    let store = Store::open(store, WAIT)?;
    let mut names = BTreeMap::new();
    let facts = store.session()?;
    for repo in history::list(&facts)? {
        let branches = history::branches(&facts, &repo)?;
        names.insert(repo.name.to_string(), None);
        names.extend(branches.into_iter().map(|(name, id)| (format!("{}@{name}", repo.name), Some(id))));
        let tags = history::tags(&facts, &repo)?;
        names.extend(tags.into_iter().map(|(name, id)| (format!("{}@tag {name}", repo.name), Some(id))));
    }
    drop(facts);
    let mut held = Held::new();
    for (name, id) in names {
        let mut text = String::new();
        for commit in Log::new(store.objects(), id) {
            let (_, commit) = commit?;
            writeln!(text, "{:?} with {} parents", commit.message, commit.parents.len()).unwrap();
        }
        if let Some(id) = id {
            let tree = history::load(store.objects(), id)?.tree;
            for (path, entry) in Snapshot::new(store.objects(), tree).files_at(None)? {
                let bytes = content::load(store.objects(), entry.blob)?;
                assert_eq!(bytes.len() as u64, entry.size);
                writeln!(text, "{path} {} {} {:?}", entry.blob, entry.size, entry.kind).unwrap();
            }
        }
        held.insert(name, text);
    }
    Ok(held)
}

/// All commits of all branches: their ids and messages. All that they hold is read.
#[track_caller]
pub fn commits(store: &Path) -> BTreeMap<String, String> {
    held(store);
    let store = Store::open(store, WAIT).unwrap();
    let facts = store.session().unwrap();
    let repos = history::list(&facts).unwrap();
    let heads: Vec<_> =
        repos.iter().flat_map(|repo| history::branches(&facts, repo).unwrap()).map(|(_, id)| id).collect();
    drop(facts);
    let commits = Log::new(store.objects(), heads).map(Result::unwrap);
    commits.map(|(id, commit)| (id.to_string(), commit.message)).collect()
}

/// Whether all is as it should be: what is wrong with the store, if anything is.
pub fn wrong_with(store: &Path) -> Vec<String> {
    let opened = match Store::open(store, WAIT) {
        Ok(opened) => opened,
        Err(error) => return vec![format!("it cannot be opened: {error}")],
    };
    // The first session mends what mends itself.
    if let Err(error) = opened.session() {
        return vec![format!("its facts cannot be opened: {error}")];
    }
    let options = Options { depth: Depth::Full, choice: Choice::All, start: Start::Anew };
    match verify(&opened, &options, &Silent) {
        Err(error) => vec![format!("it cannot be verified: {error}")],
        Ok(report) => {
            let findings = report.findings.iter().map(|finding| format!("{finding:?}"));
            // A pack that was put in place and not listed is rubbish, or is listed when it is looked for.
            let is_harmless = |note: &&Note| matches!(note.thing, Thing::Index(_));
            let notes = report.notes.iter().filter(|note| !is_harmless(note));
            findings.chain(notes.map(|note| format!("{note:?}"))).collect()
        }
    }
}
