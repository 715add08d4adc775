//! Random changes of repos and pipelines with going back between: what is left always fits together.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Which, redo, restore, undo};
use crate::change::{self, Empty};
use crate::draft::Draft;
use crate::fault::{Cause, Kind};
use crate::history::{self, Author};
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::{Entry, FileKind};
use crate::pipeline::registry;
use crate::pipeline::submission::{self, Submission, Submit};
use crate::pipeline::{self, trigger};
use crate::progress::Silent;
use crate::refs::{self, Mode};
use crate::store::{DEFAULT_WAIT, Store};

#[derive(Debug, Clone)]
enum Act {
    CreateRepo(u8),
    DeleteRepo(u8),
    RenameRepo(u8, u8),
    Commit(u8, u8),
    Submit(bool, u8),
    DeletePipeline,
    Run,
    Undo,
    UndoNumber(u8),
    Redo,
    Restore(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let name = || 0..3_u8;
    prop_oneof![
        2 => name().prop_map(Act::CreateRepo),
        1 => name().prop_map(Act::DeleteRepo),
        1 => (name(), name()).prop_map(|(a, b)| Act::RenameRepo(a, b)),
        4 => (name(), 0..4_u8).prop_map(|(r, f)| Act::Commit(r, f)),
        3 => (any::<bool>(), 0..3_u8).prop_map(|(create, form)| Act::Submit(create, form)),
        2 => Just(Act::DeletePipeline),
        3 => Just(Act::Run),
        4 => Just(Act::Undo),
        4 => any::<u8>().prop_map(Act::UndoNumber),
        3 => Just(Act::Redo),
        2 => any::<u8>().prop_map(Act::Restore),
    ]
}

/// Two repos that people make, and one that is a stage's output when there is one.
fn repo(n: u8) -> crate::object::RepoName {
    ["a", "b", "p/x"][usize::from(n)].parse().unwrap()
}

fn form(n: u8) -> String {
    let stage = |name: &str, input: &str| format!("[stage.{name}]\ninput = \"{input}@*:/*\"\nbin = {{}}\n");
    let stages = match n {
        0 => stage("x", "a"),
        1 => stage("x", "a") + &stage("y", "b"),
        _ => stage("y", "a"),
    };
    format!("pipeline = \"p\"\n{stages}")
}

fn submit(store: &Store, author: &Author, how: Submit, source: String) -> Result<(), Cause> {
    let origin = author.now();
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    let submission = Submission { source, file: "p.toml".to_owned(), code: Vec::new() };
    trigger::submit(store, &mut facts, &mut batch, submission, how, &origin)?;
    assert!(matches!(facts.commit(&origin, &batch)?, Outcome::Done { .. }));
    Ok(())
}

fn make(store: &Store, author: &Author, act: &Act, newest: u64) -> Result<(), Cause> {
    let number = |n: u8| u64::from(n) % newest.max(1) + 1;
    match *act {
        Act::CreateRepo(r) => drop(refs::create_repo(store, author, repo(r), String::new())?),
        Act::DeleteRepo(r) => drop(refs::delete_repo(store, author, &repo(r), Mode::Make)?),
        Act::RenameRepo(a, b) => drop(refs::rename_repo(store, author, &repo(a), repo(b))?),
        Act::Commit(r, n) => {
            let writer = store.writer();
            let target = format!("{}@main", repo(r)).parse().unwrap();
            let base = change::open(store, &target, &writer)?;
            let mut draft = Draft::new(base.tree);
            let kept = crate::content::keep_bytes(&writer, format!("price\n{newest}\n").as_bytes())?;
            let path = format!("2024/05/0{}/14/30.csv", n + 1).parse().unwrap();
            draft.put(path, Entry { kind: FileKind::File, blob: kept.blob, size: kept.size });
            drop(change::publish(store, author, base, draft, writer, "more", Empty::Skip)?);
        }
        Act::Submit(create, n) => {
            submit(store, author, if create { Submit::Create } else { Submit::Update }, form(n))?;
        }
        Act::DeletePipeline => drop(pipeline::delete(store, author, &"p".parse().unwrap())?),
        Act::Run => drop(pipeline::run(store, author, &pipeline::Which::All, &Silent, |_| {})?),
        Act::Undo => drop(undo(store, author, Which::Newest, Mode::Make)?),
        Act::UndoNumber(n) => drop(undo(store, author, Which::Number(number(n)), Mode::Make)?),
        Act::Redo => drop(redo(store, author, Mode::Make)?),
        Act::Restore(n) => drop(restore(store, author, number(n), Mode::Make)?),
    }
    Ok(())
}

/// Pipelines find their inputs and own their outputs, branches have their repos, and outputs were made by stages.
fn check(store: &Store) {
    let facts = store.session().unwrap();
    submission::check(&facts).unwrap();
    let repos = history::list(&facts).unwrap();
    let mut branches = 0;
    for repo in &repos {
        if let Some((pipeline, _)) = &repo.output_of {
            assert!(registry::find(&facts, &pipeline.parse().unwrap()).unwrap().is_some(), "{repo:?}");
        }
        for (_, head) in history::branches(&facts, repo).unwrap() {
            branches += 1;
            let made = history::load(store.objects(), head).unwrap().provenance.is_some();
            assert!(made || repo.output_of.is_none(), "{repo:?}");
        }
    }
    let mut all = 0;
    let count = &mut |_: &[u8], _: &[u8]| {
        all += 1;
        std::ops::ControlFlow::Continue(())
    };
    facts.scan(b"branch/", count).unwrap();
    assert_eq!(all, branches, "a branch without its repo");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_taken_back_and_brought_again_pipelines_fit_to_the_repos(acts in vec(act(), 1..30)) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let author = Author { name: "Ann".to_owned(), command: "test".to_owned() };
        for act in acts {
            let newest = store.session().unwrap().newest();
            if let Err(cause) = make(&store, &author, &act, newest) {
                let expected = [Kind::Refused, Kind::Usage, Kind::NotFound];
                prop_assert!(expected.contains(&cause.kind()), "{:?}: {}", act, cause);
            }
            check(&store);
        }
        make(&store, &author, &Act::Run, 0).unwrap();
        let jobs = pipeline::job::known(&store, &store.session().unwrap()).unwrap();
        jobs.visit(store.objects(), &pipeline::job::Filter::default(), &mut |job| {
            assert!(!matches!(job.state, pipeline::job::State::Failed), "{job:?}");
            std::ops::ControlFlow::Continue(())
        }).unwrap();
    }
}
