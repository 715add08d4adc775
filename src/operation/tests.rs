//! Random changes with undo, redo and restore between, against a model that knows every fact by name.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Which, redo, restore, undo};
use crate::change::{self, Empty};
use crate::draft::Draft;
use crate::fault::{Fault, Kind};
use crate::history::{self, Author, Target};
use crate::object::{CommitId, RepoName};
use crate::refs::{self, Mode};
use crate::store::{DEFAULT_WAIT, Store};

fn author() -> Author {
    Author { name: "Ann".to_owned(), command: "test".to_owned() }
}

/// `repo NAME` to the repo's number, `branch NUMBER NAME` and `tag NUMBER NAME` to commits.
type Facts = BTreeMap<String, String>;

/// What the store has now.
fn facts(store: &Store) -> Facts {
    let session = store.session().unwrap();
    let mut all = Facts::new();
    for repo in history::list(&session).unwrap() {
        all.insert(format!("repo {}", repo.name), repo.id.to_string());
        for (name, commit) in history::branches(&session, &repo).unwrap() {
            all.insert(format!("branch {} {name}", repo.id), commit.to_string());
            // Whatever a branch stands on can be named by its first digits again.
            let found = history::find_by_prefix(&session, &repo, &commit.to_string(), 2).unwrap();
            assert_eq!(found, [commit]);
        }
        for (name, commit) in history::tags(&session, &repo).unwrap() {
            all.insert(format!("tag {} {name}", repo.id), commit.to_string());
        }
    }
    all
}

#[derive(Debug, Clone)]
enum Act {
    CreateRepo(u8),
    DeleteRepo(u8),
    RenameRepo(u8, u8),
    Commit(u8, u8),
    CreateBranch(u8, u8, u8),
    MoveBranch(u8, u8, u8),
    DeleteBranch(u8, u8),
    CreateTag(u8, u8, u8),
    DeleteTag(u8, u8),
    Undo,
    UndoNumber(u8),
    Redo,
    Restore(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let name = || 0..2_u8;
    prop_oneof![
        2 => name().prop_map(Act::CreateRepo),
        1 => name().prop_map(Act::DeleteRepo),
        1 => (name(), name()).prop_map(|(a, b)| Act::RenameRepo(a, b)),
        5 => (name(), name()).prop_map(|(r, b)| Act::Commit(r, b)),
        2 => (name(), name(), name()).prop_map(|(r, b, f)| Act::CreateBranch(r, b, f)),
        2 => (name(), name(), name()).prop_map(|(r, b, f)| Act::MoveBranch(r, b, f)),
        1 => (name(), name()).prop_map(|(r, b)| Act::DeleteBranch(r, b)),
        1 => (name(), name(), name()).prop_map(|(r, t, f)| Act::CreateTag(r, t, f)),
        1 => (name(), name()).prop_map(|(r, t)| Act::DeleteTag(r, t)),
        4 => Just(Act::Undo),
        3 => any::<u8>().prop_map(Act::UndoNumber),
        3 => Just(Act::Redo),
        1 => any::<u8>().prop_map(Act::Restore),
    ]
}

fn repo(n: u8) -> RepoName {
    ["a", "b"][usize::from(n)].parse().unwrap()
}

/// A branch. The second has the name of a tag.
fn branch(r: u8, b: u8) -> Target {
    format!("{}@{}", repo(r), ["main", "x"][usize::from(b)]).parse().unwrap()
}

fn tag(t: u8) -> crate::object::TagName {
    ["v", "x"][usize::from(t)].parse().unwrap()
}

fn head(store: &Store, r: u8, b: u8) -> Option<CommitId> {
    let session = store.session().unwrap();
    let found = history::find(&session, &repo(r)).unwrap()?;
    history::head(&session, &found, &branch(r, b).branch).unwrap()
}

/// What one operation changed: each key, before and after.
type Changes = BTreeMap<String, [Option<String>; 2]>;

fn difference(before: &Facts, after: &Facts) -> Changes {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let pair = |key: &String| [before.get(key).cloned(), after.get(key).cloned()];
    let changed = keys.into_iter().map(|key| (key.clone(), pair(key)));
    changed.filter(|(_, [before, after])| before != after).collect()
}

/// Whether the facts can stand so.
fn stands(facts: &Facts) -> bool {
    let repos: BTreeSet<&String> =
        facts.iter().filter(|(key, _)| key.starts_with("repo ")).map(|(_, id)| id).collect();
    facts.keys().filter(|key| !key.starts_with("repo ")).all(|key| {
        let words: Vec<&str> = key.split(' ').collect();
        let other = if words[0] == "tag" { "branch" } else { "tag" };
        repos.contains(&words[1].to_owned())
            && !facts.contains_key(&format!("{other} {} {}", words[1], words[2]))
    })
}

#[derive(Debug)]
struct Entry {
    number: u64,
    changes: Changes,
    undone: bool,
}

/// What should be.
#[derive(Default)]
struct Model {
    now: Facts,
    /// The facts after each operation.
    after: BTreeMap<u64, Facts>,
    entries: Vec<Entry>,
    /// Undos that were not redone: the entry, and what the undo changed.
    undos: Vec<(usize, Changes)>,
    /// Whether the last undo can be redone.
    fresh: bool,
}

impl Model {
    fn turn_back(&self, changes: &Changes) -> Option<Facts> {
        let mut facts = self.now.clone();
        for (key, [before, after]) in changes {
            if facts.get(key) != after.as_ref() {
                return None;
            }
            match before {
                Some(value) => facts.insert(key.clone(), value.clone()),
                None => facts.remove(key),
            };
        }
        stands(&facts).then_some(facts)
    }

    fn went(&mut self, number: u64, facts: Facts) -> Changes {
        let changes = difference(&self.now, &facts);
        self.after.insert(number, facts.clone());
        self.now = facts;
        changes
    }

    fn changed(&mut self, number: u64, facts: Facts) {
        let changes = self.went(number, facts);
        // What changes nothing is no change to take back, and ends no chain of redos.
        if !changes.is_empty() {
            self.entries.push(Entry { number, changes, undone: false });
            self.fresh = false;
        }
    }

    /// Checks an undo of the entry `at` against what it should have done.
    fn undid(&mut self, at: Option<usize>, result: Result<super::Reverted, super::Error>, store: &Store) {
        let expected = at.and_then(|at| Some((at, self.turn_back(&self.entries[at].changes)?)));
        match (expected, result) {
            (Some((at, facts)), Ok(reverted)) => {
                assert_eq!(reverted.number, self.entries[at].number);
                let changes = self.went(reverted.operation.unwrap(), facts);
                self.entries[at].undone = true;
                if !self.fresh {
                    // An older undo is not reached over changes; what was undone since counts.
                    self.undos.clear();
                    self.fresh = true;
                }
                self.undos.push((at, changes));
            }
            (None, Err(error)) => assert_eq!(error.kind(), Kind::Refused, "{error}"),
            (expected, result) => panic!("{expected:?} but {result:?} in {:?}", facts(store)),
        }
    }
}

/// Does what makes a change, and returns the operation's number; `None` when it is refused.
fn make(store: &Store, act: &Act) -> Option<u64> {
    let me = author();
    match *act {
        Act::CreateRepo(r) => Some(refs::create_repo(store, &me, repo(r), String::new()).ok()?.operation),
        Act::DeleteRepo(r) => refs::delete_repo(store, &me, &repo(r), Mode::Make).ok()?.operation,
        Act::RenameRepo(a, b) => Some(refs::rename_repo(store, &me, &repo(a), repo(b)).ok()?.operation),
        Act::Commit(r, b) => {
            let writer = store.writer();
            let base = change::open(store, &branch(r, b), &writer).ok()?;
            let draft = Draft::new(base.tree);
            change::publish(store, &me, base, draft, writer, "one more", Empty::Allow).unwrap().operation
        }
        Act::CreateBranch(r, b, from) => {
            Some(refs::create_branch(store, &me, &branch(r, b), head(store, r, from)?).ok()?.operation)
        }
        Act::MoveBranch(r, b, to) => {
            refs::reset_branch(store, &me, &branch(r, b), head(store, r, to)?, Mode::Make).ok()?.operation
        }
        Act::DeleteBranch(r, b) => Some(refs::delete_branch(store, &me, &branch(r, b)).ok()?.operation),
        Act::CreateTag(r, t, at) => {
            Some(refs::create_tag(store, &me, &repo(r), &tag(t), head(store, r, at)?).ok()?.operation)
        }
        Act::DeleteTag(r, t) => Some(refs::delete_tag(store, &me, &repo(r), &tag(t)).ok()?.operation),
        Act::Undo | Act::UndoNumber(_) | Act::Redo | Act::Restore(_) => None,
    }
}

fn run(acts: &[Act]) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    let mut model = Model::default();
    for act in acts {
        match act {
            Act::Undo => {
                let at = model.entries.iter().rposition(|entry| !entry.undone);
                model.undid(at, undo(&store, &author(), Which::Newest, Mode::Make), &store);
            }
            Act::UndoNumber(n) if !model.entries.is_empty() => {
                let at = usize::from(*n) % model.entries.len();
                let entry = &model.entries[at];
                let result = undo(&store, &author(), Which::Number(entry.number), Mode::Make);
                let at = Some(at).filter(|_| !entry.undone);
                model.undid(at, result, &store);
            }
            Act::Redo => {
                let last = model.undos.last().filter(|_| model.fresh);
                let expected = last.and_then(|(at, changes)| Some((*at, model.turn_back(changes)?)));
                match (expected, redo(&store, &author(), Mode::Make)) {
                    (Some((at, facts)), Ok(reverted)) => {
                        model.went(reverted.operation.unwrap(), facts);
                        model.entries[at].undone = false;
                        model.undos.pop();
                    }
                    (None, Err(error)) => assert_eq!(error.kind(), Kind::Refused, "{error}"),
                    (expected, result) => panic!("{expected:?} but {result:?}"),
                }
            }
            Act::Restore(n) if !model.after.is_empty() => {
                let at = usize::from(*n) % model.after.len();
                let (number, facts) = model.after.iter().nth(at).unwrap();
                let (number, facts) = (*number, facts.clone());
                let dry = restore(&store, &author(), number, Mode::DryRun).unwrap();
                let restored = restore(&store, &author(), number, Mode::Make).unwrap();
                assert_eq!(dry.changes, restored.changes);
                if let Some(number) = restored.operation {
                    model.changed(number, facts);
                } else {
                    assert_eq!(facts, model.now);
                }
            }
            change => {
                if let Some(number) = make(&store, change) {
                    model.changed(number, facts(&store));
                }
            }
        }
        assert_eq!(facts(&store), model.now, "after {act:?}");
    }
    // The journal alone knows all of it.
    std::fs::remove_dir_all(store.root().join("meta")).unwrap();
    let store = Store::open(dir.path(), DEFAULT_WAIT).unwrap();
    assert_eq!(facts(&store), model.now);
    let at = model.entries.iter().rposition(|entry| !entry.undone);
    model.undid(at, undo(&store, &author(), Which::Newest, Mode::Make), &store);
    assert_eq!(facts(&store), model.now);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_was_done_is_taken_back_and_brought_again_as_the_model_says(acts in vec(act(), 1..30)) {
        run(&acts);
    }
}
