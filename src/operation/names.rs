//! The names that repos had, for who walks back through the operations.

use std::collections::HashMap;

use super::error::Error;
use super::subject::Subject;
use crate::history::{self, Repo, Subject as Fact};
use crate::ledger::{KeyChange, Session};

/// What each repo was called at the point that the walk has reached.
#[derive(Debug)]
pub(super) struct Names(HashMap<u64, String>);

/// The repo that a value of this change is about.
pub(super) fn repo(change: &KeyChange, value: Option<&Vec<u8>>) -> Result<Option<Repo>, Error> {
    match (Subject::of(&change.key), value) {
        (Subject::History(Fact::Repo(name)), Some(value)) => Ok(Some(Repo::read(name, value)?)),
        _ => Ok(None),
    }
}

impl Names {
    /// The names of now.
    pub(super) fn now(facts: &Session) -> Result<Self, Error> {
        let repos = history::list(facts)?.into_iter();
        Ok(Self(repos.map(|repo| (repo.id, repo.name.to_string())).collect()))
    }

    /// Learns of the repos that these changes removed: they have names no longer, and had them before.
    pub(super) fn learn(&mut self, changes: &[KeyChange]) -> Result<(), Error> {
        for change in changes {
            for value in [&change.after, &change.before] {
                if let Some(repo) = repo(change, value.as_ref())? {
                    self.0.entry(repo.id).or_insert_with(|| repo.name.to_string());
                }
            }
        }
        Ok(())
    }

    /// Goes to after these changes.
    pub(super) fn forward(&mut self, changes: &[KeyChange]) -> Result<(), Error> {
        for change in changes {
            if let Some(repo) = repo(change, change.after.as_ref())? {
                self.0.insert(repo.id, repo.name.to_string());
            }
        }
        self.learn(changes)
    }

    /// Goes back to before these changes.
    pub(super) fn back(&mut self, changes: &[KeyChange]) -> Result<(), Error> {
        for change in changes {
            if let Some(repo) = repo(change, change.before.as_ref())? {
                self.0.insert(repo.id, repo.name.to_string());
            }
        }
        Ok(())
    }

    /// What the repo of this number is called.
    pub(super) fn of(&self, id: u64) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("repo-{id}"))
    }
}
