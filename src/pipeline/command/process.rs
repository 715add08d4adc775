//! One program, run to its end.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::datum::Datum;
use super::log::Log;
use super::room::Room;
use super::watch::Watch;
use crate::pipeline::spec::{Command, variable};
use crate::pipeline::task::Task;

/// The shortest and the longest pause between two looks at a process.
const SHORTEST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How often a start is tried again while the program's file is still open for writing. Another thread that starts a program
/// at the same moment may hold it open for an instant.
const STARTS: u32 = 50;

/// The variables that a program gets from the environment of vds.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "USER", "TZ"];

/// Runs the program on the datum: what it printed, and why it did not succeed if it did not.
pub(super) fn execute(
    task: &Task<'_>,
    command: &Command,
    datum: &Datum,
    room: &Room,
    watch: &Watch,
) -> (Vec<u8>, Result<(), String>) {
    let mut process = match prepare(task, command, datum, room) {
        Ok(process) => process,
        Err(reason) => return (Vec::new(), Err(reason)),
    };
    let program = command.argv.first().map(String::as_str).unwrap_or_default();
    let started = io::pipe().and_then(|(reader, writer)| {
        process.stdout(writer.try_clone()?).stderr(writer);
        let child = start(&mut process)?;
        Ok((child, Log::of(reader)))
    });
    // The log ends when all who hold its other end have gone; `process` is one of them.
    drop(process);
    let (child, log) = match started {
        Ok(started) => started,
        Err(error) => return (Vec::new(), Err(not_started(program, &error))),
    };
    let status = wait(child, command.timeout, &log, watch);
    let result = status.and_then(|status| match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(format!("{program:?} ended with exit code {code}")),
        (None, Some(signal)) => Err(format!("{program:?} was ended by signal {signal}")),
        (None, None) => Err(format!("{program:?} ended in an unknown way")),
    });
    (log.finish(), result)
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

fn prepare(task: &Task<'_>, command: &Command, datum: &Datum, room: &Room) -> Result<Process, String> {
    let (program, arguments) = command.argv.split_first().ok_or("the command is empty")?;
    let mut process = Process::new(program);
    process.args(arguments).current_dir(room.path("code")).stdin(Stdio::null()).process_group(0);
    process.env_clear();
    for name in PASSED_ON {
        process.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    for part in &datum.parts {
        let name = variable(&part.input);
        let Some(input) = task.inputs.iter().find(|input| input.name == part.input) else { continue };
        process.env(format!("VDS_IN_{name}"), room.path("in").join(&part.input));
        process.env(format!("VDS_UNIT_{name}"), &part.unit);
        process.env(format!("VDS_REPO_{name}"), &input.repo);
        process.env(format!("VDS_COMMIT_{name}"), input.commit.to_string());
        process.env(format!("VDS_BRANCH_{name}"), &input.branch);
    }
    process.env("VDS_IN", room.path("in")).env("VDS_OUT", room.path("out")).env("TMPDIR", room.path("tmp"));
    process.env("VDS_DATUM", &datum.name);
    process.env("VDS_JOB", task.job.id.to_string()).env("VDS_RUN", task.job.run.to_string());
    process.env("VDS_REPO", task.output.name.as_str()).env("VDS_BRANCH", &task.job.branch);
    process.env("VDS_PIPELINE", &task.job.pipeline).env("VDS_STAGE", &task.job.stage);
    process.envs(&command.env);
    Ok(process)
}

fn start(process: &mut Process) -> io::Result<Child> {
    for _ in 0..STARTS {
        match process.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(LONGEST_PAUSE),
            other => return other,
        }
    }
    process.spawn()
}

/// Waits for the process; when its time is up, its whole group is killed. Whatever it left running goes too.
fn wait(mut child: Child, timeout: Option<Duration>, log: &Log, watch: &Watch) -> Result<ExitStatus, String> {
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
            Err(error) => break Err(format!("cannot wait for the process: {error}")),
        }
        if let Some(timeout) = timeout.filter(|timeout| begun.elapsed() >= *timeout) {
            kill();
            let _ = child.wait();
            break Err(format!("it took longer than {} s", timeout.as_secs()));
        }
        // A program that ends closes its output, so its end is seen at once.
        pause = if log.pause(pause) { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
    };
    group.iter().for_each(|group| watch.remove(*group));
    result
}
