//! A program run call by call. Every call with which it, or a program that it starts, changes files is recorded, made to fail, or the last
//! that it makes. Whatever way it takes into the kernel: libc, or without it as rustix does, or from within sled.
//!
//! This is `ptrace(2)`, so Linux only, on processors whose registers are known; elsewhere nothing can be tested so, and that is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]
#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

pub mod calls;
mod registers;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::libc::ENOSPC;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use calls::{Change, Scope};
use registers::Registers;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not made, and ends with this error.
    Error(i32),
    /// It is not made: the program is killed.
    Kill,
    /// It is not made if it needs room on the disk, of which there is none.
    Full,
}

/// What goes wrong with which call: counted from 0, and up to which one.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub fault: Fault,
    pub from: usize,
    pub to: usize,
}

/// A call that was made, or was not.
#[derive(Debug, Clone)]
pub struct Call {
    pub change: Change,
    /// What was made when it began: so much of the record is what a sync is about.
    pub covers: usize,
    pub is_done: bool,
}

impl Call {
    /// Whether it is one of those that are counted.
    pub fn counts(&self) -> bool {
        !matches!(self.change, Change::Say(_))
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Traced {
    /// How the program ended; `None` if it was killed.
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
    /// The changes in the order in which they were made.
    pub calls: Vec<Call>,
    /// What was changed when something went wrong.
    pub met: Option<String>,
}

/// A call that has begun.
struct Begun {
    registers: Registers,
    change: Option<Change>,
    covers: usize,
    fails: Option<i32>,
}

struct Tracer<'a> {
    scope: Scope<'a>,
    plan: Option<Plan>,
    main: Pid,
    /// The threads, each with the call that it is in.
    threads: HashMap<Pid, Option<Begun>>,
    count: usize,
    calls: Vec<Call>,
    met: Option<String>,
}

/// Whether this can be done here. If not, it is said why.
pub fn is_possible() -> bool {
    let dir = tempfile::tempdir().unwrap();
    if registers::KNOWN && run(&mut Command::new("true"), dir.path(), None, false).is_ok() {
        return true;
    }
    println!("SKIPPED: programs cannot be traced here");
    false
}

/// Runs the program to its end; what it changes below `root` counts. The record has what was written if `bytes` are wanted.
pub fn run(command: &mut Command, root: &Path, plan: Option<Plan>, bytes: bool) -> io::Result<Traced> {
    let said = tempfile::NamedTempFile::new()?;
    let errors = tempfile::NamedTempFile::new()?;
    command.stdout(said.reopen()?).stderr(errors.reopen()?);
    #[expect(unsafe_code, reason = "there is no other way to be traced from the beginning")]
    // SAFETY: the one call that is made in the child asks for nothing but to be traced.
    unsafe {
        command.pre_exec(|| Ok(ptrace::traceme()?));
    }
    let child = command.spawn()?;
    let main = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let root = root.canonicalize()?;
    let mut tracer = Tracer {
        scope: Scope { root: &root, bytes, said: said.path() },
        plan,
        main,
        threads: HashMap::from([(main, None)]),
        count: 0,
        calls: Vec::new(),
        met: None,
    };
    let code = tracer.follow()?;
    let text = |file: &tempfile::NamedTempFile| {
        fs::read(file.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Traced { code, output: text(&said)?, errors: text(&errors)?, calls: tracer.calls, met: tracer.met })
}

impl Tracer<'_> {
    fn follow(&mut self) -> io::Result<Option<i32>> {
        waitpid(self.main, Some(WaitPidFlag::__WALL))?;
        ptrace::setoptions(
            self.main,
            Options::PTRACE_O_TRACESYSGOOD
                | Options::PTRACE_O_TRACECLONE
                | Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACEEXEC
                | Options::PTRACE_O_EXITKILL,
        )?;
        go_on(self.main, None)?;
        let mut code = None;
        loop {
            // Only what this thread has started: other tests run beside it.
            let status = match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)) {
                Err(Errno::ECHILD) => return Ok(code),
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            match status {
                WaitStatus::Exited(thread, status) => {
                    self.threads.remove(&thread);
                    if thread == self.main {
                        code = Some(status);
                    }
                }
                WaitStatus::Signaled(thread, ..) => {
                    self.threads.remove(&thread);
                }
                WaitStatus::PtraceSyscall(thread) => gone_is_fine(self.step(thread))?,
                WaitStatus::Stopped(thread, Signal::SIGSTOP) if !self.threads.contains_key(&thread) => {
                    self.threads.insert(thread, None);
                    go_on(thread, None)?;
                }
                WaitStatus::Stopped(thread, signal) => go_on(thread, Some(signal))?,
                WaitStatus::PtraceEvent(thread, ..) => go_on(thread, None)?,
                _ => {}
            }
        }
    }

    fn step(&mut self, thread: Pid) -> nix::Result<()> {
        match self.threads.insert(thread, None).flatten() {
            None => self.begin(thread)?,
            Some(begun) => self.end(thread, begun)?,
        }
        ptrace::syscall(thread, None)
    }

    fn begin(&mut self, thread: Pid) -> nix::Result<()> {
        let registers = registers::read(thread)?;
        let change = calls::decode(thread, &registers, &self.scope);
        let mut begun = Begun { registers, change, covers: self.calls.len(), fails: None };
        let counts = begun.change.as_ref().filter(|change| !matches!(change, Change::Say(_)));
        if let Some(change) = counts {
            let number = self.count;
            self.count += 1;
            if let Some(plan) = self.plan.filter(|plan| (plan.from..plan.to).contains(&number)) {
                begun.fails = match plan.fault {
                    Fault::Error(error) => Some(error),
                    Fault::Full if change.grows() => Some(ENOSPC),
                    _ => None,
                };
                if begun.fails.is_some() {
                    registers::spoil(thread)?;
                }
                if plan.fault == Fault::Kill {
                    kill(self.main, Signal::SIGKILL)?;
                }
                if plan.fault == Fault::Kill || begun.fails.is_some() {
                    self.met.get_or_insert_with(|| format!("{} {}", change.verb(), change.path().display()));
                }
            }
        }
        self.threads.insert(thread, Some(begun));
        Ok(())
    }

    fn end(&mut self, thread: Pid, begun: Begun) -> nix::Result<()> {
        if let Some(error) = begun.fails {
            registers::fail(thread, &begun.registers, error)?;
        }
        let Some(mut change) = begun.change else { return Ok(()) };
        let result = registers::result(thread)?;
        match &mut change {
            Change::Write(_, _, bytes) => bytes.truncate(usize::try_from(result).unwrap_or(0)),
            Change::Create(place) | Change::MakeDir(place) => place.find(),
            _ => {}
        }
        self.calls.push(Call { change, covers: begun.covers, is_done: result >= 0 });
        Ok(())
    }
}

fn go_on(thread: Pid, signal: Option<Signal>) -> io::Result<()> {
    gone_is_fine(ptrace::syscall(thread, signal))
}

/// A thread that was killed meanwhile is heard of later.
fn gone_is_fine(done: nix::Result<()>) -> io::Result<()> {
    match done {
        Err(Errno::ESRCH) => Ok(()),
        other => Ok(other?),
    }
}
