//! Local time in a named zone.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone, Utc};
use serde::{Deserialize, Deserializer, de};

/// A zone of the IANA time zone database, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(chrono_tz::Tz);

impl Default for Zone {
    fn default() -> Self {
        Self(chrono_tz::UTC)
    }
}

impl Zone {
    /// What clocks in the zone show at `seconds` since 1970 in UTC.
    pub fn local(&self, seconds: i64) -> Option<NaiveDateTime> {
        Some(DateTime::<Utc>::from_timestamp(seconds, 0)?.with_timezone(&self.0).naive_local())
    }

    /// When clocks in the zone show `local`, in seconds since 1970: never, once or twice, the earlier first.
    pub fn instants(&self, local: NaiveDateTime) -> Vec<i64> {
        match self.0.from_local_datetime(&local) {
            LocalResult::None => Vec::new(),
            LocalResult::Single(time) => vec![time.timestamp()],
            LocalResult::Ambiguous(a, b) => {
                let (a, b) = (a.timestamp(), b.timestamp());
                vec![a.min(b), a.max(b)]
            }
        }
    }

    /// When clocks first show `local`.
    pub fn instant(&self, local: NaiveDateTime) -> Option<i64> {
        self.instants(local).first().copied()
    }

    /// Whether the zone is UTC, where nothing needs to be looked up.
    pub fn is_utc(&self) -> bool {
        self.0 == chrono_tz::UTC
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let unknown = |_| {
            format!("{name:?} is not a time zone; expected an IANA name such as \"Europe/Berlin\" or \"UTC\"")
        };
        name.parse().map(Self).map_err(unknown)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
