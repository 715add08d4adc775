//! Turns of the threads of one process: each is served in the order in which it came.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long threads wait for each other at least: one that may not wait for other processes still does for its own. Each gets its turn, so
/// this is for a mistake of ours only.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// Which thread of this process may have a session: one at a time, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Turns {
    now: Mutex<Now>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    /// The numbers of those who wait.
    waiting: VecDeque<u64>,
    next: u64,
    is_taken: bool,
    was_taken: bool,
}

/// A thread's turn, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

impl Turn {
    /// `None` if others have not let go within `wait`.
    pub(super) fn take(turns: &Arc<Turns>, wait: Duration) -> Option<Self> {
        let mut now = turns.now.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.next;
        now.next += 1;
        now.waiting.push_back(number);
        let waits = |now: &mut Now| now.is_taken || now.waiting.front() != Some(&number);
        let waited = turns.freed.wait_timeout_while(now, wait, waits);
        let (mut now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        now.waiting.retain(|waiting| *waiting != number);
        if timeout.timed_out() {
            turns.freed.notify_all();
            return None;
        }
        now.is_taken = true;
        Some(Self(Arc::clone(turns)))
    }

    /// Whether there was another before it.
    pub(super) fn is_later(&self) -> bool {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner).was_taken
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        (now.is_taken, now.was_taken) = (false, true);
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_thread_that_came_first_is_served_before_one_that_comes_again() {
        let turns = Arc::new(Turns::default());
        let first = Turn::take(&turns, PATIENCE).unwrap();
        assert!(Turn::take(&turns, Duration::ZERO).is_none());
        let served = Mutex::new(Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                let _turn = Turn::take(&turns, PATIENCE).unwrap();
                served.lock().unwrap().push("other");
            });
            while turns.now.lock().unwrap().waiting.is_empty() {
                thread::yield_now();
            }
            drop(first);
            let again = Turn::take(&turns, PATIENCE).unwrap();
            assert!(again.is_later());
            served.lock().unwrap().push("again");
        });
        assert_eq!(served.into_inner().unwrap(), ["other", "again"]);
    }
}
