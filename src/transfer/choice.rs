//! What is to be moved, as a person says it: `REPO` is all of a repo, `REPO@NAME` one branch or tag of it.

use std::fmt;
use std::str::FromStr;

use super::contract::Names;
use super::error::Error;
use crate::history::{self, SyntaxError, Target};
use crate::object::{BranchName, RepoName};

/// A repo, or one branch or tag of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The repo.
    pub repo: RepoName,
    /// The branch or tag; they are named by the same rules.
    pub name: Option<BranchName>,
}

impl FromStr for Choice {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let Target { repo, branch } = text.parse()?;
        Ok(Self { repo, name: text.contains('@').then_some(branch) })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repo.fmt(f)?;
        self.name.iter().try_for_each(|name| write!(f, "@{name}"))
    }
}

/// What of `names`, which are those of `place`, was chosen.
pub fn choose(names: &[Names], choices: &[Choice], place: &str) -> Result<Vec<Names>, Error> {
    let mut chosen: Vec<Names> = Vec::new();
    for Choice { repo, name } in choices {
        let found = names.iter().find(|names| names.repo == *repo).ok_or_else(|| Error::NoRepo {
            repo: repo.clone(),
            place: place.to_owned(),
            nearest: history::nearest(repo.as_str(), names.iter().map(|names| names.repo.to_string())),
        })?;
        let part = match name {
            None => found.clone(),
            Some(name) => one(found, name.as_str(), place)?,
        };
        match chosen.iter_mut().find(|names| names.repo == *repo) {
            None => chosen.push(part),
            Some(names) => merge(names, part),
        }
    }
    Ok(chosen)
}

/// The repo with one of its names alone.
fn one(names: &Names, name: &str, place: &str) -> Result<Names, Error> {
    let mut part = names.clone();
    part.branches.retain(|(branch, _)| branch.as_str() == name);
    part.tags.retain(|(tag, _)| tag.as_str() == name);
    if part.branches.is_empty() && part.tags.is_empty() {
        let branches = names.branches.iter().map(|(branch, _)| branch.to_string());
        let all = branches.chain(names.tags.iter().map(|(tag, _)| tag.to_string()));
        return Err(Error::NoName {
            repo: names.repo.clone(),
            name: name.to_owned(),
            place: place.to_owned(),
            nearest: history::nearest(name, all),
        });
    }
    Ok(part)
}

fn merge(names: &mut Names, part: Names) {
    names.branches.extend(part.branches);
    names.branches.sort();
    names.branches.dedup();
    names.tags.extend(part.tags);
    names.tags.sort();
    names.tags.dedup();
}
