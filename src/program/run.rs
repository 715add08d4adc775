//! Programs while they run.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::launcher::Launcher;
use super::live::Live;
use super::log::Log;
use super::start::{Start, spawn};
use super::wait::{LOOK_EVERY, Waited, wait_for};
use super::watch::Watch;

/// Why a program has no exit code.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Failure {
    /// It could not be started.
    #[error("it cannot be started: {0}")]
    NotStarted(io::Error),
    /// Nothing can be heard of it any more.
    #[error("the process of vds that runs it was killed, perhaps by it ({0})")]
    Lost(io::Error),
    /// It was killed because its time was up.
    #[error("it took longer than {} s", .limit.as_secs())]
    TimedOut { limit: Duration },
    /// It was killed because nobody wants it any more.
    #[error("it was stopped")]
    Stopped,
    /// It was killed because it had brought the launcher to a halt.
    #[error("it stopped the process of vds that runs it")]
    Halted,
    /// A signal ended it.
    #[error("it was ended by signal {signal}")]
    Signalled { signal: i32 },
    /// It ended and does not say how.
    #[error("it ended in an unknown way")]
    Unknown,
}

/// A program that was run.
#[derive(Debug)]
pub struct Ran {
    /// What it printed, on standard output and standard error; of very much, the beginning and the end.
    pub printed: Vec<u8>,
    /// Its exit code.
    pub code: Result<i32, Failure>,
}

/// Runs a program, with its whole group, to its end. When its time is up, it is killed; whatever it left running goes too.
pub fn run(command: Command, timeout: Option<Duration>, watch: &Watch) -> Ran {
    let started = io::pipe().and_then(|(reader, writer)| start_here(command, reader, writer, watch));
    end(started, timeout, None).0
}

/// The same, by the launcher if there is one. What it prints is shown in `live` while it runs.
pub fn run_by(
    launcher: &mut Option<Launcher>,
    start: Start,
    timeout: Option<Duration>,
    watch: &Watch,
    live: Option<&mut Live>,
) -> Ran {
    let started = Running::begin(launcher, start, watch);
    let (ran, free) = end(started, timeout, live);
    if free.is_some() {
        *launcher = free;
    }
    ran
}

fn end(
    started: io::Result<Running<'_>>,
    timeout: Option<Duration>,
    live: Option<&mut Live>,
) -> (Ran, Option<Launcher>) {
    match started {
        Ok(mut running) => {
            let code = match running.wait(timeout, None, live) {
                Ok(Event::Ended(code)) => Ok(code),
                Ok(Event::Ready) => Err(Failure::Unknown),
                Err(failure) => Err(failure),
            };
            let (printed, launcher) = running.finish();
            (Ran { printed, code }, launcher)
        }
        Err(error) => (Ran { printed: Vec::new(), code: Err(Failure::NotStarted(error)) }, None),
    }
}

/// What a program has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It has ended, with this exit code.
    Ended(i32),
    /// What was waited for besides has come about.
    Ready,
}

/// What is waited for besides the end of a program.
#[derive(Debug, Clone, Copy)]
pub enum Besides<'a> {
    /// That this can be read.
    Read(BorrowedFd<'a>),
    /// That this can be written.
    Write(BorrowedFd<'a>),
}

/// A program that runs. It is killed when this is dropped.
pub struct Running<'a> {
    /// Nothing once it has gone.
    process: Option<Process<'a>>,
    log: Option<Log>,
    watch: &'a Watch,
    launcher: Option<Launcher>,
}

enum Process<'a> {
    Child { child: Child, group: Pid, end: Option<OwnedFd>, watch: &'a Watch },
    Launched(Launcher),
}

impl<'a> Running<'a> {
    /// Starts a program, by the launcher if there is one, which serves it from then on.
    pub fn begin(launcher: &mut Option<Launcher>, start: Start, watch: &'a Watch) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let Some(by) = launcher else { return start_here(start.command(), reader, writer, watch) };
        by.start(start, writer)?;
        let process = launcher.take().map(Process::Launched);
        Ok(Self { process, log: Some(Log::of(reader)?), watch, launcher: None })
    }

    /// Waits until it has ended or what is wanted besides has come about. When its time is up, or nobody wants it any more, it is killed.
    /// Until then `live` shows what it prints.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        besides: Option<Besides<'_>>,
        mut live: Option<&mut Live>,
    ) -> Result<Event, Failure> {
        let mut shown = Instant::now();
        let limit = timeout.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
        loop {
            let Some(process) = &mut self.process else { return Err(Failure::Unknown) };
            let now = Instant::now();
            let look = limit.map_or(now + LOOK_EVERY, |(until, _)| until.min(now + LOOK_EVERY));
            let log = self.log.as_ref().and_then(Log::fd);
            let waited = wait_for(log, process.end(), besides, Some(look));
            if let (Waited::For([true, ..]), Some(log)) = (waited, &mut self.log) {
                log.read();
            }
            if let (Some(live), Some(log)) = (&mut live, &self.log)
                && shown.elapsed() >= LOOK_EVERY
            {
                live.show(log.head());
                shown = Instant::now();
            }
            if let Waited::For([_, _, true]) = waited {
                return Ok(Event::Ready);
            }
            if process.may_have_ended(waited) {
                match process.status() {
                    Ok(Some(status)) => {
                        self.gone();
                        return code_of(status).map(Event::Ended);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        self.kill();
                        return Err(Failure::Lost(error));
                    }
                }
            }
            if process.is_halted() {
                self.kill();
                return Err(Failure::Halted);
            }
            if self.watch.is_stopped() {
                self.kill();
                return Err(Failure::Stopped);
            }
            if let Some((_, limit)) = limit.filter(|(until, _)| Instant::now() >= *until) {
                self.kill();
                return Err(Failure::TimedOut { limit });
            }
        }
    }

    /// What it has printed since this was asked last.
    pub fn printed(&mut self) -> Vec<u8> {
        self.log.as_mut().map(Log::take).unwrap_or_default()
    }

    /// What it has printed to its end, to which it is brought if it still runs; and the launcher, which is free again.
    pub fn finish(mut self) -> (Vec<u8>, Option<Launcher>) {
        self.kill();
        (self.log.take().map(Log::finish).unwrap_or_default(), self.launcher.take())
    }

    /// Its process has gone.
    fn gone(&mut self) {
        if let Some(Process::Launched(launcher)) = self.process.take() {
            self.launcher = Some(launcher);
        }
    }

    fn kill(&mut self) {
        self.process.iter_mut().for_each(Process::kill);
        self.gone();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

fn start_here(
    mut command: Command,
    reader: io::PipeReader,
    writer: io::PipeWriter,
    watch: &Watch,
) -> io::Result<Running<'_>> {
    command.stdout(writer.try_clone()?).stderr(writer);
    let child = spawn(&mut command)?;
    // The log ends when all who hold its other end have gone; `command` is one of them.
    drop(command);
    let group = Pid::from_child(&child);
    watch.add(group);
    let process = Some(Process::Child { child, group, end: end_of(group), watch });
    Ok(Running { process, log: Some(Log::of(reader)?), watch, launcher: None })
}

/// What can be read when the process has ended.
#[cfg(target_os = "linux")]
fn end_of(process: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn end_of(_: Pid) -> Option<OwnedFd> {
    None
}

fn code_of(status: ExitStatus) -> Result<i32, Failure> {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ok(code),
        (None, Some(signal)) => Err(Failure::Signalled { signal }),
        (None, None) => Err(Failure::Unknown),
    }
}

impl Process<'_> {
    /// What can be read when it has ended, if there is such.
    fn end(&self) -> Option<BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        match self {
            Self::Child { end, .. } => end.as_ref().map(AsFd::as_fd),
            Self::Launched(launcher) => Some(launcher.end()),
        }
    }

    fn may_have_ended(&self, waited: Waited) -> bool {
        self.end().is_none() || matches!(waited, Waited::For([_, true, _]))
    }

    /// Whether nothing can be heard of it because who runs it has been stopped. That one goes on then.
    fn is_halted(&mut self) -> bool {
        match self {
            Self::Child { .. } => false,
            Self::Launched(launcher) => launcher.is_halted(),
        }
    }

    /// How it ended, if it has. What it left running is killed then.
    fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        match self {
            Self::Child { child, group, watch, .. } => {
                let status = child.try_wait()?;
                if status.is_some() {
                    end_group(*group, watch);
                }
                Ok(status)
            }
            Self::Launched(launcher) => launcher.status().map(Some),
        }
    }

    fn kill(&mut self) {
        match self {
            Self::Child { child, group, watch, .. } => {
                end_group(*group, watch);
                let _ = child.wait();
            }
            Self::Launched(launcher) => launcher.kill(),
        }
    }
}

/// Kills all that is left of a group.
fn end_group(group: Pid, watch: &Watch) {
    let _ = kill_process_group(group, Signal::KILL);
    watch.remove(group);
}
