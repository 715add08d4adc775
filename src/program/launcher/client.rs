//! The side of vds: a launcher that is told what to start.

use std::fs::{self, File};
use std::io::{self, PipeWriter, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::door::{ARGUMENT, PROGRAM};
use super::talk::{self, Order, Word, hear, order};
use crate::program::run::run_by;
use crate::program::start::Start;
use crate::program::wait::{LOOK_EVERY, Waited, wait_for};
use crate::program::watch::Watch;

/// How long a launcher may take for an answer that it can give at once. One that does not answer was stopped or killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that starts programs. It ends, with all that they left running, when this is dropped or vds is gone.
#[derive(Debug)]
pub struct Launcher {
    process: Child,
    socket: UnixStream,
    inputs: Vec<String>,
    /// The group of the program that runs.
    group: Option<Pid>,
    state: State,
    /// Whether it has been stopped while it started a program, which is not known yet.
    was_stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    /// It has not done as it was told; nothing can be asked of it any more.
    Lost,
}

impl Launcher {
    /// Begins a launcher of programs whose directory is `room`, with `in`, `out`, `tmp` and `code` in it, which they see under
    /// fixed names, where nothing else sees them; or which see what vds sees. `None` if this program cannot be one.
    pub fn begin(room: Option<&Path>) -> io::Result<Option<Self>> {
        let Some(program) = PROGRAM.get().filter(|_| cfg!(target_os = "linux")) else { return Ok(None) };
        let (socket, theirs) = UnixStream::pair()?;
        let mut command = Command::new(program);
        command.arg(ARGUMENT).args(room).current_dir("/").stdin(OwnedFd::from(theirs));
        // A group of its own: it must live through a Ctrl-C that ends vds.
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let process = command.spawn()?;
        drop(command);
        socket.set_read_timeout(Some(PATIENCE))?;
        let new =
            Self { process, socket, inputs: Vec::new(), group: None, state: State::Well, was_stopped: false };
        match hear(&new.socket)? {
            Word::Ready => Ok(Some(new)),
            Word::Unable(reason) => Err(io::Error::other(reason)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Has programs find these of the inputs from now on.
    pub fn show(&mut self, inputs: Vec<String>) {
        self.inputs = inputs;
    }

    /// Whether something can be asked of it.
    pub fn is_well(&self) -> bool {
        self.state == State::Well
    }

    /// Starts a program that prints into `log`. None may run.
    pub(in crate::program) fn start(&mut self, mut start: Start, log: PipeWriter) -> io::Result<()> {
        let stdin = match start.stdin.take() {
            Some(stdin) => stdin,
            None => File::open("/dev/null")?.into(),
        };
        let told = Order { inputs: self.inputs.clone(), start };
        let ordered = order(&self.socket, &told, [log.into(), stdin]);
        let answer = ordered.and_then(|()| self.listen()).and_then(|()| hear(&self.socket));
        match answer {
            Ok(Word::Begun(process)) => {
                self.group = i32::try_from(process).ok().and_then(Pid::from_raw);
                Ok(())
            }
            Ok(Word::NotBegun(number)) => Err(io::Error::from_raw_os_error(number)),
            Ok(Word::Unable(reason)) => Err(self.lost(io::Error::other(reason))),
            Ok(_) => Err(self.lost(io::ErrorKind::InvalidData.into())),
            Err(error) => Err(self.lost(error)),
        }
    }

    /// Waits until it says something. The program that it has just started may have stopped it.
    fn listen(&mut self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while wait_for(Some(self.socket.as_fd()), None, None, Some(Instant::now() + LOOK_EVERY))
            == Waited::InVain
        {
            self.was_stopped |= self.wake();
            if Instant::now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Whether the program has stopped it. It goes on then.
    pub(in crate::program) fn is_halted(&mut self) -> bool {
        let is_stopped = self.wake();
        std::mem::take(&mut self.was_stopped) || is_stopped
    }

    /// What can be read when the program has ended.
    pub(in crate::program) fn end(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// How the program ended. Waits for it.
    pub(in crate::program) fn status(&mut self) -> io::Result<ExitStatus> {
        match hear(&self.socket) {
            Ok(Word::Ended(status)) => {
                self.group = None;
                Ok(ExitStatus::from_raw(status))
            }
            Ok(_) => Err(self.lost(io::ErrorKind::InvalidData.into())),
            Err(error) => Err(self.lost(error)),
        }
    }

    /// Lets it go on if somebody has stopped it, and says whether somebody had.
    fn wake(&self) -> bool {
        let process = Pid::from_child(&self.process);
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let is_stopped = waitid(WaitId::Pid(process), stopped).is_ok_and(|status| status.is_some());
        if is_stopped {
            let _ = kill_process(process, Signal::CONT);
        }
        is_stopped
    }

    /// Kills the program, with all that it started.
    pub(in crate::program) fn kill(&mut self) {
        if talk::kill(&self.socket).is_ok() {
            let _ = self.status();
        }
    }

    /// It is not to be relied on any more: what it started is killed here, as far as it is known.
    fn lost(&mut self, error: io::Error) -> io::Error {
        self.state = State::Lost;
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.kill();
        error
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // It goes when nothing more can come; that it has gone is seen at the socket.
        let _ = self.socket.shutdown(Shutdown::Write);
        self.wake();
        let gone = loop {
            match self.socket.read(&mut [0; 64]) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        if !gone {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Why programs cannot have a view of their own here; nothing if they can. It is tried once, with the help of the directory
/// `room`, which must not be there.
pub fn obstacle(room: &Path) -> Option<&'static str> {
    static TRIED: OnceLock<Option<String>> = OnceLock::new();
    let tried = TRIED.get_or_init(|| {
        let reason = attempt(room).err();
        // It lies in a directory that is swept.
        let _ = fs::remove_dir_all(room);
        reason
    });
    tried.as_deref()
}

fn attempt(room: &Path) -> Result<(), String> {
    for sub in ["in", "out", "tmp", "code"] {
        fs::create_dir_all(room.join(sub)).map_err(|error| error.to_string())?;
    }
    let launcher = Launcher::begin(Some(room)).map_err(|error| error.to_string())?;
    let mut launcher = Some(launcher.ok_or("this program is not vds, or the system is not Linux")?);
    let argv = ["/bin/sh", "-c", ":"].map(str::to_owned).into();
    let start = Start { argv, dir: "/".into(), ..Start::default() };
    let ran = run_by(&mut launcher, start, Some(PATIENCE), &Watch::begin(), None);
    match ran.code {
        Ok(0) => Ok(()),
        Ok(code) => Err(format!("a shell ended with exit code {code}")),
        Err(failure) => Err(failure.to_string()),
    }
}
