//! Windows: which stretch of the day a bucket's estimate looks at.

use super::params::{Align, Span, Stat};

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const DAY: i64 = 1440 * MINUTE;

/// A window's length and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) span: Span,
    pub(super) align: Align,
}

impl Candidate {
    /// Every candidate: windows ascending, aligns as given. A one-minute `start` is its `end` and left out beside it.
    pub(super) fn all(windows: &[Span], aligns: &[Align]) -> Vec<Self> {
        let mut windows = windows.to_vec();
        windows.sort_unstable();
        windows.dedup();
        let mut all = Vec::new();
        for span in windows {
            for &align in aligns {
                let twin = span.0 == 60 && align == Align::Start && aligns.contains(&Align::End);
                let candidate = Self { span, align };
                if !twin && !all.contains(&candidate) {
                    all.push(candidate);
                }
            }
        }
        all
    }

    /// The window of the bucket `minute` (of the day), half open, in nanoseconds since local midnight; `None` if it
    /// reaches over midnight.
    pub(super) fn window(&self, minute: usize) -> Option<(i64, i64)> {
        let bucket = i64::try_from(minute).ok()? * MINUTE;
        let length = i64::from(self.span.0) * SECOND;
        let from = match self.align {
            Align::End => bucket + MINUTE - length,
            Align::Start => bucket,
            Align::Centre => bucket - length / 2,
        };
        (from >= 0 && from + length <= DAY).then_some((from, from + length))
    }
}

/// The instant that an estimate stands for.
pub(super) fn instant(stat: Stat, (from, to): (i64, i64)) -> i64 {
    match stat {
        Stat::Last => to,
        Stat::First => from,
        _ => i64::midpoint(from, to),
    }
}

/// A time of day as `hh:mm:ss`, with a fraction where there is one.
pub(super) fn clock(nanos: i64) -> String {
    let seconds = nanos / SECOND;
    let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match nanos % SECOND {
        0 => text,
        rest => format!("{text}.{}", format!("{rest:09}").trim_end_matches('0')),
    }
}
