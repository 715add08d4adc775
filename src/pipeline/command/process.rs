//! One program, run to its end.

use std::io;
use std::process::{Command as Process, Stdio};

use super::datum::Datum;
use super::room::Room;
use crate::pipeline::spec::{Command, Role, variable};
use crate::pipeline::task::Task;
use crate::program::{self, Failure, Ran, Watch};

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
    let process = match prepare(task, command, datum, room) {
        Ok(process) => process,
        Err(reason) => return (Vec::new(), Err(reason)),
    };
    let program = command.argv.first().map(String::as_str).unwrap_or_default();
    let Ran { printed, code } = program::run(process, command.timeout, watch);
    let result = match code {
        Ok(0) => Ok(()),
        Ok(code) => Err(format!("{program:?} ended with exit code {code}")),
        Err(Failure::NotStarted(error)) => Err(not_started(program, &error)),
        Err(Failure::Signalled { signal }) => Err(format!("{program:?} was ended by signal {signal}")),
        Err(Failure::Unknown) => Err(format!("{program:?} ended in an unknown way")),
        Err(failure) => Err(failure.to_string()),
    };
    (printed, result)
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
    process.args(arguments).current_dir(room.path("code")).stdin(Stdio::null());
    process.env_clear();
    for name in PASSED_ON {
        process.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    let leaves = task.stage.input.leaves();
    for part in &datum.parts {
        let name = variable(&part.input);
        let Some(input) = task.inputs.iter().find(|input| input.name == part.input) else { continue };
        process.env(format!("VDS_IN_{name}"), room.path("in").join(&part.input));
        process.env(format!("VDS_UNIT_{name}"), part.units.join("\n"));
        let role = leaves.iter().find(|leaf| leaf.name == part.input).map(|leaf| &leaf.role);
        if let Some((by, key)) = role.and_then(Role::variable).zip(part.key.as_ref()) {
            process.env(format!("{by}_{name}"), key);
        }
        process.env(format!("VDS_REPO_{name}"), &input.repo);
        process.env(format!("VDS_COMMIT_{name}"), input.commit.to_string());
        process.env(format!("VDS_BRANCH_{name}"), &input.branch);
    }
    process.env("VDS_IN", room.path("in")).env("VDS_OUT", room.path("out")).env("TMPDIR", room.path("tmp"));
    process.env("VDS_DATUM", &datum.name).env("VDS_DATUM_ID", datum.key(&task.code).to_string());
    process.env("VDS_JOB", task.job.id.to_string()).env("VDS_RUN", task.job.run.to_string());
    process.env("VDS_REPO", task.output.name.as_str()).env("VDS_BRANCH", &task.job.branch);
    process.env("VDS_PIPELINE", &task.job.pipeline).env("VDS_STAGE", &task.job.stage);
    process.envs(&command.env);
    Ok(process)
}
