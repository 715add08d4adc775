//! Waiting for one of several things at once.

use std::os::fd::BorrowedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::run::Besides;

/// How long a program may go on that is not wanted any more, or has brought others to a halt.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What there is after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// There is something to read, or an end to be seen, at these.
    For([bool; 3]),
    /// Nothing, until the time was up.
    InVain,
}

/// Waits until one of the first two can be read, or has come to its end, or the third is ready; until `until` at most.
pub(super) fn wait_for(
    first: Option<BorrowedFd<'_>>,
    second: Option<BorrowedFd<'_>>,
    third: Option<Besides<'_>>,
    until: Option<Instant>,
) -> Waited {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let read = |fd| (fd, PollFlags::IN);
    let third = third.map(|third| match third {
        Besides::Read(fd) => (fd, PollFlags::IN),
        Besides::Write(fd) => (fd, PollFlags::OUT),
    });
    let wanted = [first.map(read), second.map(read), third];
    let mut polled: Vec<PollFd<'_>> =
        wanted.into_iter().flatten().map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags)).collect();
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    match poll(&mut polled, timeout.as_ref()) {
        Ok(0) => return Waited::InVain,
        Ok(_) => {}
        // A signal, or a shortage that passes.
        Err(_) => thread::sleep(left.unwrap_or_default().min(Duration::from_millis(1))),
    }
    let mut answers = polled.iter().map(|fd| !fd.revents().is_empty());
    Waited::For(wanted.map(|fd| fd.is_some() && answers.next() == Some(true)))
}
