//! What is undone when the process is told to end.
//!
//! A process that is told to end (Ctrl-C, a closed terminal, a shutdown) has no time to unwind. Whoever starts something
//! that must not outlive the process says here how to stop it; the program calls [`undo_all`] when the signal comes. A
//! process that is killed outright undoes nothing, so all of this is tidiness: nothing may depend on it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Undo = Box<dyn FnOnce() + Send>;

static PENDING: Mutex<(u64, BTreeMap<u64, Undo>)> = Mutex::new((0, BTreeMap::new()));

fn pending() -> MutexGuard<'static, (u64, BTreeMap<u64, Undo>)> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that will be undone if the process is told to end while this is held.
#[must_use = "it is forgotten when this is dropped"]
pub struct Undoing(u64);

impl fmt::Debug for Undoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Undoing").field(&self.0).finish()
    }
}

/// Has `undo` called if the process is told to end before the answer is dropped.
pub fn undo_with(undo: impl FnOnce() + Send + 'static) -> Undoing {
    let (next, all) = &mut *pending();
    *next += 1;
    all.insert(*next, Box::new(undo));
    Undoing(*next)
}

impl Drop for Undoing {
    fn drop(&mut self) {
        pending().1.remove(&self.0);
    }
}

/// Undoes everything that is pending, newest first. The process should end after this.
pub fn undo_all() {
    let all = std::mem::take(&mut pending().1);
    all.into_values().rev().for_each(|undo| undo());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_is_pending_is_undone_newest_first_and_the_rest_is_not() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = |word: &'static str| {
            let seen = Arc::clone(&seen);
            undo_with(move || seen.lock().unwrap().push(word))
        };
        let (first, second, third) = (note("first"), note("second"), note("third"));
        drop(second);
        undo_all();
        drop((first, third));
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen, ["third", "first"]);
    }
}
