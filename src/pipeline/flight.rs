//! Which results are being made, so that jobs that run side by side do not make one twice.
//!
//! A job says what it is going to make. Another one that needs the same leaves that for last, and looks for it in the table of results
//! when it has been saved there, or when the job has ended without it.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::object::Digest;

/// Results, by the number of the repo whose table they go to and their key, each with the job that makes it.
type Making = HashMap<(u64, Digest), u64>;

/// What the jobs of this process are making.
#[derive(Debug, Default)]
pub(super) struct Flights {
    making: Mutex<Making>,
    landed: Condvar,
}

/// What one job is making, until this is dropped.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    pub(super) all: &'a Flights,
    /// The repo of its output.
    pub(super) repo: u64,
    pub(super) job: u64,
}

impl Flight<'_> {
    fn lock(&self) -> MutexGuard<'_, Making> {
        self.all.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the job is going to make this result. False if another job is.
    pub(super) fn begin(&self, key: &Digest) -> bool {
        *self.lock().entry((self.repo, *key)).or_insert(self.job) == self.job
    }

    /// Says that these are in the table of results.
    pub(super) fn land<'k>(&self, keys: impl IntoIterator<Item = &'k Digest>) {
        let mut making = self.lock();
        for key in keys {
            making.remove(&(self.repo, *key));
        }
        self.all.landed.notify_all();
    }

    /// Waits until nobody makes one of these any more, or for so long.
    pub(super) fn wait(&self, keys: &[Digest], within: Duration) {
        let making = self.lock();
        let flies = |key: &Digest, making: &Making| making.contains_key(&(self.repo, *key));
        let all_fly = |making: &mut Making| keys.iter().all(|key| flies(key, making));
        let _ = self.all.landed.wait_timeout_while(making, within, all_fly);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.lock().retain(|_, job| *job != self.job);
        self.all.landed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_job_makes_others_leave_to_it_until_it_is_there_or_given_up() {
        let all = Flights::default();
        let flight = |repo, job| Flight { all: &all, repo, job };
        let keys = [1, 2].map(|n| Digest::from_bytes([n; 32]));
        let (first, second, elsewhere) = (flight(1, 7), flight(1, 8), flight(2, 9));
        assert!(first.begin(&keys[0]) && first.begin(&keys[1]) && first.begin(&keys[0]));
        assert!(!second.begin(&keys[0]) && elsewhere.begin(&keys[0]));
        std::thread::scope(|scope| {
            scope.spawn(|| first.land(&keys[..1]));
            while !second.begin(&keys[0]) {
                second.wait(&keys, Duration::from_secs(60));
            }
        });
        assert!(!second.begin(&keys[1]));
        drop(first);
        assert!(second.begin(&keys[1]));
    }
}
