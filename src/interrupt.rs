//! What is undone when the process is told to end.
//!
//! A process that is told to end (Ctrl-C, a closed terminal, a shutdown) has no time to unwind. Whoever starts something
//! that must not outlive the process says here how to stop it; the program calls [`undo_all`] when the signal comes. A
//! process that is killed outright undoes nothing, so all of this is tidiness: nothing may depend on it.
//!
//! Work whose temporary files are taken away under it fails. That is no failure to record or to tell of, so whoever is
//! about to do so calls [`stand_still_if_ending`] first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

type Undo = Box<dyn FnOnce() + Send>;

/// The list of this process.
static PENDING: Pending = Pending::new();

/// Whether the end of this process has begun.
static ENDING: AtomicBool = AtomicBool::new(false);

/// What is to be said at the end, where that is not to give the same command again.
static PARTING: Mutex<Option<Parting>> = Mutex::new(None);

/// What is to be undone, by the order in which it was said.
struct Pending(Mutex<(u64, BTreeMap<u64, Undo>)>);

impl Pending {
    const fn new() -> Self {
        Self(Mutex::new((0, BTreeMap::new())))
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Undo>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&'static self, undo: impl FnOnce() + Send + 'static) -> Undoing {
        let (next, all) = &mut *self.lock();
        *next += 1;
        all.insert(*next, Box::new(undo));
        Undoing { list: self, number: *next }
    }

    fn undo_all(&self) {
        let all = std::mem::take(&mut self.lock().1);
        all.into_values().rev().for_each(|undo| undo());
    }
}

/// What is said to a person who told the process to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parting {
    /// The work was cut short; this is how it goes on.
    Cut(String),
    /// The work has no other end; this is how it is taken up again.
    Ended(String),
}

/// Something that will be undone if the process is told to end while this is held.
#[must_use = "it is forgotten when this is dropped"]
pub struct Undoing {
    list: &'static Pending,
    number: u64,
}

impl fmt::Debug for Undoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Undoing").field(&self.number).finish()
    }
}

impl Drop for Undoing {
    fn drop(&mut self) {
        self.list.lock().1.remove(&self.number);
    }
}

/// Has `undo` called if the process is told to end before the answer is dropped.
pub fn undo_with(undo: impl FnOnce() + Send + 'static) -> Undoing {
    PENDING.add(undo)
}

/// Undoes everything that is pending, newest first. The process must end after this.
pub fn undo_all() {
    ENDING.store(true, Ordering::SeqCst);
    PENDING.undo_all();
}

/// Does not return once [`undo_all`] has begun.
pub fn stand_still_if_ending() {
    while ENDING.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// Says what is to be said if the process is told to end from now on.
pub fn part_with(parting: Parting) {
    *PARTING.lock().unwrap_or_else(PoisonError::into_inner) = Some(parting);
}

/// What was last said to [`part_with`].
pub fn parting() -> Option<Parting> {
    PARTING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_is_pending_is_undone_newest_first_and_the_rest_is_not() {
        // A list of its own: that of the process belongs to whatever else is tested meanwhile.
        static LIST: Pending = Pending::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = |word: &'static str| {
            let seen = Arc::clone(&seen);
            LIST.add(move || seen.lock().unwrap().push(word))
        };
        let (first, second, third) = (note("first"), note("second"), note("third"));
        drop(second);
        LIST.undo_all();
        drop((first, third));
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen, ["third", "first"]);
    }
}
