//! The program that shows long answers on a terminal page by page.
//!
//! Standard output is led into it, so that whoever prints need not know. It ends when the person has had enough; what is still
//! printed then finds nobody who reads.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// What is used where the person names nothing: it ends by itself when one page is enough, keeps colours, and leaves the
/// text on the terminal.
const DEFAULT: &str = "less -FRX";

/// Whether a pager is wanted where one can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pager {
    Wanted,
    Unwanted,
}

/// What there was to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    Nothing,
    Pager,
}

/// The pager that runs.
static OPEN: Mutex<Option<Child>> = Mutex::new(None);

/// The command line of the pager, if there is to be one.
fn command() -> Option<String> {
    let named = ["VDS_PAGER", "PAGER"].into_iter().find_map(|name| env::var(name).ok());
    match named {
        Some(command) if command.trim().is_empty() || command.trim() == "cat" => None,
        Some(command) => Some(command),
        None => {
            let program = DEFAULT.split(' ').next().unwrap_or_default();
            let path = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&path).any(|dir| dir.join(program).is_file()).then(|| DEFAULT.to_owned())
        }
    }
}

/// Leads standard output into the pager. Where none can be started, it stays as it is.
pub(super) fn open() {
    let Some(command) = command() else { return };
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if open.is_some() {
        return;
    }
    let spawned = Command::new("sh").arg("-c").arg(command).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else { return };
    if let Some(pipe) = child.stdin.take() {
        let _ = rustix::stdio::dup2_stdout(&pipe);
    }
    *open = Some(child);
}

/// Ends what is led into the pager, and waits until the person has read it. Whoever asks meanwhile waits, too.
pub(super) fn close() -> Closed {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut child) = open.take() else { return Closed::Nothing };
    let _ = io::stdout().flush();
    if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nowhere);
    }
    let _ = child.wait();
    Closed::Pager
}
