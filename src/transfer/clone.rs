//! Cloning: a new store with all that another one has, or with some of its repos.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::contract::{Name, Names, Peer, RefMove};
use super::copy::Copied;
use super::error::Error;
use super::fetch::{Desk, Gone, Scope, fetch};
use super::local::LocalPeer;
use super::remotes::{self, Remote, Standing};
use super::update::update;
use crate::history::{self, Author};
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
    let fetched = fetch(&desk, &remote.name, &peer, scope, Gone::Keep)?;
    let chosen = |repo: &history::Repo| fetched.seen.iter().any(|seen| seen.repo == repo.name);
    let moves = moves(&store, chosen)?;
    update(&store, author, &moves)?;
    let settled = Remote { standing: Standing::Settled, ..remote.clone() };
    remotes::save(&store, author, &settled, Some(&remote))?;
    let names = LocalPeer::from(store.clone()).names()?;
    Ok(Cloned { store, remote: settled, names, copied: fetched.copied })
}

/// The branches that are to begin where they were seen.
fn moves(store: &Store, chosen: impl Fn(&history::Repo) -> bool) -> Result<Vec<RefMove>, Error> {
    let facts = store.session()?;
    let mut moves = Vec::new();
    for repo in history::list(&facts)?.into_iter().filter(chosen) {
        for (seen, after) in history::remote_branches(&facts, &repo)? {
            if history::head(&facts, &repo, &seen.branch)?.is_none() {
                let (repo, description) = (repo.name.clone(), repo.description.clone());
                moves.push(RefMove {
                    repo,
                    description,
                    name: Name::Branch(seen.branch),
                    before: None,
                    after,
                });
            }
        }
    }
    Ok(moves)
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
            remotes::save(&store, author, remote, None)?;
        }
        [known] if known == remote => {}
        _ => return Err(Error::NotEmpty { place: place() }),
    }
    Ok(store)
}
