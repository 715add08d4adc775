//! Presences: what living processes say they may still use.
//!
//! A process that looks for objects sets a presence first. Whoever takes objects out of the index, and lists the presences after that, knows who
//! may still have seen them there: the objects must stay until all those presences are gone. A presence is a file in its owner's directory, so it goes
//! with its owner, and no clock and no count is needed to tell the dead from the slow.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lock::{holder, lock_still_there};
use super::tmp::{OWN, Tmp};

/// What the name of a presence begins with.
const HERE: &str = "here-";

/// What the name of a note begins with, that its owner has written a file of this name.
const WROTE: &str = "wrote-";

/// The presence of an owner; clones are the same presence.
#[derive(Debug, Clone)]
pub struct Presence {
    tmp: Tmp,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unset,
    Set(PathBuf),
    /// It could not be set: the number of the system's error, if it has one.
    Refused(Option<i32>),
}

impl Presence {
    /// The presence of this owner, not yet set.
    pub fn new(tmp: &Tmp) -> Self {
        Self { tmp: tmp.clone(), state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets it, unless it is set.
    pub fn set(&self) -> io::Result<()> {
        let mut state = self.state();
        if matches!(*state, State::Set(_)) {
            return Ok(());
        }
        let placed = self.place();
        *state = match &placed {
            Ok(place) => State::Set(place.clone()),
            Err(error) => State::Refused(error.raw_os_error()),
        };
        placed.map(drop)
    }

    /// Why it could not be set, if it could not: nothing that its owner has found is sure to stay.
    pub fn refusal(&self) -> Option<io::Error> {
        match *self.state() {
            State::Refused(Some(code)) => Some(io::Error::from_raw_os_error(code)),
            State::Refused(None) => Some(io::Error::from(io::ErrorKind::Other)),
            State::Unset | State::Set(_) => None,
        }
    }

    /// Takes it away: from here on its owner uses nothing that it found before.
    pub fn release(&self) -> io::Result<()> {
        let State::Set(presence) = mem::take(&mut *self.state()) else { return Ok(()) };
        for note in names(&self.tmp.own_dir()?, WROTE)? {
            fs::remove_file(self.tmp.own_dir()?.join(format!("{WROTE}{note}")))?;
        }
        fs::remove_file(presence)
    }

    fn place(&self) -> io::Result<PathBuf> {
        let path = self.tmp.path()?;
        let number = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let presence = path.with_file_name(format!("{HERE}{number}"));
        File::create_new(&presence)?;
        Ok(presence)
    }
}

/// What is left of the names in `dir` that begin so.
fn names(dir: &Path, begin: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.strip_prefix(begin).map(str::to_owned)).collect())
}

fn is_living(owner: &Path) -> io::Result<bool> {
    Ok(owner.is_dir() && lock_still_there(owner)?.is_none() && owner.is_dir())
}

/// The names, without their beginnings, in the directories of the other owners that live, each with its owner.
fn of_the_living(tmp: &Tmp, begin: &str) -> io::Result<BTreeSet<(String, String)>> {
    let own = tmp.own_dir()?;
    let mut found = BTreeSet::new();
    for owner in names(tmp.dir(), OWN)? {
        if own.ends_with(format!("{OWN}{owner}")) {
            continue;
        }
        let dir = tmp.dir().join(format!("{OWN}{owner}"));
        let of_owner = names(&dir, begin)?;
        if !of_owner.is_empty() && is_living(&dir)? {
            found.extend(of_owner.into_iter().map(|name| (owner.clone(), name)));
        }
    }
    Ok(found)
}

/// The presences that are set now, but for that of this owner.
pub fn presences(tmp: &Tmp) -> io::Result<BTreeSet<String>> {
    let presences = of_the_living(tmp, HERE)?;
    Ok(presences.into_iter().map(|(owner, number)| format!("{owner}/{number}")).collect())
}

/// Whether this presence is still set.
pub fn is_set(tmp: &Tmp, presence: &str) -> io::Result<bool> {
    let Some((owner, number)) = presence.split_once('/') else { return Ok(false) };
    let dir = tmp.dir().join(format!("{OWN}{owner}"));
    Ok(dir.join(format!("{HERE}{number}")).exists() && is_living(&dir)?)
}

/// The process whose presence this is, where the kernel tells.
pub fn process_of(tmp: &Tmp, presence: &str) -> Option<u32> {
    let (owner, _) = presence.split_once('/')?;
    holder(&tmp.dir().join(format!("{OWN}{owner}")))
}

/// Notes that this owner is about to put a file of this name in place, which nothing names yet.
pub fn note(tmp: &Tmp, written: &str) -> io::Result<()> {
    File::create(tmp.own_dir()?.join(format!("{WROTE}{written}"))).map(drop)
}

/// The files that other living owners have noted to have put in place.
pub fn written(tmp: &Tmp) -> io::Result<BTreeSet<String>> {
    Ok(of_the_living(tmp, WROTE)?.into_iter().map(|(_, name)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presences_are_seen_by_others_until_they_are_released_or_their_owner_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (ann, bob) = (Tmp::new(dir.path()), Tmp::new(dir.path()));
        let (hers, his) = (Presence::new(&ann), Presence::new(&bob));
        assert!(presences(&bob).unwrap().is_empty());
        hers.set().unwrap();
        hers.set().unwrap();
        his.set().unwrap();
        note(&ann, "abc").unwrap();
        let first = presences(&bob).unwrap();
        assert_eq!(first.len(), 1, "his own is not among them");
        assert_eq!(written(&bob).unwrap(), BTreeSet::from(["abc".to_owned()]));
        let first = first.first().unwrap();
        assert!(is_set(&bob, first).unwrap());
        hers.release().unwrap();
        hers.set().unwrap();
        assert!(!is_set(&bob, first).unwrap());
        assert!(written(&bob).unwrap().is_empty());
        let second = presences(&bob).unwrap().pop_first().unwrap();
        assert!(is_set(&bob, &second).unwrap() && second != *first);
        drop((ann, hers));
        assert!(!is_set(&bob, &second).unwrap());
        assert!(presences(&bob).unwrap().is_empty());
        assert!(!is_set(&bob, "nonsense").unwrap());
    }

    #[test]
    fn the_presences_of_the_dead_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let dead = dir.path().join("own-00000000000000000000000000000001");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("here-0"), b"").unwrap();
        fs::write(dead.join("wrote-abc"), b"").unwrap();
        let tmp = Tmp::new(dir.path());
        assert!(presences(&tmp).unwrap().is_empty() && written(&tmp).unwrap().is_empty());
        assert!(!is_set(&tmp, "00000000000000000000000000000001/0").unwrap());
    }
}
