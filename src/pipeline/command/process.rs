//! One program, run to its end.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::attempt::Common;
use super::batch::{self, Answer, TWICE, Told, Turn, Worker};
use super::bench::Bench;
use super::datum::Datum;
use super::environment;
use super::lazy::Lazy;
use super::room::Room;
use crate::pipeline::error::Error;
use crate::pipeline::job;
use crate::pipeline::spec::{Batch, Command, Isolation, Limits};
use crate::pipeline::task::{Task, chain};
use crate::program::{self, Failure, Live, Ran, Start};

/// Which of a stage's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// The one that does the work.
    Own,
    /// The one that is asked when that has failed.
    OnError,
}

/// A program that was called.
pub(super) struct Called {
    /// What it printed.
    pub(super) printed: Vec<u8>,
    /// Why it did not succeed, if it did not.
    pub(super) result: Result<(), String>,
}

/// Calls a program of the stage on the datum, while `live` shows what it prints.
pub(super) fn execute<'a>(
    common: &Common<'a>,
    datum: &Datum,
    bench: &mut Bench<'a>,
    which: Program,
    live: &mut Live,
) -> Called {
    let Common { task, command, view, deadline, .. } = common;
    if let Err(reason) = deadline.check() {
        return Called { printed: Vec::new(), result: Err(reason) };
    }
    if which == Program::Own && command.batch != Batch::No {
        return ask(common, datum, bench, live);
    }
    bench.rest(common);
    let argv = match which {
        Program::Own => &command.argv,
        Program::OnError => command.err_cmd.as_ref().unwrap_or(&command.argv),
    };
    let start = match prepare(task, command, *view, argv, datum, &bench.room, which) {
        Ok(start) => start,
        Err(reason) => return Called { printed: Vec::new(), result: Err(reason) },
    };
    if let Some(launcher) = &mut bench.launcher {
        launcher.show(datum.parts.iter().map(|part| part.input.clone()).collect());
    }
    let limit = deadline.cap(command.timeout);
    let lazy = Lazy::of(&bench.room, datum);
    let run = || program::run_by(&mut bench.launcher, start, limit, common.watch, Some(live));
    let (Ran { printed, code }, fed) = lazy.beside(task.store.objects(), run);
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let is_success = |code| match which {
        Program::Own => command.success.contains(&code),
        Program::OnError => code == 0,
    };
    let result = match code {
        Ok(code) if is_success(code) => fed,
        // A shell says so that a signal ended what it called.
        Ok(code) => Err(at_limit(program, code - SHELL_SIGNAL, command)
            .unwrap_or_else(|| format!("{program:?} ended with exit code {code}"))),
        Err(failure) => Err(told_of(&failure, program, common)),
    };
    Called { printed, result }
}

/// Asks the program that works on one datum after another, which is started if it does not run.
fn ask<'a>(common: &Common<'a>, datum: &Datum, bench: &mut Bench<'a>, live: &mut Live) -> Called {
    let Common { task, command, view, deadline, .. } = common;
    let program = command.program();
    let line = batch::line(command.batch, &environment::own(task, command, *view, datum, &bench.room));
    let mut worker = match come_round(common, bench, &line, live) {
        Ok(worker) => worker,
        Err(called) => return called,
    };
    let id = datum.key(&task.code).to_string();
    let told = Told { line: &line, id: &id };
    let ask = || worker.ask(&told, deadline.cap(command.timeout), live);
    let (answer, fed) = Lazy::of(&bench.room, datum).beside(task.store.objects(), ask);
    let result = match &answer {
        Ok(Answer::Done) => fed,
        Ok(Answer::Failed(reason)) if reason.is_empty() => Err(format!("{program:?} failed")),
        Ok(Answer::Failed(reason)) => Err(format!("{program:?} failed: {reason}")),
        Ok(Answer::Ended(code)) => Err(unanswered(program, *code)),
        Ok(Answer::Unclear(answer)) => {
            Err(format!("{program:?} answered {answer:?}; expected \"ok\" or \"failed REASON\""))
        }
        Ok(Answer::Other) => Err(format!("{program:?} answered for another datum")),
        Err(failure @ Failure::TimedOut { .. }) => {
            Err(format!("{}; nothing came from $VDS_ANSWER", told_of(failure, program, common)))
        }
        Err(failure) => Err(told_of(failure, program, common)),
    };
    if matches!(answer, Ok(Answer::Done | Answer::Failed(_))) {
        let printed = worker.printed();
        bench.worker = Some(worker);
        return Called { printed, result };
    }
    let (printed, launcher) = worker.kill();
    bench.launcher = launcher;
    Called { printed, result }
}

/// The program when it reads on, at the beginning of `line`, with which the datum before is over. One that cannot be believed is killed,
/// and another takes its place.
fn come_round<'a>(
    common: &Common<'a>,
    bench: &mut Bench<'a>,
    line: &[u8],
    live: &mut Live,
) -> Result<Worker<'a>, Called> {
    let Common { command, deadline, view, .. } = common;
    let program = command.program();
    let failed = |printed, reason| Called { printed, result: Err(reason) };
    loop {
        let (mut worker, is_new) = match bench.worker.take() {
            Some(worker) => (worker, false),
            None => (begin(common, bench).map_err(|reason| failed(Vec::new(), reason))?, true),
        };
        let turn = worker.turn(line, deadline.cap(command.timeout), live);
        let (is_over, reason) = match turn {
            Ok(Turn::ReadsOn) => {
                bench.settle(None);
                return Ok(worker);
            }
            Ok(Turn::Ended(code)) => (true, unanswered(program, code)),
            Ok(Turn::Surplus) if is_new => (true, format!("{program:?} answered before it was asked")),
            Ok(Turn::Surplus) => (false, format!("{program:?} {TWICE}")),
            Err(failure) => (is_new, told_of(&failure, program, common)),
        };
        let (printed, launcher) = worker.kill();
        bench.launcher = launcher;
        if is_over {
            bench.settle(None);
            return Err(failed(printed, reason));
        }
        bench.settle(Some(reason));
        bench.engage(*view).map_err(|error| failed(Vec::new(), chain(&error)))?;
    }
}

fn begin<'a>(common: &Common<'a>, bench: &mut Bench<'a>) -> Result<Worker<'a>, String> {
    let Common { task, command, view, watch, .. } = common;
    let place = |name: &str| view.place(&bench.room, name);
    let mut env = environment::common(task, command, *view, &bench.room);
    env.insert("VDS_ANSWER".into(), place("answer").into());
    let start = Start { argv: limited(&command.argv, command.limits), env, dir: place("code"), stdin: None };
    if let Some(launcher) = &mut bench.launcher {
        launcher.show(bench.room.always().to_vec());
    }
    Worker::begin(&mut bench.launcher, start, &bench.room.path("answer"), watch)
        .map_err(|error| not_started(command.program(), &error))
}

fn unanswered(program: &str, code: i32) -> String {
    format!("{program:?} ended with exit code {code} before it answered in $VDS_ANSWER")
}

/// Why a program has no exit code.
fn told_of(failure: &Failure, program: &str, common: &Common<'_>) -> String {
    match failure {
        Failure::NotStarted(error) => not_started(program, error),
        Failure::Signalled { signal } => signalled(program, *signal, common.command),
        Failure::TimedOut { .. } if common.deadline.is_over() => common.deadline.told(),
        Failure::Unknown => format!("{program:?} ended in an unknown way"),
        failure => failure.to_string(),
    }
}

/// A shell adds this to the number of a signal that ended what it called.
const SHELL_SIGNAL: i32 = 128;

/// Why a program that a signal ended did not succeed.
fn signalled(program: &str, signal: i32, command: &Command) -> String {
    at_limit(program, signal, command).unwrap_or_else(|| format!("{program:?} was ended by signal {signal}"))
}

/// Which limit a program reached that this signal ended, if it was one.
fn at_limit(program: &str, signal: i32, command: &Command) -> Option<String> {
    let Limits { cpu, file_size, .. } = command.limits;
    if let Some(cpu) = cpu.filter(|_| signal == Signal::XCPU.as_raw()) {
        return Some(format!("{program:?} took more than {} s of a processor, its limit", cpu.as_secs()));
    }
    if let Some(size) = file_size.filter(|_| signal == Signal::XFSZ.as_raw()) {
        return Some(format!("{program:?} wrote a file of more than {size} bytes, its limit"));
    }
    None
}

fn not_started(program: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') => {
            "there is no such file, or the interpreter that its first line names is missing; \
             a program of your own must be named in `code`"
                .to_owned()
        }
        io::ErrorKind::NotFound => {
            "there is no such program on the PATH; one that is named in `code` is called as \"./NAME\""
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => "it may not be executed; make it executable and run \
             `vds pipeline update`, or call it through its interpreter"
            .to_owned(),
        // It was begun, and is not heard of any more.
        io::ErrorKind::UnexpectedEof => {
            "the process of vds that runs it was killed, perhaps by it".to_owned()
        }
        _ => error.to_string(),
    };
    format!("cannot start {program:?}: {why}")
}

/// The program with its arguments, under the limits of the stage.
fn limited(argv: &[String], limits: Limits) -> Vec<String> {
    let Limits { memory, cpu, file_size } = limits;
    let limits = [
        memory.map(|bytes| format!("ulimit -v {}", bytes.div_ceil(1024))),
        // First it is told, then killed.
        cpu.map(|time| format!("ulimit -S -t {0} && ulimit -H -t {1}", time.as_secs(), time.as_secs() + 1)),
        // In units of 512 bytes, says POSIX.
        file_size.map(|bytes| format!("ulimit -f {}", bytes.div_ceil(512))),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    if limits.is_empty() {
        return argv.to_vec();
    }
    // A shell sets them for itself, and becomes the program.
    let script = format!("{} && exec \"$@\"", limits.join(" && "));
    let shell = ["/bin/sh", "-c", &script, "vds"].map(str::to_owned);
    shell.into_iter().chain(argv.iter().cloned()).collect()
}

/// What a program sees of the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Its directories under fixed names.
    Own,
    /// What vds sees.
    Shared,
}

impl View {
    /// The view of the programs of a stage, as the record of the job tells it too.
    pub(super) fn of(task: &Task<'_>, command: &Command) -> Result<(Self, job::Isolation), Error> {
        if command.isolation == Isolation::None {
            return Ok((Self::Shared, job::Isolation::Unwanted));
        }
        let tmp = task.store.tmp();
        let room = tmp.path();
        let room = room.map_err(|source| Error::io("make a room in", tmp.dir(), source))?;
        match (program::obstacle(&room), command.isolation) {
            (None, _) => Ok((Self::Own, job::Isolation::Namespaces)),
            (Some(reason), Isolation::Auto) => {
                Ok((Self::Shared, job::Isolation::Impossible(reason.to_owned())))
            }
            (Some(reason), _) => Err(Error::Failed {
                reason: format!("programs cannot have a view of the file system of their own here: {reason}"),
                hint: Some(
                    "set isolation = \"auto\", and take the directories from $VDS_IN and $VDS_OUT".to_owned(),
                ),
            }),
        }
    }

    /// The program calls this one of its directories so.
    pub(super) fn place(self, room: &Room, sub: &str) -> PathBuf {
        match (self, sub) {
            (Self::Shared, _) => room.path(sub),
            (Self::Own, "tmp") => PathBuf::from("/tmp"),
            (Self::Own, _) => Path::new(program::ROOM).join(sub),
        }
    }
}

/// What the program reads on its standard input, if anything.
fn stdin(command: &Command, room: &Room, which: Program) -> io::Result<Option<OwnedFd>> {
    if command.stdin.is_empty() || which == Program::OnError {
        return Ok(None);
    }
    let place = room.path("stdin");
    fs::write(&place, &command.stdin)?;
    Ok(Some(File::open(place)?.into()))
}

/// The program with all that it finds, ready to be started.
pub(super) fn prepare(
    task: &Task<'_>,
    command: &Command,
    view: View,
    argv: &[String],
    datum: &Datum,
    room: &Room,
    which: Program,
) -> Result<Start, String> {
    if argv.is_empty() {
        return Err("the command is empty".to_owned());
    }
    let stdin = stdin(command, room, which).map_err(|error| format!("cannot write its input: {error}"))?;
    let mut env = environment::own(task, command, view, datum, room);
    env.extend(environment::common(task, command, view, room));
    Ok(Start { argv: limited(argv, command.limits), env, dir: view.place(room, "code"), stdin })
}
