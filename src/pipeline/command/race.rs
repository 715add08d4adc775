//! The datums of a job on their way, several at once, and when to stop.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::attempt::{self, Common, Done, Ended, Failed, News, declared};
use super::bench::Bench;
use super::book::Book;
use super::datum::Plan;
use super::deadline::Deadline;
use super::keeper::Keeper;
use super::live::LiveLogs;
use super::merge;
use super::process::View;
use super::waiting::Waiting;
use crate::object::{Digest, Entry, NodeId, ObjectRead};
use crate::pipeline::announced::announce;
use crate::pipeline::error::Error;
use crate::pipeline::pool::{Guest, Pool};
use crate::pipeline::results::{self, Outcome};
use crate::pipeline::spec::{Batch, Command, OnConflict};
use crate::pipeline::task::{LOOK_EVERY, Task};
use crate::program::Watch;
use crate::progress::Amount;
use crate::tree::Cursor;

/// How long a finished result may wait before it is saved.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// How many results are taken in before something else is looked at, and how long is waited for more where there are many.
const MANY: usize = 1000;
const REST: Duration = Duration::from_millis(1);

/// The datums of a job on their way. They are begun in their order; the first that writes what another wrote, in that order,
/// stops those after it, so that the report is the same every time.
pub(super) struct Race<'a> {
    plan: &'a Plan,
    keys: &'a [Digest],
    pub(super) outcomes: Vec<Option<Outcome>>,
    pub(super) failures: BTreeMap<usize, Failed>,
    /// Those that are recovered.
    pub(super) recovered: BTreeSet<usize>,
    pub(super) book: Book<'a>,
    /// Results that are not yet saved.
    pub(super) unsaved: Vec<(Digest, Outcome)>,
    rule: OnConflict,
    /// The state that the job started from.
    before: NodeId,
    /// Who wrote each path first, among the datums of the plan.
    written: HashMap<Vec<u8>, usize>,
    /// Datums from here on are not begun.
    limit: Arc<AtomicUsize>,
}

impl<'a> Race<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        keys: &'a [Digest],
        outcomes: Vec<Option<Outcome>>,
        rule: OnConflict,
        before: NodeId,
        book: Book<'a>,
    ) -> Self {
        let limit = Arc::new(AtomicUsize::new(plan.datums.len()));
        Self {
            plan,
            keys,
            outcomes,
            failures: BTreeMap::new(),
            recovered: BTreeSet::new(),
            book,
            unsaved: Vec::new(),
            rule,
            before,
            written: HashMap::new(),
            limit,
        }
    }

    /// Datums from this one on were not begun.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Runs what has no outcome yet.
    pub(super) fn run(
        &mut self,
        task: &Task<'_>,
        command: &Command,
        keeper: &Keeper<'_>,
    ) -> Result<(), Error> {
        let known: Vec<(usize, Outcome)> =
            (0..).zip(&self.outcomes).filter_map(|(at, outcome)| Some((at, (*outcome)?))).collect();
        for (at, outcome) in known {
            self.take_in(at, outcome, keeper)?;
        }
        let mut missing: Vec<usize> =
            (0..).zip(&self.outcomes).filter(|(_, outcome)| outcome.is_none()).map(|(at, _)| at).collect();
        let (deadline, mut waiting) = (Deadline::of(command.job_timeout), Waiting::new(task.progress));
        loop {
            missing.retain(|at| *at < self.limit());
            if missing.is_empty() {
                return Ok(());
            }
            let key = |at: &usize| self.keys.get(*at).copied();
            let is_ours = |at: &usize| key(at).is_none_or(|key| task.flight.begin(&key));
            let (mut ours, mut others): (Vec<usize>, Vec<usize>) = missing.into_iter().partition(is_ours);
            // Another job may have made some of them since the table was read.
            let now = results::root(&task.store.session()?, task.output)?;
            if now != task.table {
                ours = self.find(ours, now, task, keeper)?;
            }
            let keys: Vec<Digest> = ours.iter().filter_map(key).collect();
            let elsewhere = announce(task.store, task.job.id, task.output.id, &keys)?;
            let is_elsewhere = |at: &usize| key(at).is_some_and(|key| elsewhere.contains_key(&key));
            let (left, ours): (Vec<usize>, Vec<usize>) = ours.into_iter().partition(is_elsewhere);
            others.extend(left);
            if !ours.is_empty() {
                waiting.tell(None);
                self.run_these(&ours, task, (command, &deadline), keeper)?;
            } else if !others.is_empty() {
                // Those who make them may wait for what this job has made.
                self.save(task, keeper)?;
                let keys: Vec<Digest> = others.iter().filter_map(key).collect();
                waiting.tell(elsewhere.into_values().min());
                task.flight.wait(&keys, LOOK_EVERY);
                task.check_wanted()?;
            }
            others.sort_unstable();
            missing = others;
        }
    }

    /// Takes in what the table has of these datums, and returns the others.
    fn find(
        &mut self,
        wanted: Vec<usize>,
        table: Option<NodeId>,
        task: &Task<'_>,
        keeper: &Keeper<'_>,
    ) -> Result<Vec<usize>, Error> {
        let mut missing = Vec::new();
        for at in wanted {
            let Some(key) = self.keys.get(at) else { continue };
            match results::find(task.store.objects(), table, key)? {
                Some(outcome) => {
                    task.flight.land([key]);
                    self.take_in(at, outcome, keeper)?;
                }
                None => missing.push(at),
            }
        }
        Ok(missing)
    }

    /// Takes in the result of a datum that was made before, or by another job.
    fn take_in(&mut self, at: usize, outcome: Outcome, keeper: &Keeper<'_>) -> Result<(), Error> {
        if let Some(place) = self.outcomes.get_mut(at) {
            *place = Some(outcome);
        }
        self.book.reused(&*keeper.sink(), at, &outcome)?;
        let paths =
            if self.rule == OnConflict::Error { paths(&*keeper.sink(), outcome.output)? } else { Vec::new() };
        self.notice(&*keeper.sink(), at, paths)
    }

    fn run_these(
        &mut self,
        missing: &[usize],
        task: &Task<'_>,
        (command, deadline): (&Command, &Deadline),
        keeper: &Keeper<'_>,
    ) -> Result<(), Error> {
        let (code, watch) = (declared(task, command)?, Watch::begin());
        let ((view, isolation), live) = (View::of(task, command)?, LiveLogs::begin(task)?);
        self.book.isolated(isolation);
        let common =
            &Common { task, command, code: &code, watch: &watch, keeper, deadline, view, live: &live };
        let (pool, guest) = (Pool::of_process(), &Guest::of(task.job, command.parallelism));
        let next = AtomicUsize::new(0);
        let limit = Arc::clone(&self.limit);
        let plan = self.plan;
        let what = match command.batch {
            Batch::No => "running datums",
            // Who forgets to answer sees what is waited for.
            Batch::Json | Batch::Shell => "running datums, which are answered in $VDS_ANSWER",
        };
        task.progress.begin(what, Amount::Steps(Some(missing.len() as u64)));
        let result = thread::scope(|scope| {
            let (send, receive) = mpsc::channel();
            let at_a_time = command.parallelism.unwrap_or(pool.count());
            for _ in 0..at_a_time.min(missing.len()) {
                let send = send.clone();
                let (next, limit) = (&next, &limit);
                scope.spawn(move || {
                    let mut bench: Option<Bench<'_>> = None;
                    while let Some(at) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let Some(datum) = plan.datums.get(*at) else { break };
                        let is_wanted = || *at < limit.load(Ordering::Relaxed);
                        let Some(_place) = pool.take(guest, is_wanted).filter(|_| is_wanted()) else { break };
                        let _working = deadline.work();
                        attempt::run(common, (*at, datum), &mut bench, &send);
                    }
                    bench.iter_mut().for_each(|bench| bench.rest(common));
                });
            }
            drop(send);
            let collected = self.collect(task, keeper, &receive);
            if collected.is_err() {
                limit.store(0, Ordering::Relaxed);
                watch.stop();
            }
            collected
        });
        task.progress.end();
        result
    }

    /// Takes in what comes of the datums, and saves it about each second.
    fn collect(
        &mut self,
        task: &Task<'_>,
        keeper: &Keeper<'_>,
        results: &mpsc::Receiver<News>,
    ) -> Result<(), Error> {
        let mut saved = Instant::now();
        loop {
            match results.recv_timeout(SAVE_EVERY.saturating_sub(saved.elapsed()).min(LOOK_EVERY)) {
                Ok((at, ended)) => self.ended(task, keeper, at, ended)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            let mut more = 0;
            for (at, ended) in results.try_iter().take(MANY) {
                self.ended(task, keeper, at, ended)?;
                more += 1;
            }
            if more > 0 {
                // They come thick and fast. To be woken for each costs the threads that run them more than it is worth.
                thread::sleep(REST);
            }
            task.check_wanted()?;
            if saved.elapsed() >= SAVE_EVERY {
                self.save(task, keeper)?;
                saved = Instant::now();
            }
        }
    }

    /// Saves what there is of new results, and puts on record how far the job is.
    fn save(&mut self, task: &Task<'_>, keeper: &Keeper<'_>) -> Result<(), Error> {
        if self.book.has_news() {
            let account = self.book.close(&*keeper.sink())?;
            keeper.save(&self.unsaved, Some(&account))?;
            task.flight.land(self.unsaved.iter().map(|(key, _)| key));
            self.unsaved.clear();
        }
        Ok(())
    }

    /// Takes in what became of the datum at `at`.
    fn ended(&mut self, task: &Task<'_>, keeper: &Keeper<'_>, at: usize, ended: Ended) -> Result<(), Error> {
        task.progress.advance(1);
        match ended {
            Ended::Done(done) => {
                self.book.processed(at, &done);
                let Done { outcome, paths, .. } = done;
                if let Some(place) = self.outcomes.get_mut(at) {
                    *place = Some(outcome);
                }
                self.unsaved.extend(self.keys.get(at).map(|key| (*key, outcome)));
                self.notice(&*keeper.sink(), at, paths)?;
            }
            Ended::Recovered(log) => {
                self.book.recovered(at, log);
                self.recovered.insert(at);
            }
            Ended::Failed(failed) => {
                self.book.failed(at, &failed);
                self.failures.insert(at, failed);
            }
        }
        Ok(())
    }

    /// Looks whether the datum at `at` wrote what another has written, where that is a fault.
    fn notice(&mut self, objects: &dyn ObjectRead, at: usize, paths: Vec<Vec<u8>>) -> Result<(), Error> {
        if self.rule != OnConflict::Error {
            return Ok(());
        }
        let others = merge::claimants(objects, self.before, paths.iter().map(Vec::as_slice))?;
        let mut second = usize::MAX;
        for (path, others) in paths.into_iter().zip(others) {
            if others.iter().any(|order| !self.plan.gone.contains(order)) {
                second = second.min(at);
            }
            let first = self.written.entry(path).or_insert(at);
            if *first != at {
                second = second.min((*first).max(at));
                *first = (*first).min(at);
            }
        }
        self.limit.fetch_min(second, Ordering::Relaxed);
        Ok(())
    }
}

/// The paths of an output.
fn paths(objects: &dyn ObjectRead, output: NodeId) -> Result<Vec<Vec<u8>>, Error> {
    let mut paths = Vec::new();
    for file in Cursor::<Entry>::new(objects, output)? {
        paths.push(file?.0);
    }
    Ok(paths)
}
