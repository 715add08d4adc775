//! When it is time for a commit. Deciding only.

use std::time::{Duration, Instant};

/// When what has arrived is committed.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Once no file has changed for so long.
    pub quiet_for: Duration,
    /// At the latest so long after the first change.
    pub at_most: Duration,
    /// At the latest when so many files have changed.
    pub batch: Option<u64>,
}

/// What has changed since it was last looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) first: Instant,
    pub(super) last: Instant,
    /// How many files, as far as that is known.
    pub(super) files: u64,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing has changed.
    Rest,
    /// To wait for so long, or until something changes.
    Wait(Duration),
    /// To look, and to commit.
    Look,
}

impl Pace {
    pub(super) fn next(&self, changes: Option<Changes>, now: Instant) -> Next {
        let Some(Changes { first, last, files }) = changes else { return Next::Rest };
        if self.batch.is_some_and(|batch| files >= batch) {
            return Next::Look;
        }
        let quiet = self.quiet_for.saturating_sub(now.saturating_duration_since(last));
        let latest = self.at_most.saturating_sub(now.saturating_duration_since(first));
        let wait = quiet.min(latest);
        if wait.is_zero() { Next::Look } else { Next::Wait(wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quiet_or_late_or_much_is_committed() {
        let pace = Pace { quiet_for: secs(2), at_most: secs(10), batch: Some(5) };
        let start = Instant::now();
        // The first change, the last, how many files, and when it is asked, in seconds.
        for (first, last, files, now, want) in [
            (0, 0, 1, 0, Next::Wait(secs(2))),
            (0, 0, 1, 1, Next::Wait(secs(1))),
            (0, 0, 1, 2, Next::Look),
            (0, 1, 4, 2, Next::Wait(secs(1))),
            (0, 9, 4, 9, Next::Wait(secs(1))),
            (0, 10, 4, 10, Next::Look),
            (0, 0, 5, 0, Next::Look),
            (3, 3, 1, 2, Next::Wait(secs(2))),
        ] {
            let changes = Changes { first: start + secs(first), last: start + secs(last), files };
            assert_eq!(pace.next(Some(changes), start + secs(now)), want, "{first} {last} {files} {now}");
        }
        assert_eq!(pace.next(None, start), Next::Rest);
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }
}
