//! One program, run to its end.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::log::Log;
use super::watch::Watch;

/// The shortest and the longest pause between two looks at a process.
const SHORTEST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How often a start is tried again while the program's file is still open for writing. Another thread that starts a program
/// at the same moment may hold it open for an instant.
const STARTS: u32 = 50;

/// Why a program has no exit code.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Failure {
    /// It could not be started.
    #[error("it cannot be started: {0}")]
    NotStarted(io::Error),
    /// The system lost it.
    #[error("cannot wait for the process: {0}")]
    Lost(io::Error),
    /// It was killed because its time was up.
    #[error("it took longer than {} s", .limit.as_secs())]
    TimedOut { limit: Duration },
    /// It was killed because nobody wants it any more.
    #[error("it was stopped")]
    Stopped,
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
pub fn run(mut command: Command, timeout: Option<Duration>, watch: &Watch) -> Ran {
    command.process_group(0);
    let started = io::pipe().and_then(|(reader, writer)| {
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = start(&mut command)?;
        Ok((child, Log::of(reader)))
    });
    // The log ends when all who hold its other end have gone; `command` is one of them.
    drop(command);
    let (child, log) = match started {
        Ok(started) => started,
        Err(error) => return Ran { printed: Vec::new(), code: Err(Failure::NotStarted(error)) },
    };
    let status = wait(child, timeout, &log, watch);
    let code = status.and_then(|status| match (status.code(), status.signal()) {
        (Some(code), _) => Ok(code),
        (None, Some(signal)) => Err(Failure::Signalled { signal }),
        (None, None) => Err(Failure::Unknown),
    });
    Ran { printed: log.finish(), code }
}

fn start(command: &mut Command) -> io::Result<Child> {
    for _ in 0..STARTS {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(LONGEST_PAUSE),
            other => return other,
        }
    }
    command.spawn()
}

fn wait(
    mut child: Child,
    timeout: Option<Duration>,
    log: &Log,
    watch: &Watch,
) -> Result<ExitStatus, Failure> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    group.iter().for_each(|group| watch.add(*group));
    let kill = || group.map(|group| kill_process_group(group, Signal::KILL));
    let begun = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    let result = loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                kill();
                break Ok(status);
            }
            Ok(None) => {}
            Err(error) => break Err(Failure::Lost(error)),
        }
        if watch.is_stopped() {
            kill();
            let _ = child.wait();
            break Err(Failure::Stopped);
        }
        if let Some(limit) = timeout.filter(|limit| begun.elapsed() >= *limit) {
            kill();
            let _ = child.wait();
            break Err(Failure::TimedOut { limit });
        }
        // A program that ends closes its output, so its end is seen at once.
        pause = if log.pause(pause) { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
    };
    group.iter().for_each(|group| watch.remove(*group));
    result
}
