//! The strategies that a repo keeps for all its merges.

use super::error::Error;
use crate::history::{self, Author};
use crate::ledger::{Outcome, Session};
use crate::merge::Rules;
use crate::meta::Batch;
use crate::object::{RepoName, codec};
use crate::store::Store;

const VERSION: u8 = 1;

fn record(repo: &RepoName, source: codec::Error) -> Error {
    Error::Record { what: format!("the merge strategies of {repo}"), source }
}

/// The strategies of the repo, the weakest first.
pub fn load(facts: &Session, repo: &history::Repo) -> Result<Rules, Error> {
    let Some(bytes) = facts.get(&history::merge_policy_key(repo))? else { return Ok(Rules::default()) };
    codec::decode(VERSION, &bytes).map_err(|source| record(&repo.name, source))
}

/// Gives the repo these strategies in place of those it has; returns the operation.
pub fn set(store: &Store, author: &Author, name: &RepoName, rules: &Rules) -> Result<u64, Error> {
    let bytes = codec::encode(VERSION, rules).map_err(|source| record(name, source))?;
    loop {
        let mut facts = store.session()?;
        let repo = history::load_repo(&facts, name)?;
        repo.writable()?;
        let mut batch = Batch::default();
        history::hold(&mut batch, &repo)?;
        match rules.iter().next() {
            Some(_) => batch.put(history::merge_policy_key(&repo), bytes.clone()),
            None => batch.remove(history::merge_policy_key(&repo)),
        };
        if let Outcome::Done { number } = facts.commit(&author.now(), &batch)? {
            return Ok(number);
        }
    }
}
