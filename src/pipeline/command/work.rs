//! The work of a job: what is to be run is planned, run, and put together with what is as it was.

use super::attempt::Failed;
use super::book::Book;
use super::datum::{self, Plan, plan};
use super::keeper::Keeper;
use super::merge::{self, Merged, Run};
use super::previous;
use super::race::Race;
use crate::object::{Digest, ObjectRead, ObjectWrite};
use crate::pipeline::base::{self, Base};
use crate::pipeline::error::Error;
use crate::pipeline::job::Datums;
use crate::pipeline::results::{self, Outcome};
use crate::pipeline::spec::{Command, Memory, Reprocess};
use crate::pipeline::task::{Account, Done, Failure, Task};
use crate::tree::{self, Raw};

/// Does the job: everything but the publication. What it wrote is on disk when it returns.
pub(in crate::pipeline) fn work(task: &Task<'_>, command: &Command) -> Result<Done, Failure> {
    let keeper = Keeper::new(task);
    let done = run(task, command, &keeper);
    keeper.flush()?;
    done
}

/// Why a datum would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There was no such datum.
    New,
    /// It reads something else.
    Changed,
    /// The stage does something else, or cuts its inputs differently.
    Code,
    /// It came to nothing last time, which was no failure.
    Recovered,
    /// All datums of the job run.
    Anew,
}

impl Reason {
    /// The reason in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Code => "code",
            Self::Recovered => "recovered",
            Self::Anew => "anew",
        }
    }
}

/// The datums that the job would run, each with the reason, and how many results it would use that are known.
pub(in crate::pipeline) fn foresee(
    task: &Task<'_>,
    command: &Command,
    sink: &dyn ObjectWrite,
) -> Result<(Vec<(String, Reason)>, u64), Error> {
    let Start { plan, outcomes, before, .. } = start(task, command, sink)?;
    let all = tree::totals_in::<Raw>(sink, before.state, merge::DATUMS)?.count;
    let has_made = task.made_before()?;
    let recovered = merge::recovered(sink, before.state)?;
    let (mut run, mut known) = (Vec::new(), 0);
    for (datum, outcome) in plan.datums.iter().zip(&outcomes) {
        if outcome.is_some() {
            known += 1;
            continue;
        }
        let reason = if task.is_anew() || command.reprocess == Reprocess::EveryJob {
            Reason::Anew
        } else if recovered.contains(&datum.order) {
            Reason::Recovered
        } else if all == 0 && has_made {
            Reason::Code
        } else if plan.gone.contains(&datum.order) {
            Reason::Changed
        } else {
            Reason::New
        };
        run.push((datum.name().to_owned(), reason));
    }
    Ok((run, known + all.saturating_sub(plan.gone.len() as u64)))
}

/// What is to be done, and from where.
struct Start {
    plan: Plan,
    /// What the datums are found by.
    keys: Vec<Digest>,
    /// What is known of them.
    outcomes: Vec<Option<Outcome>>,
    before: Merged,
}

fn start(task: &Task<'_>, command: &Command, sink: &dyn ObjectWrite) -> Result<Start, Error> {
    let objects: &dyn ObjectRead = task.store.objects();
    let now = base::roots(objects, task.commits())?;
    let empty = tree::empty(sink)?;
    let nothing = || Base { inputs: vec![empty; now.len()], output: empty, state: empty };
    let last = task.base()?.unwrap_or_else(nothing);
    // Where all datums run anew, they are planned as if there had been none.
    let runs_anew = task.is_anew() || command.reprocess == Reprocess::EveryJob;
    let base = if runs_anew { nothing() } else { last.clone() };
    let input = &task.stage.input;
    let mut plan = plan(sink, input, &base.inputs, &now)?;
    let recovered = merge::recovered(sink, base.state)?;
    datum::again(sink, input, &now, recovered, &mut plan)?;
    if command.memory == Memory::Output {
        // Who wants all anew wants no more of what was there.
        previous::add(sink, input, if task.is_anew() { &base } else { &last }, &mut plan)?;
    }
    // Only this job finds it again what runs anew, when it is taken up after it was killed.
    let in_job = |datum: &datum::Datum| datum.key_in(&task.code, task.job.id);
    let key = |datum: &datum::Datum| if runs_anew { in_job(datum) } else { datum.key(&task.code) };
    let keys: Vec<Digest> = plan.datums.iter().map(key).collect();
    let outcomes = results::find_each(objects, task.table, &keys)?;
    Ok(Start { plan, keys, outcomes, before: Merged { output: base.output, state: base.state } })
}

fn run(task: &Task<'_>, command: &Command, keeper: &Keeper<'_>) -> Result<Done, Failure> {
    let Start { plan, keys, outcomes, before } = start(task, command, &*keeper.sink())?;
    let book = Book::open(&*keeper.sink(), &plan, &keys)?;
    let mut race = Race::new(&plan, &keys, outcomes, command.on_conflict, before.state, book);
    let running = race.run(task, command, keeper);
    // What was done is kept, whatever became of the rest.
    let failing = running.is_err() || !race.failures.is_empty() || race.limit() < plan.datums.len();
    if failing && !race.unsaved.is_empty() {
        keeper.save(&race.unsaved, None)?;
        race.unsaved.clear();
    }
    let account = race.book.close(&*keeper.sink())?;
    let failure = |error| Failure { error, account: account.clone() };
    running.map_err(failure)?;
    if let Some((first, failed)) = race.failures.iter().next().filter(|(at, _)| **at < race.limit()) {
        return Err(failure(tell(&plan, *first, failed, race.failures.len())));
    }
    let runs: Vec<Option<Run>> = (0..)
        .zip(&race.outcomes)
        .map(|(at, outcome)| match outcome {
            Some(outcome) => Some(Run::Output(outcome.output)),
            None => race.recovered.contains(&at).then_some(Run::Recovered),
        })
        .collect();
    let sink = keeper.sink();
    let known = runs.get(..race.limit().saturating_add(1).min(runs.len())).unwrap_or_default();
    let finished = merge::finished(&plan, known);
    let merged = merge::merge(&*sink, command.on_conflict, before, &plan.gone, &finished).map_err(failure)?;
    if race.limit() < plan.datums.len() {
        // Not reached: who stopped the others is who the merge refuses.
        let reason = "two datums wrote one path".to_owned();
        return Err(failure(Error::Failed { reason, hint: None }));
    }
    let logs = account.logs.map_or_else(|| tree::empty(&*sink), Ok)?;
    let all = tree::totals_in::<Raw>(&*sink, merged.state, merge::DATUMS)?.count;
    let datums = Datums { reused: all.saturating_sub(account.datums.processed), ..account.datums };
    let account = Account { datums, logs: Some(logs), ..account };
    let outcome = Outcome { output: merged.output, state: merged.state, logs };
    let mut results = race.unsaved;
    if task.is_anew() {
        // From now on these are the results that others find.
        let made = plan.datums.iter().zip(&race.outcomes);
        results.extend(made.filter_map(|(datum, outcome)| Some((datum.key(&task.code), (*outcome)?))));
    }
    Ok(Done { outcome, account, results })
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
