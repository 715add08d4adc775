//! One datum, run until it is done, recovered or given up.

use std::sync::mpsc::Sender;

use super::bench::Bench;
use super::datum::Datum;
use super::deadline::Deadline;
use super::keeper::Keeper;
use super::live::LiveLogs;
use super::output::{self, Left};
use super::process::{Called, Program, View, execute};
use crate::content;
use crate::object::{Entry, FileKind, ObjectWrite, TreePath};
use crate::pipeline::error::Error;
use crate::pipeline::results::Outcome;
use crate::pipeline::spec::Command;
use crate::pipeline::task::{Task, chain};
use crate::program::Watch;
use crate::tree;

/// What became of a datum.
pub(super) enum Ended {
    /// It has a result.
    Done(Done),
    /// It has none, and the stage's `err_cmd` says that this is no failure.
    Recovered(Entry),
    /// It came to nothing.
    Failed(Failed),
}

impl Ended {
    /// What became of the datum if its program cannot be believed, for this reason.
    pub(super) fn doubted(self, reason: String) -> Self {
        match self {
            Self::Done(done) => Self::Failed(Failed { reason, log: Some(done.log) }),
            other => other,
        }
    }
}

/// A datum that has a result, with what is to be told of it.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    pub(super) log: Entry,
    /// What it wrote: the paths, and how many bytes.
    pub(super) paths: Vec<Vec<u8>>,
    pub(super) bytes: u64,
}

/// A datum that came to nothing, with what it printed.
pub(super) struct Failed {
    pub(super) reason: String,
    pub(super) log: Option<Entry>,
}

/// What all datums of a job have in common.
pub(super) struct Common<'a> {
    pub(super) task: &'a Task<'a>,
    pub(super) command: &'a Command,
    pub(super) code: &'a [(TreePath, Entry)],
    pub(super) watch: &'a Watch,
    pub(super) keeper: &'a Keeper<'a>,
    pub(super) deadline: &'a Deadline,
    pub(super) view: View,
    pub(super) live: &'a LiveLogs,
}

/// What became of the datum at this place of the plan.
pub(super) type News = (usize, Ended);

/// Runs the datum at `at` on the bench of the one before, if there is one, and leaves it for the next. What became of it is `told` when it
/// counts.
pub(super) fn run<'a>(
    common: &Common<'a>,
    (at, datum): (usize, &Datum),
    free: &mut Option<Bench<'a>>,
    told: &Sender<News>,
) {
    let ended = Bench::lay_out(free, common, datum, told).and_then(|bench| attempt(common, datum, bench));
    let ended = ended.unwrap_or_else(|error| Ended::Failed(Failed { reason: chain(&error), log: None }));
    match free {
        Some(bench) => bench.hold(at, ended),
        // Where nobody listens any more, nobody needs to know.
        None => drop(told.send((at, ended))),
    }
}

fn attempt<'a>(common: &Common<'a>, datum: &Datum, bench: &mut Bench<'a>) -> Result<Ended, Error> {
    let Common { command, keeper, .. } = common;
    let mut printed = Vec::new();
    let mut live = common.live.of(datum);
    let mut result = Err(String::new());
    for number in 1..=command.tries {
        if number > 1 {
            say(&mut printed, &format!("try {number} of {}", command.tries));
            live.settle(&printed);
            bench.clear(common.view)?;
        }
        let Called { printed: more, result: called } = execute(common, datum, bench, Program::Own, &mut live);
        printed.extend(more);
        result = match called {
            Ok(()) => output::keep(&*keeper.sink(), &bench.room, datum).map_err(|error| chain(&error)),
            Err(reason) => Err(reason),
        };
        match &result {
            Ok(_) => break,
            Err(reason) => say(&mut printed, reason),
        }
        if common.deadline.is_over() || common.watch.is_stopped() {
            break;
        }
    }
    let recovered = result.is_err() && command.err_cmd.is_some() && {
        live.settle(&printed);
        let Called { printed: more, result: called } =
            execute(common, datum, bench, Program::OnError, &mut live);
        printed.extend(more);
        if let Err(reason) = &called {
            say(&mut printed, &format!("err_cmd: {reason}"));
        }
        called.is_ok()
    };
    if result.is_err() {
        // It may be that what it has written fills the disk, which the log is to be kept on.
        bench.room.clear()?;
    }
    let sink = keeper.sink();
    let log = keep_log(&*sink, &printed)?;
    Ok(match result {
        Ok(Left { tree: output, paths, bytes }) => {
            let logs = tree::build(&*sink, [(datum.name.clone().into_bytes(), log)])?;
            let outcome = Outcome { output, state: tree::empty(&*sink)?, logs };
            Ended::Done(Done { outcome, log, paths, bytes })
        }
        Err(_) if recovered => Ended::Recovered(log),
        Err(reason) => Ended::Failed(Failed { reason, log: Some(log) }),
    })
}

/// Adds a line of our own to what a program printed.
fn say(printed: &mut Vec<u8>, line: &str) {
    if printed.last().is_some_and(|last| *last != b'\n') {
        printed.push(b'\n');
    }
    printed.extend(format!("[vds: {line}]\n").bytes());
}

fn keep_log(sink: &dyn ObjectWrite, printed: &[u8]) -> Result<Entry, Error> {
    let kept = content::keep_bytes(sink, printed)?;
    Ok(Entry { kind: FileKind::File, blob: kept.blob, size: kept.size })
}

/// The files that belong to the command.
pub(super) fn declared(task: &Task<'_>, command: &Command) -> Result<Vec<(TreePath, Entry)>, Error> {
    let bad = |name: &str| Error::Failed {
        reason: format!("the declared file {name:?} has no legal name"),
        hint: None,
    };
    let mine = task.pipeline.code_of(command);
    mine.map(|(name, entry)| Ok((name.parse().map_err(|_| bad(name))?, *entry))).collect()
}
