//! Other stores that this one knows by name.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::contract::Peer;
use super::error::Error;
use super::local::LocalPeer;
use crate::fault::{Fault, Kind};
use crate::history::{self, Author, REMOTES};
use crate::ledger::{Origin, Outcome, Session};
use crate::meta::Batch;
use crate::object::{RemoteName, codec};
use crate::store::Store;

const VERSION: u8 = 1;

/// Another store that this one knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// What it is called here.
    pub name: RemoteName,
    /// Where it is.
    pub place: String,
    /// How this store stands to it.
    pub standing: Standing,
}

/// How a store stands to a remote. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// They know each other.
    Settled,
    /// This one is being cloned from it, and that has not ended.
    Cloning,
}

/// The fact as it is kept.
#[derive(Serialize, Deserialize)]
struct Record {
    place: String,
    standing: Standing,
}

fn key(name: &RemoteName) -> Vec<u8> {
    [REMOTES, name.as_str().as_bytes()].concat()
}

impl Remote {
    fn read(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let record: Record =
            codec::decode(VERSION, bytes).map_err(|source| Error::Fact { name: name.to_owned(), source })?;
        let Record { place, standing } = record;
        Ok(Self { name: name.parse().map_err(history::Error::from)?, place, standing })
    }

    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let record = Record { place: self.place.clone(), standing: self.standing };
        codec::encode(VERSION, &record).map_err(|source| Error::Fact { name: self.name.to_string(), source })
    }

    /// Reaches the other store.
    pub fn connect(&self, store: &Store, wait: Duration) -> Result<Box<dyn Peer>, Error> {
        let other = open_other(store, Path::new(&self.place), wait).map_err(|error| match error {
            Error::Store(source) if source.kind() == Kind::NotFound => {
                Error::Away { remote: self.name.clone(), place: self.place.clone() }
            }
            error => error,
        })?;
        Ok(Box::new(LocalPeer::from(other)))
    }
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn open_other(store: &Store, path: &Path, wait: Duration) -> Result<Store, Error> {
    let other = Store::open(path, wait)?;
    if real(other.root()) == real(store.root()) {
        return Err(Error::Itself { place: path.display().to_string() });
    }
    Ok(other)
}

/// The remote with this name, if there is one.
pub fn find(facts: &Session, name: &RemoteName) -> Result<Option<Remote>, Error> {
    facts.get(&key(name))?.map(|bytes| Remote::read(name.as_str(), &bytes)).transpose()
}

/// The remote with this name.
pub fn load(facts: &Session, name: &RemoteName) -> Result<Remote, Error> {
    if let Some(remote) = find(facts, name)? {
        return Ok(remote);
    }
    let names = list(facts)?.into_iter().map(|remote| remote.name.to_string());
    Err(Error::UnknownRemote { name: name.clone(), nearest: history::nearest(name.as_str(), names) })
}

/// All remotes, by name.
pub fn list(facts: &Session) -> Result<Vec<Remote>, Error> {
    let mut raw = Vec::new();
    facts.scan(REMOTES, &mut |key, value| {
        let name = String::from_utf8_lossy(key.get(REMOTES.len()..).unwrap_or_default()).into_owned();
        raw.push((name, value.to_vec()));
        ControlFlow::Continue(())
    })?;
    raw.into_iter().map(|(name, value)| Remote::read(&name, &value)).collect()
}

/// Adds to `batch` what is known of a remote.
pub fn put(batch: &mut Batch, remote: &Remote) -> Result<(), Error> {
    batch.put(key(&remote.name), remote.to_bytes()?);
    Ok(())
}

/// Makes the store at `path` known as `name`. Returns the operation too.
pub fn add(
    store: &Store,
    author: &Author,
    name: RemoteName,
    path: &Path,
    wait: Duration,
) -> Result<(Remote, u64), Error> {
    let other = open_other(store, path, wait)?;
    let remote = Remote { name, place: place_of(&other)?, standing: Standing::Settled };
    let operation = save(store, &author.now(), &remote, None)?;
    Ok((remote, operation))
}

/// Says that the remote `name` is the store at `path` now. Returns the operation too, unless that was known.
pub fn set_place(
    store: &Store,
    author: &Author,
    name: &RemoteName,
    path: &Path,
    wait: Duration,
) -> Result<(Remote, Option<u64>), Error> {
    let before = load(&store.session()?, name)?;
    let place = place_of(&open_other(store, path, wait)?)?;
    if place == before.place {
        return Ok((before, None));
    }
    let remote = Remote { place, ..before.clone() };
    let operation = save(store, &author.now(), &remote, Some(&before))?;
    Ok((remote, Some(operation)))
}

/// Where a store is, as text.
pub(super) fn place_of(store: &Store) -> Result<String, Error> {
    let root = real(store.root());
    let text = root.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::NotText { place: root.display().to_string() })
}

/// Keeps what is known of a remote, if `before` is what was known.
pub(super) fn save(
    store: &Store,
    origin: &Origin,
    remote: &Remote,
    before: Option<&Remote>,
) -> Result<u64, Error> {
    let mut facts = store.session()?;
    let found = find(&facts, &remote.name)?;
    if found.as_ref() != before {
        let place = found.map(|found| found.place).unwrap_or_default();
        return Err(Error::RemoteExists { name: remote.name.clone(), place });
    }
    let mut batch = Batch::default();
    put(&mut batch, remote)?;
    commit(store, &mut facts, origin, &batch)
}

fn commit(store: &Store, facts: &mut Session, origin: &Origin, batch: &Batch) -> Result<u64, Error> {
    match facts.commit(origin, batch)? {
        Outcome::Done { number } => Ok(number),
        Outcome::Stale { .. } => Err(Error::Contended { place: store.root().display().to_string() }),
    }
}

/// Forgets a remote, and where its branches stood; or branches that a bundle brought under this name. What came from it stays.
/// Returns the operation too.
pub fn remove(store: &Store, author: &Author, name: &RemoteName) -> Result<(Option<Remote>, u64), Error> {
    let mut facts = store.session()?;
    let remote = find(&facts, name)?;
    let mut batch = Batch::default();
    for repo in history::list(&facts)? {
        for (branch, _) in history::remote_branches(&facts, &repo)? {
            if branch.remote == *name {
                history::see(&mut batch, &repo, &branch, None);
            }
        }
    }
    if remote.is_some() {
        batch.remove(key(name));
    } else if batch.writes.is_empty() {
        load(&facts, name)?;
    }
    let operation = commit(store, &mut facts, &author.now(), &batch)?;
    Ok((remote, operation))
}
