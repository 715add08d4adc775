//! How fast a store grows, told by when its packs were written.
//!
//! Packs never change, so the time at which one was last written is that at which its objects came. It is an estimate: what was collected
//! since is not there to be counted, and a pack that was written anew counts as new.

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// What counts as lately, in milliseconds.
const WEEK: i64 = 7 * DAY;

/// What came lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Growth {
    /// How many bytes came in the last week.
    pub bytes: u64,
    /// How long ago the oldest of all came, in milliseconds.
    age: i64,
}

impl Growth {
    /// Takes a pack of `len` bytes into account that was written at `time`, seen from `now`; both in milliseconds since 1970.
    pub(super) fn add(&mut self, time: i64, len: u64, now: i64) {
        // A clock that was set back makes packs of the future.
        let age = now.saturating_sub(time).max(0);
        self.age = self.age.max(age);
        if age < WEEK {
            self.bytes += len;
        }
    }

    /// How many bytes come in a day. A store of less than a week is judged by its own age, which is taken for a day at least.
    pub fn per_day(self) -> u64 {
        let span = self.age.clamp(DAY, WEEK);
        let grown = u128::from(self.bytes) * u128::from(DAY.unsigned_abs()) / u128::from(span.unsigned_abs());
        u64::try_from(grown).unwrap_or(u64::MAX)
    }

    /// In how many days so many bytes are used up; `None` if nothing comes.
    pub fn days_until(self, bytes: u64) -> Option<u64> {
        bytes.checked_div(self.per_day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `AGE:LEN` for each pack, with the age in days; then how many bytes a day, and in how many days 1,000 bytes are used up.
    #[track_caller]
    fn check(packs: &str, per_day: u64, days: Option<u64>) {
        let mut growth = Growth::default();
        for pack in packs.split_whitespace() {
            let (age, len) = pack.split_once(':').unwrap();
            let age: i64 = age.parse().unwrap();
            growth.add(100 * DAY - age * DAY, len.parse().unwrap(), 100 * DAY);
        }
        assert_eq!((growth.per_day(), growth.days_until(1000)), (per_day, days), "{packs}");
    }

    #[test]
    fn the_last_week_counts_or_as_much_of_it_as_the_store_is_old() {
        check("", 0, None);
        check("0:50", 50, Some(20));
        check("2:50 0:50", 50, Some(20));
        check("30:9999 6:500 1:200", 100, Some(10));
        check("7:700", 0, None);
        check("-3:70", 70, Some(14));
        check("0:5000", 5000, Some(0));
    }
}
