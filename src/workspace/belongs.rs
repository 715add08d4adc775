//! Which repo a workspace belongs to: that of its number, whatever it is called.

use super::error::Error;
use super::place::{Held, Workspace};
use crate::history;
use crate::ledger::Session;
use crate::marker::Marker;
use crate::object::RepoName;
use crate::store::Store;

/// An error unless the repo by whose name a workspace knows it is the one that it was made of.
pub fn check_repo(store: &Store, marker: &Marker) -> Result<(), Error> {
    check_repo_in(&store.session().map_err(history::Error::from)?, marker)
}

/// The same for who has the facts at hand.
pub fn check_repo_in(facts: &Session, marker: &Marker) -> Result<(), Error> {
    let found = history::find(facts, &marker.repo)?;
    if found.is_some_and(|repo| marker.number.is_none_or(|number| number == repo.id)) {
        return Ok(());
    }
    let mut repos = history::list(facts)?.into_iter();
    let was = marker.repo.clone();
    Err(match repos.find(|repo| Some(repo.id) == marker.number) {
        Some(repo) => Error::Renamed { was, now: repo.name },
        None => Error::RepoGone { repo: was },
    })
}

impl Workspace {
    /// Whether its repo has this name now.
    pub fn is_of(&self, name: &RepoName) -> Result<bool, Error> {
        let facts = self.store().session().map_err(history::Error::from)?;
        let found = history::find(&facts, name)?;
        Ok(found.is_some_and(|repo| match self.marker().number {
            Some(number) => number == repo.id,
            None => *name == self.marker().repo,
        }))
    }

    /// Notes what its repo is called now.
    pub fn rename(&mut self, _held: &Held, repo: RepoName) -> Result<(), Error> {
        self.marker.repo = repo;
        self.mark(self.marker.at.clone(), self.marker.moving.clone())
    }
}
