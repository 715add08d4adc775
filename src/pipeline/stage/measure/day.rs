//! One day's estimates from one day's ticks.

use std::collections::BTreeMap;

use super::super::decimal;
use super::params::{Params, Stat};
use super::window::MINUTE;
use crate::tick::{Count, OnBad, Read, Tick, read};

/// One minute file, read: its minute of the day, and what was in it.
pub(super) struct Minute {
    pub(super) minute: usize,
    pub(super) read: Read,
}

/// What a day's ticks came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Day {
    /// The estimates: for each bucket and symbol as it is written in the ticks, one text for each candidate, empty
    /// where there is none.
    pub(super) rows: BTreeMap<(usize, String), Vec<String>>,
    /// The symbols that the ticks name; empty for ticks that name none.
    pub(super) symbols: Vec<String>,
    pub(super) count: Count,
    /// Buckets in which some tick had size 0.
    pub(super) zero_sized: Vec<usize>,
}

/// A tick with its place in the local day, in nanoseconds since midnight.
#[derive(Clone, Copy)]
struct Placed {
    at: Option<i64>,
    price: f64,
    size: Option<f64>,
}

/// Reads one file of the day; `Err` says which record is bad when that is to fail.
pub(super) fn read_minute(minute: usize, bytes: &[u8], params: &Params) -> Result<Minute, String> {
    let read = read(bytes, &params.format);
    match read.first_bad {
        Some((record, reason)) if params.format.on_bad == OnBad::Fail => {
            Err(format!("record {record}: {reason}"))
        }
        _ => Ok(Minute { minute, read }),
    }
}

/// Estimates a day from its files, sorted by minute.
pub(super) fn estimate(files: &[Minute], params: &Params) -> Day {
    let mut day = Day::default();
    let mut symbols: BTreeMap<&str, BTreeMap<usize, Vec<Placed>>> = BTreeMap::new();
    for file in files {
        day.count.add(file.read.count);
        for (symbol, ticks) in &file.read.ticks {
            let placed = ticks.iter().map(|tick| place(file.minute, tick)).collect();
            symbols.entry(symbol).or_default().insert(file.minute, placed);
            if ticks.iter().any(|tick| tick.size == Some(0.0)) {
                day.zero_sized.push(file.minute);
            }
        }
    }
    day.symbols = symbols.keys().map(|symbol| (*symbol).to_owned()).collect();
    for (symbol, minutes) in symbols {
        for bucket in 0..1440 {
            let row = row(bucket, &minutes, params);
            if row.iter().any(|text| !text.is_empty()) {
                day.rows.insert((bucket, symbol.to_owned()), row);
            }
        }
    }
    day
}

fn place(minute: usize, tick: &Tick) -> Placed {
    let start = i64::try_from(minute).unwrap_or(0) * MINUTE;
    Placed {
        at: tick.stamp.map(|stamp| start + stamp.rem_euclid(MINUTE)),
        price: tick.price,
        size: tick.size,
    }
}

/// A window with the ticks in it.
type Filled = ((i64, i64), Vec<Placed>);

fn row(bucket: usize, minutes: &BTreeMap<usize, Vec<Placed>>, params: &Params) -> Vec<String> {
    let per_window: Vec<Option<Filled>> = params
        .candidates
        .iter()
        .map(|candidate| {
            let window = candidate.window(bucket)?;
            Some((window, gather(window, minutes)?)).filter(|(_, ticks)| !ticks.is_empty())
        })
        .collect();
    let each = |stat: &Stat| {
        let stat = *stat;
        per_window.iter().map(move |found| {
            let value = found.as_ref().and_then(|(window, ticks)| value(stat, ticks, window.1));
            value.filter(|value| value.is_finite()).map(|value| text(value, params)).unwrap_or_default()
        })
    };
    params.stats.iter().flat_map(each).collect()
}

/// The ticks in a window: whole minutes with all their rows, partly covered ones by stamp. `None` if a partly covered
/// minute has rows without stamps.
fn gather((from, to): (i64, i64), minutes: &BTreeMap<usize, Vec<Placed>>) -> Option<Vec<Placed>> {
    let index = |nanos: i64| usize::try_from(nanos / MINUTE).unwrap_or(0);
    let mut gathered = Vec::new();
    for (minute, ticks) in minutes.range(index(from)..=index(to - 1)) {
        let start = i64::try_from(*minute).unwrap_or(0) * MINUTE;
        if from <= start && start + MINUTE <= to {
            gathered.extend_from_slice(ticks);
            continue;
        }
        for tick in ticks {
            let at = tick.at?;
            if from <= at && at < to {
                gathered.push(*tick);
            }
        }
    }
    Some(gathered)
}

fn value(stat: Stat, ticks: &[Placed], end: i64) -> Option<f64> {
    let prices = || ticks.iter().map(|tick| tick.price);
    let high = || prices().fold(f64::NEG_INFINITY, f64::max);
    let low = || prices().fold(f64::INFINITY, f64::min);
    match stat {
        Stat::Last => ticks.last().map(|tick| tick.price),
        Stat::First => ticks.first().map(|tick| tick.price),
        Stat::Mean => Some(prices().fold(0.0, |sum, price| sum + price) / ticks.len() as f64),
        Stat::Median => median(prices().collect()),
        Stat::Vwap => weighted(
            ticks.iter().filter_map(|tick| Some((tick.price, tick.size.filter(|size| *size > 0.0)?))),
        ),
        Stat::Twap => twap(ticks, end),
        Stat::Midrange => Some(f64::midpoint(high(), low())),
        Stat::High => Some(high()),
        Stat::Low => Some(low()),
    }
}

fn median(mut prices: Vec<f64>) -> Option<f64> {
    prices.sort_by(f64::total_cmp);
    let middle = prices.len() / 2;
    let upper = *prices.get(middle)?;
    if prices.len() % 2 == 1 { Some(upper) } else { Some((prices.get(middle - 1)? + upper) / 2.0) }
}

/// The weighted mean; `None` without any weight.
fn weighted(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = pairs.fold((0.0, 0.0), |(sum, weight), (price, w)| (sum + price * w, weight + w));
    (weight > 0.0).then(|| sum / weight)
}

/// Each price weighted by the time until the next tick, the last one until the end of the window.
fn twap(ticks: &[Placed], end: i64) -> Option<f64> {
    let times: Vec<i64> = ticks.iter().map(|tick| tick.at).collect::<Option<_>>()?;
    let next = times.iter().skip(1).copied().chain([end]);
    let seconds = times.iter().zip(next).map(|(at, next)| (next - at).max(0) as f64 / 1e9);
    weighted(ticks.iter().map(|tick| tick.price).zip(seconds))
}

fn text(value: f64, params: &Params) -> String {
    let value = params.round.map_or(value, |tick| (value / tick).round_ties_even() * tick);
    decimal::fixed(value, params.scale.decimals)
}
