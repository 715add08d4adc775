//! How long all datums of a job may take together: the time that counts is that in which at least one of them has a place.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a job's datums may take, and have taken.
#[derive(Debug)]
pub(super) struct Deadline {
    limit: Option<Duration>,
    clock: Mutex<Clock>,
}

/// A clock that goes while somebody works.
#[derive(Debug, Default)]
struct Clock {
    workers: usize,
    since: Option<Instant>,
    before: Duration,
}

/// The clock goes at least until this is dropped.
#[derive(Debug)]
pub(super) struct Working<'a>(&'a Deadline);

impl Clock {
    fn begin(&mut self, now: Instant) {
        self.workers += 1;
        self.since.get_or_insert(now);
    }

    fn end(&mut self, now: Instant) {
        self.workers = self.workers.saturating_sub(1);
        if self.workers == 0 {
            self.before = self.spent(now);
            self.since = None;
        }
    }

    fn spent(&self, now: Instant) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

impl Deadline {
    /// So much time; for ever if nothing is said.
    pub(super) fn of(limit: Option<Duration>) -> Self {
        Self { limit, clock: Mutex::default() }
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a datum has a place.
    pub(super) fn work(&self) -> Option<Working<'_>> {
        self.limit?;
        self.clock().begin(Instant::now());
        Some(Working(self))
    }

    fn left(&self) -> Option<Duration> {
        Some(self.limit?.saturating_sub(self.clock().spent(Instant::now())))
    }

    /// Whether the time is up.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// Why nothing is begun any more, once the time is up.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.is_over() { Err(self.told()) } else { Ok(()) }
    }

    /// That the time is up, in words.
    pub(super) fn told(&self) -> String {
        format!("the job took longer than {} s", self.limit.unwrap_or_default().as_secs())
    }

    /// What is left of `timeout`, or of the time of the job if that is less. A datum that asks has a place, so the clock goes.
    pub(super) fn cap(&self, timeout: Option<Duration>) -> Option<Duration> {
        let left = self.left();
        timeout.map_or(left, |timeout| Some(left.map_or(timeout, |left| left.min(timeout))))
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.clock().end(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets workers come (`+`) and go (`-`) at these seconds, and says how much time has counted at the end.
    #[track_caller]
    fn check(events: &str, want: u64) {
        let begin = Instant::now();
        let (mut clock, mut last) = (Clock::default(), begin);
        for event in events.split(' ') {
            let (sign, second) = event.split_at(1);
            last = begin + Duration::from_secs(second.parse().unwrap());
            match sign {
                "+" => clock.begin(last),
                "-" => clock.end(last),
                _ => {}
            }
        }
        assert_eq!(clock.spent(last), Duration::from_secs(want), "{events}");
    }

    #[test]
    fn only_the_time_counts_in_which_somebody_works() {
        check("=9", 0);
        check("+5 -7 =9", 2);
        check("+5 +6 -7 =9", 4);
        check("+5 +6 -7 -8 =20", 3);
        check("+5 -6 +10 -13 +20 =21", 5);
    }

    #[test]
    fn without_a_limit_nothing_is_ever_over() {
        let none = Deadline::of(None);
        assert!(none.work().is_none() && !none.is_over() && none.check().is_ok());
        assert_eq!(none.cap(Some(Duration::from_secs(3))), Some(Duration::from_secs(3)));
        let over = Deadline::of(Some(Duration::ZERO));
        assert_eq!(over.check(), Err("the job took longer than 0 s".to_owned()));
        assert_eq!(over.cap(None), Some(Duration::ZERO));
    }
}
