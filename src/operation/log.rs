//! The operations, newest first, told in words.

use std::collections::BTreeSet;

use super::error::Error;
use super::mark;
use super::names::{self, Names};
use super::subject::{Subject, is_change};
use super::told::{Standing, Told};
use crate::history::{self, Subject as Fact};
use crate::ledger::{self, Operation};
use crate::object::RepoName;
use crate::setting::{Subject as Setting, Whose};
use crate::store::Store;

/// Which operations to tell of.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those that changed something of this repo, under whatever name.
    pub repo: Option<RepoName>,
    /// Whose.
    pub scope: Scope,
}

/// Whose operations to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of people.
    People,
    /// Those of the machinery, too.
    All,
}

/// The operations that `filter` lets through, newest first, each read when it is asked for. Nothing is held meanwhile.
pub fn log(
    store: &Store,
    filter: Filter,
) -> Result<impl Iterator<Item = Result<Told, Error>> + use<>, Error> {
    let facts = store.session()?;
    let names = Names::now(&facts)?;
    let repo = match &filter.repo {
        Some(name) => history::find(&facts, name)?.map(|repo| repo.id),
        None => None,
    };
    let undone = mark::all(&facts)?;
    let mut walk = Walk { operations: facts.operations(), names, undone, filter, repo };
    Ok(std::iter::from_fn(move || walk.step().transpose()))
}

/// The operation `number`, told.
pub fn load(store: &Store, number: u64) -> Result<Told, Error> {
    let newest = store.session()?.newest();
    for told in log(store, Filter { repo: None, scope: Scope::All })? {
        let told = told?;
        if told.number == number {
            return Ok(told);
        }
    }
    Err(Error::Unknown { number, newest })
}

struct Walk<O> {
    operations: O,
    names: Names,
    undone: BTreeSet<u64>,
    filter: Filter,
    /// The number of the repo that has the wanted name now.
    repo: Option<u64>,
}

impl<O: Iterator<Item = Result<Operation, ledger::Error>>> Walk<O> {
    fn step(&mut self) -> Result<Option<Told>, Error> {
        for operation in self.operations.by_ref() {
            let operation = operation?;
            self.names.learn(&operation.changes)?;
            let told = if Self::is_wanted(&self.filter, self.repo, &self.names, &operation)? {
                let is_undone = self.undone.contains(&operation.number);
                let standing = if is_undone { Standing::Undone } else { Standing::Made };
                Some(Told::new(&operation, &self.names, standing)?)
            } else {
                None
            };
            self.names.back(&operation.changes)?;
            if told.is_some() {
                return Ok(told);
            }
        }
        Ok(None)
    }

    fn is_wanted(
        filter: &Filter,
        repo: Option<u64>,
        names: &Names,
        operation: &Operation,
    ) -> Result<bool, Error> {
        if filter.scope == Scope::People && !is_change(operation) {
            return Ok(false);
        }
        let Some(wanted) = &filter.repo else { return Ok(true) };
        let is_it = |id: u64| Some(id) == repo || names.of(id) == wanted.as_str();
        for change in &operation.changes {
            let touched = match Subject::of(&change.key) {
                Subject::History(
                    Fact::Branch(id, _) | Fact::Tag(id, _) | Fact::Pin(id, _) | Fact::Commit(id, _),
                )
                | Subject::Setting(Setting { whose: Whose::Repo(id), .. }) => is_it(id),
                Subject::History(Fact::Repo(name)) => {
                    let value = change.after.as_ref().or(change.before.as_ref());
                    name == *wanted || names::repo(change, value)?.is_some_and(|repo| is_it(repo.id))
                }
                _ => false,
            };
            if touched {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
