//! Lengths of time and numbers of bytes, as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time as it is written: `30s`, `10m`, `2h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// The units of time, in seconds, the largest first.
const TIMES: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

impl Span {
    /// The time in milliseconds.
    pub fn milliseconds(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = TIMES.iter().find_map(|(unit, seconds)| {
            let count: u64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count > 0)?;
            Some(Self(Duration::from_secs(count.checked_mul(*seconds)?)))
        });
        span.ok_or_else(|| {
            format!("{text:?} is not a time; expected such as \"30s\", \"10m\", \"2h\" or \"1d\"")
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.as_secs();
        let (unit, seconds) = TIMES.iter().find(|(_, unit)| all.is_multiple_of(*unit)).unwrap_or(&("s", 1));
        write!(f, "{}{unit}", all / seconds)
    }
}

/// A number of bytes as it is written: `500MB`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// The units of sizes, in bytes, the largest first.
const SIZES: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes for people.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = SIZES.iter().find_map(|(unit, bytes)| {
            let count: u64 = text.strip_suffix(unit)?.trim_end().parse().ok().filter(|count| *count > 0)?;
            count.checked_mul(*bytes)
        });
        size.map(Self)
            .ok_or_else(|| format!("{text:?} is not a size; expected a whole number with B, kB, KiB, MB, MiB, GB, GiB, TB or TiB, such as \"500MB\""))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIZES.iter().find(|(_, bytes)| self.0.is_multiple_of(*bytes)) {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for text in ["30s", "10m", "2h", "1d", "61s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["500MB", "2GiB", "1kB", "3TiB", "1536KiB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("120s".parse::<Span>().unwrap().to_string(), "2m");
        for wrong in ["", "5", "0s", "-1m", "1w", "999999999999999999d", "1.5h"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
        for wrong in ["", "5", "0MB", "5 XB", "99999999999TiB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
