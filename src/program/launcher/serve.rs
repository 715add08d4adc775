//! The launcher's side: it does as it is told, until vds is gone.

use std::fs::{self, File};
use std::io::{self, stdin};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, kill_process_group, pidfd_open,
    set_child_subreaper, wait,
};

use super::talk::{Order, Word, is_to_be_killed, say, take};
use super::view::View;
use crate::program::start::spawn;
use crate::program::wait::{Waited, wait_for};

/// How often it is looked whether what a program left running is gone, once it was killed, and how long is waited between.
const LOOKS: u32 = 2000;
const PAUSE: Duration = Duration::from_millis(1);

/// Serves the process at the other end of standard input; true if it could.
pub(super) fn serve(room: Option<&Path>) -> bool {
    let Ok(socket) = stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else { return false };
    let begun =
        adopt_all().map_err(|error| error.to_string()).and_then(|()| room.map(View::build).transpose());
    let view = match begun {
        Ok(view) => view,
        Err(reason) => {
            let _ = say(&socket, &Word::Unable(reason));
            return false;
        }
    };
    let done = say(&socket, &Word::Ready).and_then(|()| obey(&socket, view.as_ref()));
    kill_all();
    done.is_ok()
}

/// What programs leave behind becomes ours, however they did it.
fn adopt_all() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

fn obey(socket: &UnixStream, view: Option<&View>) -> io::Result<()> {
    while let Some((Order { inputs, mut start }, [log, stdin])) = take(socket)? {
        let shown = view.map(|view| view.show(&inputs)).transpose();
        let shown = match shown {
            Ok(shown) => shown,
            Err(reason) => return say(socket, &Word::Unable(reason)),
        };
        start.stdin = Some(stdin);
        let mut command = start.command();
        command.stdout(File::from(log.try_clone()?)).stderr(File::from(log));
        let begun = spawn(&mut command);
        drop(command);
        let word = match begun {
            Ok(child) => {
                let process = Pid::from_child(&child);
                say(socket, &Word::Begun(child.id()))?;
                Word::Ended(see_through(socket, process, child)?.into_raw())
            }
            Err(error) => Word::NotBegun(error.raw_os_error().unwrap_or(0)),
        };
        drop(shown);
        say(socket, &word)?;
    }
    Ok(())
}

/// Waits for the end of a program, with all that it started; kills it when that is wanted.
fn see_through(socket: &UnixStream, process: Pid, mut child: std::process::Child) -> io::Result<ExitStatus> {
    let end = pidfd_open(process, PidfdFlags::empty());
    let kill = || kill_process_group(process, Signal::KILL);
    let Ok(end) = end else {
        let _ = kill();
        let _ = child.wait();
        return Err(io::Error::other("this system cannot wait for processes"));
    };
    let mut asked = true;
    loop {
        let heard = asked.then(|| socket.as_fd());
        let Waited::For([has_ended, is_told, _]) = wait_for(Some(end.as_fd()), heard, None, None) else {
            continue;
        };
        if has_ended {
            break;
        }
        if is_told {
            // Else vds is gone, which is no reason to let it live.
            asked = is_to_be_killed(socket).unwrap_or(false);
            let _ = kill();
        }
    }
    // Its number is still its own.
    let _ = kill();
    let status = child.wait();
    kill_all();
    status
}

/// Kills all children, and theirs, which become ours when their parents are gone.
fn kill_all() {
    for _ in 0..LOOKS {
        match wait(WaitOptions::NOHANG) {
            // There are none.
            Err(_) => return,
            Ok(Some(_)) => {}
            Ok(None) => {
                for child in children() {
                    let _ = kill_process(child, Signal::KILL);
                }
                thread::sleep(PAUSE);
            }
        }
    }
}

fn children() -> impl Iterator<Item = Pid> {
    let list = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let numbers: Vec<i32> = list.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    numbers.into_iter().filter_map(Pid::from_raw)
}
