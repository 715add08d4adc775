//! Moments that come again and again: `0 6 * * 1-5` in a time zone, `@daily`, `@every 10m`.
//!
//! The fields are those of crontab(5), with seconds in front and years behind where they are given; the crate `croner` reads them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::amount::Span;

/// Moments that come again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    zone: Option<Tz>,
    moments: Moments,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Moments {
    /// Those that fit the fields.
    Fields(Box<Cron>),
    /// One after each such time, counted from when counting began.
    Every(Span),
}

impl Schedule {
    /// What the text says, in the time zone; without one, in UTC.
    pub fn new(text: &str, zone: Option<Tz>) -> Result<Self, String> {
        let wrong = |why: String| {
            format!(
                "{text:?} is not a schedule: {why}; expected such as \"0 6 * * 1-5\" (minute, hour, day of the month, month, day of the week), \"@daily\" or \"@every 10m\""
            )
        };
        let moments = match text.trim().strip_prefix("@every ") {
            Some(span) => Moments::Every(span.trim().parse().map_err(wrong)?),
            None => Moments::Fields(Box::new(
                text.parse().map_err(|error: croner::errors::CronError| wrong(plain(&error.to_string())))?,
            )),
        };
        let schedule = Self { text: text.to_owned(), zone, moments };
        // The 30th of February: a schedule without a moment is a mistake.
        schedule.next(Utc::now().timestamp_millis()).ok_or_else(|| wrong("no moment fits it".to_owned()))?;
        Ok(schedule)
    }

    /// The first moment after `time`, both in milliseconds since 1970; `None` where there is none.
    pub fn next(&self, time: i64) -> Option<i64> {
        match &self.moments {
            Moments::Every(span) => time.checked_add(span.milliseconds()),
            Moments::Fields(fields) => {
                let after = DateTime::<Utc>::from_timestamp_millis(time)?;
                let next = match self.zone {
                    None => fields.find_next_occurrence(&after, false).ok()?.timestamp_millis(),
                    Some(zone) => fields
                        .find_next_occurrence(&after.with_timezone(&zone), false)
                        .ok()?
                        .timestamp_millis(),
                };
                Some(next)
            }
        }
    }

    /// The last moment after `time` that is not after `now`, both in milliseconds since 1970; `None` where there is none.
    pub fn last(&self, time: i64, now: i64) -> Option<i64> {
        let last = match &self.moments {
            Moments::Every(span) => {
                let step = span.milliseconds().max(1);
                now.checked_sub(time).and_then(|passed| time.checked_add(passed.div_euclid(step) * step))?
            }
            Moments::Fields(fields) => {
                let now = DateTime::<Utc>::from_timestamp_millis(now)?;
                match self.zone {
                    None => fields.find_previous_occurrence(&now, true).ok()?.timestamp_millis(),
                    Some(zone) => fields
                        .find_previous_occurrence(&now.with_timezone(&zone), true)
                        .ok()?
                        .timestamp_millis(),
                }
            }
        };
        Some(last).filter(|last| *last > time)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.zone.map_or(Ok(()), |zone| write!(f, " {zone}"))
    }
}

/// A schedule as it is written: a text, or a table with a time zone.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a schedule, or a table with `at` and `tz`")]
enum Written {
    Text(String),
    Table(Table),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    at: String,
    tz: String,
}

/// What is wrong with a schedule, without the words around it.
fn plain(message: &str) -> String {
    message.trim_start_matches("Invalid pattern: ").trim_end_matches('.').to_owned()
}

/// The time zone of this name.
pub fn zone(name: &str) -> Result<Tz, String> {
    Tz::from_str(name).map_err(|_| format!("{name:?} is not a time zone; expected such as \"Europe/Berlin\""))
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (text, name) = match Written::deserialize(deserializer)? {
            Written::Text(text) => (text, None),
            Written::Table(Table { at, tz }) => (at, Some(tz)),
        };
        let zone = name.map(|name| zone(&name)).transpose();
        zone.and_then(|zone| Self::new(&text, zone)).map_err(de::Error::custom)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = self.text.clone();
        let written = match self.zone {
            None => Written::Text(at),
            Some(zone) => Written::Table(Table { at, tz: zone.to_string() }),
        };
        written.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, zone: Option<&str>, after: &str, want: &str) {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let schedule = Schedule::new(text, zone.map(|name| super::zone(name).unwrap())).unwrap();
        assert_eq!(schedule.next(time(after)), Some(time(want)), "{text} after {after}");
    }

    #[test]
    fn the_next_moment_is_after_the_time() {
        check("0 6 * * 1-5", None, "2024-05-03T06:00:00Z", "2024-05-06T06:00:00Z");
        check("*/15 * * * *", None, "2024-05-03T06:14:59Z", "2024-05-03T06:15:00Z");
        check("@daily", None, "2024-05-03T00:00:00Z", "2024-05-04T00:00:00Z");
        check("@every 90s", None, "2024-05-03T00:00:00Z", "2024-05-03T00:01:30Z");
        check("30 0 6 * * *", None, "2024-05-03T00:00:00Z", "2024-05-03T06:00:30Z");
        // Sunday is 0 and 7.
        check("0 0 * * 7", None, "2024-05-03T00:00:00Z", "2024-05-05T00:00:00Z");
        // Summer time: 6 o'clock in Berlin is 4 or 5 in UTC.
        check("0 6 * * *", Some("Europe/Berlin"), "2024-03-30T12:00:00Z", "2024-03-31T04:00:00Z");
        check("0 6 * * *", Some("Europe/Berlin"), "2024-03-29T12:00:00Z", "2024-03-30T05:00:00Z");
        // An hour that a clock leaves out does not lose its moment.
        check("30 2 * * *", Some("Europe/Berlin"), "2024-03-30T12:00:00Z", "2024-03-31T01:00:00Z");
    }

    #[test]
    fn the_last_moment_is_one_of_them() {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        for (text, after, now, want) in [
            ("0 6 * * *", "2024-05-01T06:00:00Z", "2024-05-04T05:59:59Z", Some("2024-05-03T06:00:00Z")),
            ("0 6 * * *", "2024-05-01T06:00:00Z", "2024-05-04T06:00:00Z", Some("2024-05-04T06:00:00Z")),
            ("0 6 * * *", "2024-05-01T06:00:00Z", "2024-05-02T05:00:00Z", None),
            ("@every 1h", "2024-05-01T00:30:00Z", "2024-05-01T03:00:00Z", Some("2024-05-01T02:30:00Z")),
            ("@every 1h", "2024-05-01T00:30:00Z", "2024-05-01T01:00:00Z", None),
            ("@every 1h", "2024-05-01T00:30:00Z", "2024-04-01T01:00:00Z", None),
        ] {
            let last = Schedule::new(text, None).unwrap().last(time(after), time(now));
            assert_eq!(last, want.map(time), "{text} {now}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_said() {
        for wrong in [
            "",
            "x",
            "* * * *",
            "61 * * * *",
            "0 0 30 2 *",
            "@every",
            "@every 0s",
            "@sometimes",
            "0 6 * * 1-9",
        ] {
            assert!(Schedule::new(wrong, None).is_err(), "{wrong}");
        }
    }
}
