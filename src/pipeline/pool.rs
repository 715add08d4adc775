//! The places of this process for what takes a processor: programs of datums, and the work of built-in stages.
//!
//! There are as many as processors, however many jobs run side by side. A free place goes to the pipeline that holds fewest,
//! and there to who has waited longest. A stage never has more than its `parallelism`. One whose `parallelism` is more
//! than all places takes none of them: its owner knows that its programs wait more than they compute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use super::job::Job;
use super::task::LOOK_EVERY;

/// The places of this process.
static PLACES: LazyLock<Pool> = LazyLock::new(|| Pool::new(rayon::current_num_threads()));

/// So many places, and who has them.
#[derive(Debug)]
pub(super) struct Pool {
    count: usize,
    state: Mutex<State>,
}

/// A stage that wants places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guest {
    pub(super) pipeline: String,
    pub(super) stage: String,
    /// How many it may have at a time, if that is said.
    pub(super) most: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    /// Who waits, by the order in which they came.
    waiting: BTreeMap<u64, Waiter>,
    next: u64,
    /// Those who have what they waited for, and do not know it yet.
    served: BTreeSet<u64>,
    /// How many each stage has.
    by_stage: BTreeMap<(String, String), usize>,
    /// How many of the pool's each pipeline has.
    by_pipeline: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Waiter {
    guest: Guest,
    thread: Thread,
}

/// A place, until this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pool: &'a Pool,
    guest: Guest,
}

impl Pool {
    fn new(count: usize) -> Self {
        Self { count, state: Mutex::default() }
    }

    /// The one of this process.
    pub(super) fn of_process() -> &'static Self {
        &PLACES
    }

    /// How many places there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, as soon as it is this stage's turn; `None` once it is not wanted any more.
    pub(super) fn take(&self, guest: &Guest, wanted: impl Fn() -> bool) -> Option<Place<'_>> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, Waiter { guest: guest.clone(), thread: thread::current() });
        loop {
            state.serve(self.count);
            if state.served.remove(&number) {
                return Some(Place { pool: self, guest: guest.clone() });
            }
            drop(state);
            thread::park_timeout(LOOK_EVERY);
            let is_wanted = wanted();
            state = self.lock();
            if !is_wanted && state.waiting.remove(&number).is_some() {
                return None;
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.give_back(&self.guest, self.pool.count);
        state.serve(self.pool.count);
    }
}

impl Guest {
    /// The stage of this job.
    pub(super) fn of(job: &Job, most: Option<usize>) -> Self {
        Self { pipeline: job.pipeline.clone(), stage: job.stage.clone(), most }
    }

    fn key(&self) -> (String, String) {
        (self.pipeline.clone(), self.stage.clone())
    }

    /// Whether it takes places of the pool.
    fn is_within(&self, count: usize) -> bool {
        self.most.is_none_or(|most| most <= count)
    }
}

impl State {
    /// Gives places to those whose turn it is, while there are any.
    fn serve(&mut self, count: usize) {
        while self.serve_one(count).is_some() {}
    }

    fn serve_one(&mut self, count: usize) -> Option<u64> {
        let number = self.first(count)?;
        let Waiter { guest, thread } = self.waiting.remove(&number)?;
        if guest.is_within(count) {
            *self.by_pipeline.entry(guest.pipeline.clone()).or_default() += 1;
        }
        *self.by_stage.entry(guest.key()).or_default() += 1;
        self.served.insert(number);
        thread.unpark();
        Some(number)
    }

    /// Whose turn it is.
    fn first(&self, count: usize) -> Option<u64> {
        let is_full = self.by_pipeline.values().sum::<usize>() >= count;
        let held = |guest: &Guest| self.by_pipeline.get(&guest.pipeline).copied().unwrap_or_default();
        let may = |guest: &Guest| {
            let own = self.by_stage.get(&guest.key()).copied().unwrap_or_default();
            guest.most.is_none_or(|most| own < most) && !(is_full && guest.is_within(count))
        };
        let mut waiting: Vec<_> = self.waiting.iter().filter(|(_, waiter)| may(&waiter.guest)).collect();
        waiting.sort_by_key(|(number, waiter)| (held(&waiter.guest), **number));
        waiting.first().map(|(number, _)| **number)
    }

    fn give_back(&mut self, guest: &Guest, count: usize) {
        if guest.is_within(count) {
            release(&mut self.by_pipeline, &guest.pipeline);
        }
        release(&mut self.by_stage, &guest.key());
    }
}

fn release<K: Ord>(held: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = held.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            held.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(text: &str) -> Guest {
        let (name, most) =
            text.split_once(':').map_or((text, None), |(name, most)| (name, most.parse().ok()));
        let (pipeline, stage) = name.split_once('/').unwrap();
        Guest { pipeline: pipeline.to_owned(), stage: stage.to_owned(), most }
    }

    /// Lets these wait, in this order, for `count` places, of which those of `held` are taken; then says who gets one.
    #[track_caller]
    fn check(count: usize, held: &str, waiting: &str, want: &str) {
        let mut state = State::default();
        let mut names = BTreeMap::new();
        for (text, among) in [(held, true), (waiting, false)] {
            for name in text.split_whitespace() {
                let (number, waiter) = (state.next, Waiter { guest: guest(name), thread: thread::current() });
                state.next += 1;
                state.waiting.insert(number, waiter);
                if among {
                    state.serve(count);
                    assert!(state.served.remove(&number), "{name} has no place");
                } else {
                    names.insert(number, name);
                }
            }
        }
        let mut got = Vec::new();
        while let Some(number) = state.serve_one(count) {
            got.push(names[&number]);
        }
        assert_eq!(got.join(" "), want);
    }

    #[test]
    fn a_free_place_goes_to_who_holds_fewest_and_waited_longest() {
        check(2, "", "p/a p/a p/a", "p/a p/a");
        check(2, "", "p/a p/a q/b", "p/a q/b");
        check(3, "p/a", "p/a p/b q/a r/a", "q/a r/a");
        check(3, "p/a p/a", "p/b q/a", "q/a");
        check(1, "p/a", "q/a", "");
    }

    #[test]
    fn a_stage_has_no_more_than_its_own_and_one_that_asks_for_more_than_all_stands_apart() {
        check(4, "p/a:1", "p/a:1 p/a:1 q/b:2 q/b:2 q/b:2", "q/b:2 q/b:2");
        check(2, "p/a p/a", "q/b:3 q/b:3 q/b:3 q/b:3 p/a", "q/b:3 q/b:3 q/b:3");
        check(2, "q/b:3 q/b:3 q/b:3", "q/b:3 q/c p/a p/a", "q/c p/a");
    }

    #[test]
    fn never_are_more_places_taken_than_there_are_and_who_gives_up_leaves_the_queue() {
        let pool = Pool::new(2);
        let most = Mutex::new((0, 0));
        thread::scope(|scope| {
            for thread in 0..8 {
                let (pool, most) = (&pool, &most);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let place = pool.take(&guest(["p/a", "q/a:1"][thread % 2]), || true).unwrap();
                        let mut now = most.lock().unwrap();
                        *now = (now.0 + 1, now.1.max(now.0 + 1));
                        drop(now);
                        thread::yield_now();
                        most.lock().unwrap().0 -= 1;
                        drop(place);
                    }
                });
            }
        });
        assert!(most.into_inner().unwrap().1 <= 2);
        let both = [guest("p/a"), guest("p/a")].map(|guest| pool.take(&guest, || true).unwrap());
        assert!(pool.take(&guest("q/a"), || false).is_none());
        drop(both);
        let state = pool.state.into_inner().unwrap();
        assert!(state.waiting.is_empty() && state.by_stage.is_empty() && state.by_pipeline.is_empty());
    }
}
