//! What is to be started.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often a start is tried again while the program's file is still open for writing. Another thread that starts a program
/// at the same moment may hold it open for an instant.
const STARTS: u32 = 50;

/// How long is waited before it is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// A program that is to be started, with all that it finds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Start {
    /// The program and its arguments. It is looked for on the `PATH` of `env`, if its name has no slash.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The directory that it begins in.
    pub dir: PathBuf,
    /// What it reads on its standard input, if anything.
    #[serde(skip)]
    pub stdin: Option<OwnedFd>,
}

impl Start {
    /// The same, ready to be started by this process.
    pub(super) fn command(self) -> Command {
        let name = self.argv.first().cloned().unwrap_or_default();
        let path = self.env.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        // A program whose place is known is started without a copy of this process, which costs more than most programs.
        let mut command = Command::new(on_path(&name, &path).unwrap_or_else(|| name.clone().into()));
        command.arg0(name).args(self.argv.iter().skip(1)).env_clear().envs(self.env).current_dir(self.dir);
        command.stdin(self.stdin.map_or_else(Stdio::null, Stdio::from));
        command
    }
}

/// Where a program lies that is named without a place.
fn on_path(program: &str, path: &OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return None;
    }
    let can_run = |place: &PathBuf| {
        fs::metadata(place).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(program)).find(can_run)
}

/// Starts it as the first of a group of its own.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    command.process_group(0);
    for _ in 0..STARTS {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(PAUSE),
            other => return other,
        }
    }
    command.spawn()
}
