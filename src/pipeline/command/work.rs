//! Running the datums of a plan, several at once, and deciding when to stop.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::datum::{Datum, Plan, plan};
use super::keeper::Keeper;
use super::merge::{self, Merged};
use super::process::execute;
use super::room::Room;
use crate::content;
use crate::object::{Digest, Entry, FileKind, NodeId, ObjectRead, ObjectWrite, TreePath};
use crate::pipeline::base;
use crate::pipeline::error::Error;
use crate::pipeline::job::Datums;
use crate::pipeline::results::{self, Outcome};
use crate::pipeline::spec::{Command, OnConflict};
use crate::pipeline::task::{Done, Failure, LOOK_EVERY, Task, chain};
use crate::program::Watch;
use crate::progress::Amount;
use crate::tree::{self, Cursor, Raw};

/// How long a finished result may wait before it is saved.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A datum that came to nothing, with what it printed.
struct Failed {
    reason: String,
    log: Option<Entry>,
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { reason: chain(&error.into()), log: None }
    }
}

/// Does the job: everything but the publication. What it wrote is on disk when it returns.
pub(in crate::pipeline) fn work(task: &Task<'_>, command: &Command) -> Result<Done, Failure> {
    let keeper = Keeper::new(task);
    let done = run(task, command, &keeper);
    keeper.flush()?;
    done
}

fn run(task: &Task<'_>, command: &Command, keeper: &Keeper<'_>) -> Result<Done, Failure> {
    let objects: &dyn ObjectRead = task.store.objects();
    let now = base::roots(objects, task.commits())?;
    let empty = tree::empty(&*keeper.sink())?;
    let base = task.base()?;
    let (then, before) = match base {
        Some(base) => (base.inputs, Merged { output: base.output, state: base.state }),
        None => (vec![empty; now.len()], Merged { output: empty, state: empty }),
    };
    let plan = plan(&*keeper.sink(), &task.stage.input, &then, &now)?;
    let keys: Vec<Digest> = plan.datums.iter().map(|datum| datum.key(&task.code)).collect();
    let mut outcomes = Vec::new();
    for key in &keys {
        outcomes.push(results::find(objects, task.table, key)?);
    }
    let reused = outcomes.iter().flatten().count() as u64;
    let mut race = Race::new(&plan, &keys, outcomes, command.on_conflict, before.state);
    let running = race.run(task, command, keeper);
    let counts = Datums { processed: race.processed, reused, failed: race.failures.len() as u64 };
    // What was done is kept, whatever became of the rest.
    let failing = running.is_err() || !race.failures.is_empty() || race.limit() < plan.datums.len();
    if failing && !race.unsaved.is_empty() {
        keeper.save(&race.unsaved)?;
        race.unsaved.clear();
    }
    let failure = |error| Failure { error, datums: counts, logs: None };
    running.map_err(failure)?;
    let logs = race.logs(&*keeper.sink())?;
    let failure = |error| Failure { error, datums: counts, logs };
    if let Some((first, failed)) = race.failures.iter().next().filter(|(at, _)| **at < race.limit()) {
        return Err(failure(tell(&plan, *first, failed, race.failures.len())));
    }
    let outputs: Vec<Option<NodeId>> =
        race.outcomes.iter().map(|outcome| outcome.map(|outcome| outcome.output)).collect();
    let sink = keeper.sink();
    let known = outputs.get(..race.limit().saturating_add(1).min(outputs.len())).unwrap_or_default();
    let finished = merge::finished(&plan, known);
    let merged = merge::merge(&*sink, command.on_conflict, before, &plan.gone, &finished).map_err(failure)?;
    if race.limit() < plan.datums.len() {
        // Not reached: who stopped the others is who the merge refuses.
        let reason = "two datums wrote one path".to_owned();
        return Err(failure(Error::Failed { reason, hint: None }));
    }
    let logs = logs.map_or_else(|| tree::empty(&*sink), Ok)?;
    let all = tree::totals_in::<Raw>(&*sink, merged.state, merge::DATUMS)?.count;
    let counts = Datums { reused: all.saturating_sub(counts.processed), ..counts };
    let outcome = Outcome { output: merged.output, state: merged.state, logs };
    Ok(Done { outcome, datums: counts, results: race.unsaved })
}

/// Why a job failed whose datum at `first` did, and so many in all.
fn tell(plan: &Plan, first: usize, failed: &Failed, all: usize) -> Error {
    let name = plan.datums.get(first).map_or("", |datum| &datum.name);
    let more = match all {
        0 | 1 => String::new(),
        2 => " (and 1 more datum)".to_owned(),
        several => format!(" (and {} more datums)", several - 1),
    };
    Error::Failed { reason: format!("datum {name}: {}{more}", failed.reason), hint: None }
}

/// The datums of a job on their way. They are begun in their order; the first that writes what another wrote, in that order,
/// stops those after it, so that the report is the same every time.
struct Race<'a> {
    plan: &'a Plan,
    keys: &'a [Digest],
    outcomes: Vec<Option<Outcome>>,
    failures: BTreeMap<usize, Failed>,
    processed: u64,
    /// Results that are not yet saved.
    unsaved: Vec<(Digest, Outcome)>,
    rule: OnConflict,
    /// The state that the job started from.
    before: NodeId,
    /// Who wrote each path first, among the datums of the plan.
    written: HashMap<Vec<u8>, usize>,
    /// Datums from here on are not begun.
    limit: Arc<AtomicUsize>,
}

impl<'a> Race<'a> {
    fn new(
        plan: &'a Plan,
        keys: &'a [Digest],
        outcomes: Vec<Option<Outcome>>,
        rule: OnConflict,
        before: NodeId,
    ) -> Self {
        let limit = Arc::new(AtomicUsize::new(plan.datums.len()));
        Self {
            plan,
            keys,
            outcomes,
            failures: BTreeMap::new(),
            processed: 0,
            unsaved: Vec::new(),
            rule,
            before,
            written: HashMap::new(),
            limit,
        }
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    fn run(&mut self, task: &Task<'_>, command: &Command, keeper: &Keeper<'_>) -> Result<(), Error> {
        let known: Vec<(usize, NodeId)> = (0..)
            .zip(&self.outcomes)
            .filter_map(|(at, outcome)| Some((at, outcome.as_ref()?.output)))
            .collect();
        for (at, output) in known {
            self.notice(&*keeper.sink(), at, output)?;
        }
        let missing: Vec<usize> =
            (0..).zip(&self.outcomes).filter(|(_, outcome)| outcome.is_none()).map(|(at, _)| at).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let code = declared(task, command)?;
        let watch = Watch::begin();
        let next = AtomicUsize::new(0);
        let limit = Arc::clone(&self.limit);
        let plan = self.plan;
        task.progress.begin("running datums", Amount::Steps(Some(missing.len() as u64)));
        let result = thread::scope(|scope| {
            let (send, receive) = mpsc::channel();
            for _ in 0..rayon::current_num_threads().min(missing.len()) {
                let send = send.clone();
                let (missing, next, limit, code, watch) = (&missing, &next, &limit, &code, &watch);
                scope.spawn(move || {
                    while let Some(at) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let Some(datum) = plan.datums.get(*at) else { break };
                        if *at >= limit.load(Ordering::Relaxed) {
                            break;
                        }
                        let result = run_one(task, command, datum, code, watch, keeper);
                        if send.send((*at, result)).is_err() {
                            break;
                        }
                    }
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
        results: &mpsc::Receiver<(usize, Result<Outcome, Failed>)>,
    ) -> Result<(), Error> {
        let mut saved = Instant::now();
        loop {
            match results.recv_timeout(SAVE_EVERY.saturating_sub(saved.elapsed()).min(LOOK_EVERY)) {
                Ok((at, Ok(outcome))) => {
                    task.progress.advance(1);
                    self.processed += 1;
                    if let Some(place) = self.outcomes.get_mut(at) {
                        *place = Some(outcome);
                    }
                    self.unsaved.extend(self.keys.get(at).map(|key| (*key, outcome)));
                    self.notice(&*keeper.sink(), at, outcome.output)?;
                }
                Ok((at, Err(failed))) => {
                    task.progress.advance(1);
                    self.failures.insert(at, failed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            task.check_wanted()?;
            if saved.elapsed() >= SAVE_EVERY {
                if !self.unsaved.is_empty() {
                    keeper.save(&self.unsaved)?;
                    self.unsaved.clear();
                }
                saved = Instant::now();
            }
        }
    }

    /// Looks whether the datum at `at` wrote what another has written, where that is a fault.
    fn notice(&mut self, objects: &dyn ObjectRead, at: usize, output: NodeId) -> Result<(), Error> {
        if self.rule != OnConflict::Error {
            return Ok(());
        }
        let mut paths = Vec::new();
        for file in Cursor::<Entry>::new(objects, output)? {
            paths.push(file?.0);
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

    /// The logs of the datums that this job has to do with, those that failed and the others; `None` if there are none.
    fn logs(&self, sink: &dyn ObjectWrite) -> Result<Option<NodeId>, Error> {
        let name = |at: usize| self.plan.datums.get(at).map(|datum| datum.name.clone().into_bytes());
        let failed = self.failures.iter().filter_map(|(at, failed)| Some((name(*at)?, failed.log?)));
        let mut logs: BTreeMap<Vec<u8>, Entry> = failed.collect();
        for outcome in self.outcomes.iter().flatten() {
            for log in Cursor::<Entry>::new(sink, outcome.logs)? {
                let (name, entry) = log?;
                logs.insert(name, entry);
            }
        }
        if logs.is_empty() { Ok(None) } else { Ok(Some(tree::build(sink, logs)?)) }
    }
}

fn run_one(
    task: &Task<'_>,
    command: &Command,
    datum: &Datum,
    code: &[(TreePath, Entry)],
    watch: &Watch,
    keeper: &Keeper<'_>,
) -> Result<Outcome, Failed> {
    let room = Room::make(task.store.objects(), task.store.tmp(), datum, code)?;
    let (mut printed, result) = execute(task, command, datum, &room, watch);
    let sink = keeper.sink();
    let result = result.and_then(|()| store_output(&*sink, &room, &mut printed));
    let kept = content::keep_bytes(&*sink, &printed)?;
    let log = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
    match result {
        Err(reason) => Err(Failed { reason, log: Some(log) }),
        Ok(output) => {
            let logs = tree::build(&*sink, [(datum.name.clone().into_bytes(), log)])?;
            Ok(Outcome { output, state: tree::empty(&*sink)?, logs })
        }
    }
}

/// The tree of what the program wrote; or why it cannot be kept.
fn store_output(sink: &dyn ObjectWrite, room: &Room, printed: &mut Vec<u8>) -> Result<NodeId, String> {
    let result = room.keep_output(sink).map_err(|error| chain(&error));
    if let Err(reason) = &result {
        printed.extend(format!("[vds: {reason}]\n").bytes());
    }
    result
}

fn declared(task: &Task<'_>, command: &Command) -> Result<Vec<(TreePath, Entry)>, Error> {
    let bad = |name: &str| Error::Failed {
        reason: format!("the declared file {name:?} has no legal name"),
        hint: None,
    };
    let mine = task.pipeline.code_of(command);
    mine.map(|(name, entry)| Ok((name.parse().map_err(|_| bad(name))?, *entry))).collect()
}
