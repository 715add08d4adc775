//! Running jobs, several side by side: claim those that can be begun, have each done by a thread of its own, and see what can be
//! begun when one has ended.
//!
//! A job that a dead process was running is taken up again, or skipped if its stage is no more.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use crate::history::Author;
use crate::progress::{Amount, Progress, Sum};
use crate::store::Store;

use super::claim::{Claimed, Rest, claim};
use super::error::Error;
use super::flight::Flights;
use super::job::{self, Job};
use super::lease::Lease;
use super::perform::{Shift, perform};
use super::pool::Pool;
use super::which::{Asked, Which};

/// The shortest and the longest pause between two looks at what other processes do.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];

/// So many more jobs than there are places for programs are begun: some are being planned or published, and need none.
const MORE_THAN_PLACES: usize = 2;

/// Runs the jobs that are queued until all have ended, and returns them by their numbers; of each is told when it has ended.
/// Where another process works on one of them, or on one that they need, this waits for it.
pub fn run(
    store: &Store,
    author: &Author,
    which: &Which,
    progress: &dyn Progress,
    mut ended: impl FnMut(&Job),
) -> Result<Vec<Job>, Error> {
    let (sum, flights, over) = (Sum::new(progress), Flights::default(), AtomicBool::new(false));
    let shift = Shift { store, author, progress: &sum, flights: &flights, over: &over };
    let mut asked = Asked::new(which);
    let mut done = thread::scope(|scope| {
        let result = Crew::new(scope, shift).run_all(&mut asked, &mut ended);
        // The others need not end what nobody can take in.
        over.store(true, Ordering::Relaxed);
        result
    })?;
    for id in asked.into_jobs() {
        // Another process ran it.
        if !done.iter().any(|job| job.id == id) {
            let job = job::load(store, &store.session()?, id)?;
            ended(&job);
            done.push(job);
        }
    }
    if !done.is_empty() {
        job::archive(store, author)?;
    }
    Lease::sweep(store)?;
    done.sort_by_key(|job| job.id);
    Ok(done)
}

/// The threads that run jobs, one each.
struct Crew<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    shift: Shift<'env>,
    at_work: BTreeMap<u64, Worker<'scope>>,
    ended: (Sender<u64>, mpsc::Receiver<u64>),
}

struct Worker<'scope> {
    pipeline: String,
    lease: Lease,
    thread: ScopedJoinHandle<'scope, Result<Job, Error>>,
}

/// Tells that a worker has ended, in whatever way.
struct Bell(u64, Sender<u64>);

impl Drop for Bell {
    fn drop(&mut self) {
        // Where nobody listens any more, nobody needs to know.
        let _ = self.1.send(self.0);
    }
}

impl<'scope, 'env> Crew<'scope, 'env> {
    fn new(scope: &'scope Scope<'scope, 'env>, shift: Shift<'env>) -> Self {
        Self { scope, shift, at_work: BTreeMap::new(), ended: mpsc::channel() }
    }

    fn run_all(mut self, asked: &mut Asked, ended: &mut dyn FnMut(&Job)) -> Result<Vec<Job>, Error> {
        let [shortest, longest] = PAUSES;
        let (mut pause, mut is_told) = (shortest, false);
        let mut done = Vec::new();
        loop {
            let free = (Pool::of_process().count() + MORE_THAN_PLACES).saturating_sub(self.at_work.len());
            let busy = self.at_work.iter().map(|(id, worker)| (*id, worker.pipeline.clone())).collect();
            let Claimed { begun, ended: mut over, again, rest } = claim(self.shift, asked, &busy, free)?;
            let is_idle = begun.is_empty() && over.is_empty() && self.at_work.is_empty();
            let waits = is_idle && !again && rest != Rest::Nothing;
            match (waits, is_told) {
                (true, false) => {
                    self.shift.progress.begin("waiting for another process", Amount::Steps(None));
                }
                (false, true) => self.shift.progress.end(),
                (true, true) | (false, false) => {}
            }
            is_told = waits;
            if !begun.is_empty() || !over.is_empty() {
                pause = shortest;
            }
            let goes_on = again || !over.is_empty();
            for (job, lease) in begun {
                self.begin(job, lease);
            }
            if !goes_on {
                match (self.at_work.is_empty(), rest) {
                    (true, Rest::Nothing) => return Ok(done),
                    (true, _) => thread::sleep(pause),
                    (false, Rest::Others) => over.extend(self.next(Some(pause))?),
                    (false, _) => over.extend(self.next(None)?),
                }
                pause = if over.is_empty() { (pause * 2).min(longest) } else { shortest };
            }
            over.iter().for_each(&mut *ended);
            done.extend(over);
        }
    }

    fn begin(&mut self, job: Job, lease: Lease) {
        let (id, pipeline, shift) = (job.id, job.pipeline.clone(), self.shift);
        let bell = Bell(id, self.ended.0.clone());
        let thread = self.scope.spawn(move || {
            let _bell = bell;
            perform(shift, job)
        });
        self.at_work.insert(id, Worker { pipeline, lease, thread });
    }

    /// Waits until jobs have ended, and returns them in the order in which they did; none if nothing has in this time.
    fn next(&mut self, within: Option<Duration>) -> Result<Vec<Job>, Error> {
        let receive = &self.ended.1;
        let first = match within {
            Some(pause) => receive.recv_timeout(pause),
            None => receive.recv().map_err(RecvTimeoutError::from),
        };
        let ids: Vec<u64> = first.into_iter().chain(receive.try_iter()).collect();
        let mut jobs = Vec::new();
        for id in ids {
            let Some(Worker { lease, thread, .. }) = self.at_work.remove(&id) else { continue };
            jobs.push(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?);
            lease.end();
        }
        Ok(jobs)
    }
}
