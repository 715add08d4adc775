//! The parameters of `measure`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::super::decimal;
use super::super::sums::Scale;
use super::window::Candidate;
use crate::tick::{Columns, Delimiter, Filter, Format, Header, OnBad, Price, Separator, Stamps, Zone};

/// What to estimate, and how ticks are to be read.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Params {
    pub(super) stats: Vec<Stat>,
    pub(super) candidates: Vec<Candidate>,
    /// The tick that estimates are rounded to, in units of `10^-decimals`.
    pub(super) round: Option<i128>,
    pub(super) scale: Scale,
    pub(super) format: Format,
}

/// A statistic of the ticks in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stat {
    /// The price of the last tick.
    Last,
    /// The price of the first tick.
    First,
    /// The mean of the prices.
    Mean,
    /// The middle price.
    Median,
    /// The mean of the prices weighted by size.
    Vwap,
    /// The mean of the prices weighted by how long each stood.
    Twap,
    /// Half way between the highest and the lowest price.
    Midrange,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
}

/// How a window lies about its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// It ends with the bucket.
    End,
    /// It begins with the bucket.
    Start,
    /// Its middle is the beginning of the bucket.
    #[serde(alias = "center")]
    Centre,
}

/// The length of a window, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u32);

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Last => "last",
            Self::First => "first",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Vwap => "vwap",
            Self::Twap => "twap",
            Self::Midrange => "midrange",
            Self::High => "high",
            Self::Low => "low",
        })
    }
}

impl fmt::Display for Align {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "end",
            Self::Start => "start",
            Self::Centre => "centre",
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(60) { write!(f, "{}m", self.0 / 60) } else { write!(f, "{}s", self.0) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a window such as \"30s\", \"5m\" or a number of minutes")]
        enum Written {
            Minutes(u32),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Minutes(minutes) => minutes.to_string(),
            Written::Text(text) => text,
        };
        let read =
            |suffix: &str, seconds: u32| text.strip_suffix(suffix)?.parse::<u32>().ok()?.checked_mul(seconds);
        let seconds =
            read("s", 1).or_else(|| read("m", 60)).or_else(|| read("h", 3600)).or_else(|| read("", 60));
        seconds.filter(|seconds| (1..=86_400).contains(seconds)).map(Self).ok_or_else(|| {
            de::Error::custom(format!(
                "{text:?} is not a window; expected such as \"30s\", \"5m\" or a number of minutes"
            ))
        })
    }
}

/// A number, written as text or as a number.
struct Number(String);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number")]
        enum Written {
            Whole(i64),
            Number(f64),
            Text(String),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Whole(number) => number.to_string(),
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text.trim().to_owned(),
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Raw {
    #[serde(default = "last")]
    stats: Vec<Stat>,
    #[serde(default = "one_minute")]
    windows: Vec<Span>,
    #[serde(default = "end")]
    align: Vec<Align>,
    tick: Option<Number>,
    #[serde(default)]
    round: bool,
    #[serde(default = "nine")]
    decimals: u32,
    #[serde(default)]
    col: Columns,
    time: Option<String>,
    price: Option<String>,
    size: Option<String>,
    bid: Option<String>,
    ask: Option<String>,
    symbol: Option<String>,
    time_format: Option<String>,
    #[serde(default)]
    tz_in: Zone,
    delimiter: Option<Delimiter>,
    #[serde(default)]
    header: Header,
    #[serde(default, rename = "where")]
    filters: Vec<Filter>,
    #[serde(default)]
    decimal: Separator,
    #[serde(default)]
    drop_zero: bool,
    #[serde(default)]
    dedup: bool,
    #[serde(default)]
    on_bad: OnBad,
}

fn last() -> Vec<Stat> {
    vec![Stat::Last]
}
fn one_minute() -> Vec<Span> {
    vec![Span(60)]
}
fn end() -> Vec<Align> {
    vec![Align::End]
}
fn nine() -> u32 {
    9
}

impl TryFrom<Raw> for Params {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        if raw.stats.is_empty() || raw.windows.is_empty() || raw.align.is_empty() {
            return Err("`stats`, `windows` and `align` name at least one each".to_owned());
        }
        if raw.decimals > 12 {
            return Err("`decimals` is at most 12".to_owned());
        }
        let tick = raw.tick.map(|text| {
            let number = decimal::Decimal::parse(&text.0).filter(decimal::Decimal::is_positive);
            let number = number
                .ok_or_else(|| format!("`tick` is {:?}; expected a positive decimal number", text.0))?;
            let places = raw.decimals;
            number
                .exact_units(places)
                .ok_or_else(|| format!("`tick` is {:?}, but `decimals` leaves only {places} places", text.0))
        });
        let tick = tick.transpose()?;
        if raw.round && tick.is_none() {
            return Err("`round` needs a `tick` to round to".to_owned());
        }
        let (price, price_column) = match raw.price.as_deref() {
            Some("bid") => (Price::Bid, None),
            Some("ask") => (Price::Ask, None),
            _ => (Price::Trade, raw.price),
        };
        let columns = Columns {
            time: raw.time.or(raw.col.time),
            price: price_column.or(raw.col.price),
            size: raw.size.or(raw.col.size),
            bid: raw.bid.or(raw.col.bid),
            ask: raw.ask.or(raw.col.ask),
            symbol: raw.symbol.or(raw.col.symbol),
        };
        let format = Format {
            delimiter: raw.delimiter,
            header: raw.header,
            columns,
            price,
            filters: raw.filters,
            decimal: raw.decimal,
            stamps: Stamps { zone: raw.tz_in, format: raw.time_format },
            zero_is_none: raw.drop_zero,
            dedup: raw.dedup,
            on_bad: raw.on_bad,
        };
        let candidates = Candidate::all(&raw.windows, &raw.align);
        let scale = Scale { decimals: raw.decimals, tick };
        let round = tick.filter(|_| raw.round);
        Ok(Self { stats: raw.stats, candidates, round, scale, format })
    }
}

impl Params {
    /// Every estimate's name, in order: `vwap_5m_end`.
    pub(super) fn names(&self) -> Vec<String> {
        let each = |stat: &Stat| {
            let stat = *stat;
            self.candidates.iter().map(move |c| format!("{stat}_{}_{}", c.span, c.align)).collect::<Vec<_>>()
        };
        self.stats.iter().flat_map(each).collect()
    }

    /// Every estimate, in the order of [`Self::names`].
    pub(super) fn estimates(&self) -> Vec<(Stat, Candidate)> {
        let each = |stat: &Stat| {
            let stat = *stat;
            self.candidates.iter().map(move |candidate| (stat, *candidate)).collect::<Vec<_>>()
        };
        self.stats.iter().flat_map(each).collect()
    }
}
