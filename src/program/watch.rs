//! Programs must not outlive the vds that started them, not even one that was killed.
//!
//! A small shell process reads the groups of running programs from a pipe. The kernel closes the pipe when vds is gone, however
//! it went, and the watch then kills the groups that are left.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

/// Reads `+ GROUP` and `- GROUP`, and kills what is left at the end.
const SCRIPT: &str = r#"
groups=
while read -r sign group; do
  if [ "$sign" = + ]; then
    groups="$groups $group"
  else
    left=
    for other in $groups; do [ "$other" = "$group" ] || left="$left $other"; done
    groups=$left
  fi
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
"#;

/// A watch over programs that are run. When it is dropped, none of them is left.
#[derive(Debug)]
pub struct Watch {
    shell: Option<Child>,
    tell: Mutex<Option<ChildStdin>>,
    stopped: AtomicBool,
}

impl Watch {
    /// Begins to watch. Where there is no shell, programs run all the same.
    pub fn begin() -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: it must live through a Ctrl-C that ends vds.
        let mut shell = command.current_dir("/").process_group(0).spawn();
        if let Err(error) = &shell {
            tracing::debug!(%error, "programs are not watched");
        }
        let tell = shell.as_mut().ok().and_then(|shell| shell.stdin.take());
        Self { shell: shell.ok(), tell: Mutex::new(tell), stopped: AtomicBool::new(false) }
    }

    fn say(&self, sign: char, group: Pid) {
        let mut tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = tell.as_mut() {
            // A watch that was killed watches no more.
            let _ = writeln!(pipe, "{sign} {}", group.as_raw_nonzero());
        }
    }

    /// Has all programs killed that run, and those that would begin.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether no program is to run any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// A program has begun.
    pub(super) fn add(&self, group: Pid) {
        self.say('+', group);
    }

    /// A program has ended, with all that it started.
    pub(super) fn remove(&self, group: Pid) {
        self.say('-', group);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.tell.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(shell) = &mut self.shell {
            // A program may have stopped it.
            let _ = kill_process(Pid::from_child(shell), Signal::CONT);
            let _ = shell.wait();
        }
    }
}
