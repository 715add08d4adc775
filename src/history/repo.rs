//! Repos: named histories.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::keys;
use super::{Error, branch, pin, tag};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{RepoName, codec};

const VERSION: u8 = 1;

/// A repo, as one session saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repo {
    /// Its name, which may change.
    pub name: RepoName,
    /// Its number in this store, which never changes and is never used again.
    pub id: u64,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// What it is for.
    pub description: String,
    /// The pipeline and stage that write it, if it is a stage's output.
    pub output_of: Option<(String, String)>,
}

/// The fact as it is kept.
#[derive(Serialize, Deserialize)]
struct Record {
    id: u64,
    created: i64,
    description: String,
    output_of: Option<(String, String)>,
}

/// What a new repo is to be.
#[derive(Debug, Clone)]
pub struct NewRepo {
    /// Its name.
    pub name: RepoName,
    /// The time of its making, in milliseconds since 1970.
    pub created: i64,
    /// What it is for.
    pub description: String,
    /// The pipeline and stage that will write it.
    pub output_of: Option<(String, String)>,
}

impl Repo {
    /// The repo `name`, from the fact's value.
    pub fn read(name: RepoName, bytes: &[u8]) -> Result<Self, Error> {
        let record: Record = codec::decode(VERSION, bytes)
            .map_err(|source| Error::Fact { what: format!("repo {name}"), source })?;
        let Record { id, created, description, output_of } = record;
        Ok(Self { name, id, created, description, output_of })
    }

    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let record = Record {
            id: self.id,
            created: self.created,
            description: self.description.clone(),
            output_of: self.output_of.clone(),
        };
        codec::encode(VERSION, &record)
            .map_err(|source| Error::Fact { what: format!("repo {}", self.name), source })
    }

    /// An error if only a stage may write here.
    pub fn writable(&self) -> Result<(), Error> {
        match self.output_of {
            None => Ok(()),
            Some(_) => Err(Error::StageOutput { repo: self.name.clone() }),
        }
    }
}

/// The repo with this name, if there is one.
pub fn find(facts: &Session, name: &RepoName) -> Result<Option<Repo>, Error> {
    facts.get(&keys::repo(name))?.map(|bytes| Repo::read(name.clone(), &bytes)).transpose()
}

/// The repo with this name.
pub fn load(facts: &Session, name: &RepoName) -> Result<Repo, Error> {
    match find(facts, name)? {
        Some(repo) => Ok(repo),
        None => Err(Error::UnknownRepo { name: name.clone(), nearest: nearest(facts, name)? }),
    }
}

fn nearest(facts: &Session, name: &RepoName) -> Result<Vec<String>, Error> {
    let names = list(facts)?.into_iter().map(|repo| repo.name.as_str().to_owned());
    Ok(super::resolve::nearest(name.as_str(), names))
}

/// All repos, by name.
pub fn list(facts: &Session) -> Result<Vec<Repo>, Error> {
    let mut raw = Vec::new();
    facts.scan(keys::REPOS, &mut |key, value| {
        raw.push((key.get(keys::REPOS.len()..).unwrap_or_default().to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    raw.into_iter().map(|(name, value)| Repo::read(String::from_utf8_lossy(&name).parse()?, &value)).collect()
}

/// Adds the making of a repo to `batch`.
pub fn create(facts: &Session, batch: &mut Batch, new: NewRepo) -> Result<Repo, Error> {
    let key = keys::repo(&new.name);
    if facts.get(&key)?.is_some() {
        return Err(Error::RepoExists { name: new.name });
    }
    // Several repos may be made in one batch, so the number may already have been taken from the counter in it.
    let pending =
        batch.writes.iter().find(|(key, _)| key == keys::NEXT_REPO).and_then(|(_, value)| value.clone());
    let stored = facts.get(keys::NEXT_REPO)?;
    let id = number(pending.as_deref().or(stored.as_deref()));
    let NewRepo { name, created, description, output_of } = new;
    let repo = Repo { name, id, created, description, output_of };
    batch.expect(key.clone(), None).put(key, repo.to_bytes()?);
    batch.writes.retain(|(key, _)| key != keys::NEXT_REPO);
    batch
        .expect(keys::NEXT_REPO.to_vec(), stored)
        .put(keys::NEXT_REPO.to_vec(), (id + 1).to_be_bytes().to_vec());
    Ok(repo)
}

fn number(bytes: Option<&[u8]>) -> u64 {
    bytes.and_then(|bytes| bytes.try_into().ok()).map_or(1, u64::from_be_bytes)
}

/// Adds a change of the repo's name to `batch`.
pub fn rename(facts: &Session, batch: &mut Batch, repo: &Repo, name: RepoName) -> Result<Repo, Error> {
    let (old, new) = (keys::repo(&repo.name), keys::repo(&name));
    if facts.get(&new)?.is_some() {
        return Err(Error::RepoExists { name });
    }
    let renamed = Repo { name, ..repo.clone() };
    batch
        .expect(old.clone(), facts.get(&old)?)
        .expect(new.clone(), None)
        .put(new, renamed.to_bytes()?)
        .remove(old);
    Ok(renamed)
}

/// Has `batch` applied only if the repo is still there, under its name, and written by whom it was.
pub fn hold(batch: &mut Batch, repo: &Repo) -> Result<(), Error> {
    batch.expect(keys::repo(&repo.name), Some(repo.to_bytes()?));
    Ok(())
}

/// An error if the repo is no longer what [`hold`] asks for.
pub fn check_held(facts: &Session, repo: &Repo) -> Result<(), Error> {
    if load(facts, &repo.name)? == *repo { Ok(()) } else { Err(Error::Replaced { repo: repo.name.clone() }) }
}

/// Says in `batch` which pipeline and stage write the repo; with `None` it becomes an ordinary one.
pub fn assign(
    facts: &Session,
    batch: &mut Batch,
    repo: &Repo,
    output_of: Option<(String, String)>,
) -> Result<(), Error> {
    let key = keys::repo(&repo.name);
    let assigned = Repo { output_of, ..repo.clone() };
    batch.expect(key.clone(), facts.get(&key)?).put(key, assigned.to_bytes()?);
    Ok(())
}

/// Adds the removal of the repo, its branches, tags, pins and commit index to `batch`. The data stays until it is collected.
pub fn delete(facts: &Session, batch: &mut Batch, repo: &Repo) -> Result<(), Error> {
    let key = keys::repo(&repo.name);
    batch.expect(key.clone(), facts.get(&key)?).remove(key);
    for (name, head) in branch::branches(facts, repo)? {
        branch::move_head(batch, repo, &name, Some(head), None);
    }
    for (name, commit) in tag::list(facts, repo)? {
        tag::delete(batch, repo, &name, commit);
    }
    for id in pin::list(facts, repo)? {
        pin::remove(batch, repo, id);
    }
    for prefix in [keys::commits(repo.id), keys::derived_of(repo.id), keys::remote_branches(repo.id)] {
        facts.scan(&prefix, &mut |key, _| {
            batch.remove(key.to_vec());
            ControlFlow::Continue(())
        })?;
    }
    Ok(())
}
