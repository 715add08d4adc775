//! Waiting for one of several things at once.

use std::os::fd::BorrowedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What there is after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// There is something to read, or an end to be seen, at these.
    For([bool; 3]),
    /// Nothing, until the time was up.
    InVain,
}

/// Waits until one of the descriptors can be read, or has come to its end; until `until` at most.
pub(super) fn wait_for(fds: [Option<BorrowedFd<'_>>; 3], until: Option<Instant>) -> Waited {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    match poll(&mut polled, timeout.as_ref()) {
        Ok(0) => return Waited::InVain,
        Ok(_) => {}
        // A signal, or a shortage that passes.
        Err(_) => thread::sleep(left.unwrap_or_default().min(Duration::from_millis(1))),
    }
    let mut answers = polled.iter().map(|fd| !fd.revents().is_empty());
    Waited::For(fds.map(|fd| fd.is_some() && answers.next() == Some(true)))
}
