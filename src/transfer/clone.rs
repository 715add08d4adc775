//! Cloning: a new store with all that another one has, or with some of its repos.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::contract::{Names, Peer};
use super::copy::Copied;
use super::error::Error;
use super::fetch::{Desk, Gone, Scope, add, collect};
use super::local::LocalPeer;
use super::remotes::{self, Remote, Standing};
use super::update::contended;
use crate::fault::{Fault, Kind};
use crate::history::{self, Author};
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::RemoteName;
use crate::progress::Progress;
use crate::store::{self, DIR_NAME, Store};

/// What a clone calls the store that it came from.
pub const ORIGIN: &str = "origin";

/// A store that was cloned.
#[derive(Debug)]
pub struct Cloned {
    /// The new store.
    pub store: Store,
    /// Where it came from.
    pub remote: Remote,
    /// The repos with their names.
    pub names: Vec<Names>,
    /// What was copied.
    pub copied: Copied,
}

/// Makes a store in `dir`, which must be empty or not there, with what `scope` names of the store at `source`. A clone that
/// was cut short is gone on with.
pub fn clone(
    source: &Path,
    dir: &Path,
    scope: &Scope,
    author: &Author,
    wait: Duration,
    progress: &dyn Progress,
) -> Result<Cloned, Error> {
    let other = Store::open(source, wait)?;
    let name: RemoteName = ORIGIN.parse().map_err(history::Error::from)?;
    let remote = Remote { name, place: remotes::place_of(&other)?, standing: Standing::Cloning };
    let peer = LocalPeer::from(other);
    let store = begin(dir, &remote, author, wait)?;
    let desk = Desk { store: &store, author, progress };
    let (names, copied) = collect(&desk, &remote.name, &peer, scope).map_err(|error| match error.kind() {
        // All that the new store has was checked when it came.
        Kind::Damaged => Error::Source { place: remote.place.clone(), source: error.into() },
        _ => error,
    })?;
    let settled = Remote { standing: Standing::Settled, ..remote };
    settle(&desk, &settled, &names)?;
    let names = LocalPeer::from(store.clone()).names()?;
    Ok(Cloned { store, remote: settled, names, copied })
}

/// Makes the repos with all their names in one step, and with that ends the cloning.
fn settle(desk: &Desk<'_>, remote: &Remote, names: &[Names]) -> Result<(), Error> {
    let mut batch = Batch::default();
    let mut repos = Vec::new();
    for names in names {
        let (repo, _) = add(desk, &mut batch, &remote.name, names, Gone::Keep)?;
        let facts = desk.store.session()?;
        for (branch, head) in &names.branches {
            // What an earlier attempt has made stays.
            if history::head(&facts, &repo, branch)?.is_none() {
                history::move_head(&mut batch, &repo, branch, None, Some(*head));
            }
        }
        repos.push(repo);
    }
    remotes::put(&mut batch, remote)?;
    let mut facts = desk.store.session()?;
    match facts.commit(&desk.author.now(), &batch)? {
        Outcome::Done { .. } => Ok(()),
        Outcome::Stale { .. } => Err(contended(desk.store, &facts, &repos)?),
    }
}

/// The new store, which knows where it is to come from; or that of a clone of the same that was cut short.
fn begin(dir: &Path, remote: &Remote, author: &Author, wait: Duration) -> Result<Store, Error> {
    let place = || dir.display().to_string();
    let io = |verb| move |source| Error::Io { verb, place: dir.display().to_string(), source };
    let mut others = Vec::new();
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(io("make"))?;
        }
        Err(error) => return Err(io("look into")(error)),
        Ok(entries) => {
            for entry in entries {
                others.push(entry.map_err(io("look into"))?.file_name());
            }
        }
    }
    others.retain(|name| name != DIR_NAME);
    if !others.is_empty() {
        return Err(Error::NotEmpty { place: place() });
    }
    let dir = fs::canonicalize(dir).map_err(io("look into"))?;
    let store = match Store::init(&dir, wait) {
        Err(store::Error::Exists { .. }) => Store::open(&dir, wait)?,
        made => made?,
    };
    let (known, repos) = {
        let facts = store.session()?;
        (remotes::list(&facts)?, history::list(&facts)?)
    };
    match known.as_slice() {
        [] if repos.is_empty() => {
            remotes::save(&store, &author.housekeeping(), remote, None)?;
        }
        [known] if known == remote => {}
        _ => return Err(Error::NotEmpty { place: place() }),
    }
    Ok(store)
}
