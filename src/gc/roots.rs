//! What must be kept: all that facts name, and what they named in the operations that can be undone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::aging;
use super::error::Error;
use super::letting::Keeper;
use crate::history::{self, Author, Purges, Subject};
use crate::ledger::{Operation, Session};
use crate::object::Digest;
use crate::pipeline::{self, Ages, Memory};
use crate::reach::{self, Holder, Named, Root};
use crate::setting::Rules;
use crate::store::Store;
use crate::workspace;

/// What is to be kept, as it was at one moment.
#[derive(Debug)]
pub(super) struct Roots {
    /// What facts name.
    pub(super) named: Vec<Named>,
    /// What they named in operations that can be undone.
    pub(super) undoable: Vec<Named>,
    /// The names of repos.
    pub(super) names: BTreeMap<u64, String>,
    /// The newest operation then.
    pub(super) newest: u64,
    /// The oldest one that can be undone from now on.
    pub(super) since: u64,
    /// The repos that there are, or that an operation can bring back.
    pub(super) repos: BTreeSet<u64>,
    /// What was taken out of history: no byte of it stays that is not needed.
    pub(super) purges: Purges,
    /// Jobs and results, if there are rules about them. What is named for their sake is not among the above then.
    pub(super) memory: Memory,
}

/// What is to be kept by these rules, and when that was, in milliseconds since 1970.
pub(super) fn now(store: &Store, author: &Author, rules: &Rules) -> Result<(i64, Roots), Error> {
    let now = author.now().time;
    let kept = i64::try_from(rules.operations().as_millis()).unwrap_or(i64::MAX);
    let ages = aging::ages(rules, now);
    let mut roots = read(&store.session()?, now.saturating_sub(kept), &ages)?;
    roots.named.extend(of_workspaces(store, &roots.repos, &roots.purges)?);
    Ok((now, roots))
}

/// Reads what is to be kept, with the operations that were made at or after `time` (milliseconds since 1970), and by these ages of jobs and
/// results.
fn read(facts: &Session, time: i64, ages: &Ages) -> Result<Roots, Error> {
    let mut named = reach::named(facts)?;
    let mut memory = Memory::default();
    if *ages != Ages::default() {
        memory = Memory::read(facts)?;
        named.retain(|named| !aging::is_about(named));
    }
    let names: BTreeMap<u64, String> =
        history::list(facts)?.into_iter().map(|repo| (repo.id, repo.name.to_string())).collect();
    let mut repos: BTreeSet<u64> = names.keys().copied().collect();
    let newest = facts.newest();
    let before = history::kept_since(facts)?;
    let mut since = newest + 1;
    let mut undoable = Vec::new();
    // What operations name that seem to be older than that.
    let (mut doubtful, mut of) = (Vec::new(), Vec::new());
    for operation in facts.operations() {
        let operation = operation?;
        if operation.number < before {
            break;
        }
        doubtful.extend(named_in(&operation)?);
        for change in &operation.changes {
            of.extend(repo(&change.key, change.before.as_deref())?);
            of.extend(repo(&change.key, change.after.as_deref())?);
        }
        // Those after it were made later, whatever a clock said that had been set back.
        if operation.origin.time >= time {
            since = operation.number;
            undoable.append(&mut doubtful);
            repos.extend(of.drain(..));
        }
    }
    retain_of(&mut named, &repos);
    Ok(Roots { named, undoable, names, newest, since, repos, purges: history::purges(facts)?, memory })
}

/// Leaves out the results of other repos than these: a table of results goes with its repo.
pub(super) fn retain_of(named: &mut Vec<Named>, repos: &BTreeSet<u64>) {
    named.retain(|named| if let Holder::Results(repo) = named.holder { repos.contains(&repo) } else { true });
}

/// What the operations after this number have named, as they come.
pub(super) fn since(facts: &Session, number: u64) -> Result<Vec<Named>, Error> {
    let mut roots = Vec::new();
    for operation in facts.operations() {
        let operation = operation?;
        if operation.number <= number {
            break;
        }
        for change in &operation.changes {
            if let Some(value) = &change.after {
                roots.extend(reach::named_by(&change.key, value)?);
            }
        }
    }
    Ok(roots)
}

/// What the files of workspaces come from. A commit that is not there any more keeps nothing, and one that a purge wrote anew keeps what it became.
pub(super) fn of_workspaces(
    store: &Store,
    repos: &BTreeSet<u64>,
    purges: &Purges,
) -> Result<Vec<Named>, Error> {
    let mut named = Vec::new();
    for workspace in workspace::known(store)? {
        if workspace.repo.is_none_or(|repo| repos.contains(&repo)) {
            for commit in workspace.commits {
                let commit = purges.current(store.objects(), commit)?;
                if store.objects().find(commit.digest())?.is_some() {
                    named.push(Named { holder: Holder::Workspaces, roots: vec![Root::Commit(commit)] });
                }
            }
        }
    }
    Ok(named)
}

/// What an operation named that undoing it, or going back beyond it, may bring back: not what the machinery keeps for itself.
fn named_in(operation: &Operation) -> Result<Vec<Named>, Error> {
    let mut roots = Vec::new();
    for change in &operation.changes {
        for value in [&change.before, &change.after].into_iter().flatten() {
            if let Some(named) = reach::named_by(&change.key, value)?
                && !matches!(named.holder, Holder::Jobs | Holder::Results(_))
            {
                roots.push(named);
            }
        }
    }
    Ok(roots)
}

/// What is named, as keepers of files.
pub(super) fn keepers(named: &[Named]) -> Vec<Keeper> {
    let keeper = |holder: &Holder, root: &Root| match (holder, root) {
        (Holder::Branch(repo, branch), Root::Commit(id)) => Some(Keeper::Branch(*repo, branch.clone(), *id)),
        (_, Root::Commit(id)) => Some(Keeper::Commit(*id)),
        _ => None,
    };
    named
        .iter()
        .flat_map(|Named { holder, roots }| roots.iter().filter_map(move |root| keeper(holder, root)))
        .collect()
}

/// The number of the repo that this fact makes known.
fn repo(key: &[u8], value: Option<&[u8]>) -> Result<Option<u64>, Error> {
    match (history::subject(key), value) {
        (Some(Subject::Repo(name)), Some(value)) => Ok(Some(history::Repo::read(name, value)?.id)),
        _ => Ok(None),
    }
}

/// Facts that only say what is known of commits, and go with them.
#[derive(Debug, Default)]
pub(super) struct Dead {
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) commits: BTreeSet<Digest>,
}

/// The facts about commits that are not needed, at most `limit`.
pub(super) fn dead(
    facts: &Session,
    repos: &BTreeSet<u64>,
    is_needed: &dyn Fn(&Digest) -> bool,
    limit: usize,
) -> Result<Dead, Error> {
    let mut dead = Dead::default();
    let mut visit = |key: &[u8], value: &[u8]| {
        let goes = match history::subject(key) {
            Some(Subject::Commit(_, id)) => {
                let goes = !is_needed(id.digest());
                if goes {
                    dead.commits.insert(*id.digest());
                }
                goes
            }
            Some(Subject::Derived(_, input)) => {
                let output = history::commit_id(value);
                !is_needed(input.digest()) || output.is_none_or(|output| !is_needed(output.digest()))
            }
            _ => pipeline::results_of(key).is_some_and(|repo| !repos.contains(&repo)),
        };
        if goes {
            dead.keys.push(key.to_vec());
        }
        if dead.keys.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    for prefix in [history::COMMITS, history::DERIVED, pipeline::RESULTS] {
        facts.scan(prefix, &mut visit)?;
    }
    Ok(dead)
}
