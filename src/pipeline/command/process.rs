//! One program, run to its end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::attempt::Common;
use super::bench::Bench;
use super::datum::Datum;
use super::pachyderm;
use super::room::{Room, io_error};
use crate::pipeline::error::Error;
use crate::pipeline::spec::{Command, Compat, Isolation, Limits, Role, variable};
use crate::pipeline::task::Task;
use crate::program::{self, Failure, Ran, Start};

/// The variables that a program gets from the environment of vds.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "USER", "TZ"];

/// When a job's datums must have ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Option<Instant>,
    limit: Duration,
}

impl Deadline {
    /// So long from now; never if nothing is said.
    pub(super) fn begin(limit: Option<Duration>) -> Self {
        Self {
            at: limit.and_then(|limit| Instant::now().checked_add(limit)),
            limit: limit.unwrap_or_default(),
        }
    }

    /// Whether the time is up.
    pub(super) fn is_over(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// What is left of `timeout`, or of the time of the job if that is less.
    fn cap(&self, timeout: Option<Duration>) -> Option<Duration> {
        let left = self.at.map(|at| at.saturating_duration_since(Instant::now()));
        timeout.map_or(left, |timeout| Some(left.map_or(timeout, |left| left.min(timeout))))
    }
}

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

/// Calls a program of the stage on the datum.
pub(super) fn execute(common: &Common<'_>, datum: &Datum, bench: &mut Bench, which: Program) -> Called {
    let Common { task, command, view, watch, deadline, .. } = common;
    let argv = match which {
        Program::Own => &command.argv,
        Program::OnError => command.err_cmd.as_ref().unwrap_or(&command.argv),
    };
    if deadline.is_over() {
        let reason = format!("the job took longer than {} s", deadline.limit.as_secs());
        return Called { printed: Vec::new(), result: Err(reason) };
    }
    let start = match prepare(task, command, *view, argv, datum, &bench.room, which) {
        Ok(start) => start,
        Err(reason) => return Called { printed: Vec::new(), result: Err(reason) },
    };
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let Ran { printed, code } =
        program::run_by(bench.starter(datum), start, deadline.cap(command.timeout), watch);
    let is_success = |code| match which {
        Program::Own => command.success.contains(&code),
        Program::OnError => code == 0,
    };
    let result = match code {
        Ok(code) if is_success(code) => Ok(()),
        Ok(code) => Err(format!("{program:?} ended with exit code {code}")),
        Err(Failure::NotStarted(error)) => Err(not_started(program, &error)),
        Err(Failure::Signalled { signal }) => Err(signalled(program, signal, command)),
        Err(Failure::TimedOut { .. }) if deadline.is_over() => {
            Err(format!("the job took longer than {} s", deadline.limit.as_secs()))
        }
        Err(Failure::Unknown) => Err(format!("{program:?} ended in an unknown way")),
        Err(failure) => Err(failure.to_string()),
    };
    Called { printed, result }
}

/// Why a program that a signal ended did not succeed.
fn signalled(program: &str, signal: i32, command: &Command) -> String {
    let Limits { cpu, file_size, .. } = command.limits;
    if let Some(cpu) = cpu.filter(|_| signal == Signal::XCPU.as_raw()) {
        return format!("{program:?} took more than {} s of a processor, its limit", cpu.as_secs());
    }
    if let Some(size) = file_size.filter(|_| signal == Signal::XFSZ.as_raw()) {
        return format!("{program:?} wrote a file of more than {size} bytes, its limit");
    }
    format!("{program:?} was ended by signal {signal}")
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
        _ => error.to_string(),
    };
    format!("cannot start {program:?}: {why}")
}

/// The program with its arguments, under the limits of the stage.
fn limited(argv: &[String], limits: Limits) -> Vec<String> {
    let Limits { memory, cpu, file_size } = limits;
    let limits = [
        memory.map(|bytes| format!("ulimit -v {}", bytes.div_ceil(1024))),
        cpu.map(|time| format!("ulimit -t {}", time.as_secs())),
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
    /// The view of the programs of a stage.
    pub(super) fn of(task: &Task<'_>, command: &Command) -> Result<Self, Error> {
        if command.isolation == Isolation::None {
            return Ok(Self::Shared);
        }
        let tmp = task.store.tmp();
        let room = tmp.path();
        let room = room.map_err(|source| io_error("make a room in", tmp.dir(), source))?;
        match (program::obstacle(&room), command.isolation) {
            (None, _) => Ok(Self::Own),
            (Some(_), Isolation::Auto) => Ok(Self::Shared),
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
    let mut env = passed_on();
    let mut set = |name: &str, value: OsString| drop(env.insert(name.into(), value));
    let place = |sub: &str| view.place(room, sub);
    let leaves = task.stage.input.leaves();
    for part in &datum.parts {
        let name = variable(&part.input);
        let Some(input) = task.inputs.iter().find(|input| input.name == part.input) else { continue };
        set(&format!("VDS_IN_{name}"), place("in").join(&part.input).into());
        set(&format!("VDS_UNIT_{name}"), part.units.join("\n").into());
        let role = leaves.iter().find(|leaf| leaf.name == part.input).map(|leaf| &leaf.role);
        if let Some((by, key)) = role.and_then(Role::variable).zip(part.key.as_ref()) {
            set(&format!("{by}_{name}"), key.into());
        }
        set(&format!("VDS_REPO_{name}"), input.repo.clone().into());
        set(&format!("VDS_COMMIT_{name}"), input.commit.to_string().into());
        set(&format!("VDS_BRANCH_{name}"), input.branch.clone().into());
    }
    for (name, sub) in [("VDS_IN", "in"), ("VDS_OUT", "out"), ("TMPDIR", "tmp")] {
        set(name, place(sub).into());
    }
    set("VDS_DATUM", datum.name.clone().into());
    set("VDS_DATUM_ID", datum.key(&task.code).to_string().into());
    set("VDS_JOB", task.job.id.to_string().into());
    set("VDS_RUN", task.job.run.to_string().into());
    set("VDS_REPO", task.output.name.to_string().into());
    set("VDS_BRANCH", task.job.branch.clone().into());
    set("VDS_PIPELINE", task.job.pipeline.clone().into());
    set("VDS_STAGE", task.job.stage.clone().into());
    if datum.previous.is_some() {
        set("VDS_PREVIOUS", place("previous").into());
        set("VDS_CHANGES", place("changes").into());
    }
    if command.compat == Some(Compat::Pachyderm) {
        let variables = pachyderm::variables(task, view, datum, room);
        env.extend(variables.into_iter().map(|(name, value)| (name.into(), value)));
    }
    env.extend(command.env.iter().map(|(name, value)| (name.into(), value.into())));
    Ok(Start { argv: limited(argv, command.limits), env, dir: place("code"), stdin })
}

/// What a program finds of the environment of vds.
fn passed_on() -> BTreeMap<OsString, OsString> {
    PASSED_ON.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect()
}
