//! One day's estimates from one day's ticks.

use std::collections::{BTreeMap, BTreeSet};

use super::super::decimal;
use super::params::{Params, Stat};
use super::window::MINUTE;
use crate::tick::{Count, OnBad, Read, Stamp, Tick, read};

/// One minute file, read: its minute of the day, and what was in it.
pub(super) struct Minute {
    pub(super) minute: usize,
    pub(super) read: Read,
}

/// What a day's ticks came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Day {
    /// The estimates: for each bucket and symbol, one text for each candidate, empty where there is none.
    pub(super) rows: BTreeMap<(usize, String), Vec<String>>,
    /// The symbols as the ticks name them; the empty one stands for ticks that name none.
    pub(super) symbols: BTreeSet<String>,
    pub(super) count: Count,
    /// The minute and number of the first bad record, and what is wrong with it.
    pub(super) first_bad: Option<(usize, usize, &'static str)>,
    /// Estimates that are the price of one tick, and that tick had size 0 though others had not: bucket, symbol and
    /// number of the candidate.
    pub(super) unsized_ticks: Vec<(usize, String, usize)>,
}

/// A tick with its place in the local day, in nanoseconds since midnight.
#[derive(Clone, Copy)]
struct Placed {
    at: Option<i64>,
    price: f64,
    size: Option<f64>,
}

/// Reads one file of the day, where ticks that name no symbol stand for `unnamed`; `Err` says which record is bad when
/// that is to fail.
pub(super) fn read_minute(
    minute: usize,
    bytes: &[u8],
    params: &Params,
    unnamed: &str,
) -> Result<Minute, String> {
    let read = read(bytes, &params.format, unnamed);
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
        let bad = file.read.first_bad.map(|(record, reason)| (file.minute, record, reason));
        day.first_bad = day.first_bad.or(bad);
        day.symbols.extend(file.read.symbols.iter().cloned());
        for (symbol, ticks) in &file.read.ticks {
            let placed = ticks.iter().map(|tick| place(file.minute, tick)).collect();
            symbols.entry(symbol).or_default().insert(file.minute, placed);
        }
    }
    for (symbol, minutes) in symbols {
        // Where every tick has size 0, as in some feeds, it says nothing.
        let sizes_tell = minutes.values().flatten().any(|tick| tick.size.is_some_and(|size| size > 0.0));
        for bucket in 0..1440 {
            let estimates = row(bucket, &minutes, params);
            if estimates.iter().all(|estimate| estimate.text.is_empty()) {
                continue;
            }
            if sizes_tell {
                let unsized_ticks = estimates.iter().enumerate().filter(|(_, estimate)| estimate.of_unsized);
                day.unsized_ticks
                    .extend(unsized_ticks.map(|(number, _)| (bucket, symbol.to_owned(), number)));
            }
            let texts = estimates.into_iter().map(|estimate| estimate.text).collect();
            day.rows.insert((bucket, symbol.to_owned()), texts);
        }
    }
    day
}

fn place(minute: usize, tick: &Tick) -> Placed {
    let minute = i64::try_from(minute).unwrap_or(0);
    let at = |stamp: Stamp| {
        // The bin says the minute, the stamp the second. A leap second may lie in the bin of the minute that it ends:
        // the minutes of zones differ by quarters of an hour only, so that the minute as written tells.
        let written = stamp.nanos.div_euclid(MINUTE) - 1;
        let ends_the_minute = stamp.leap && (written - minute).rem_euclid(15) == 0;
        (minute + i64::from(ends_the_minute)) * MINUTE + stamp.nanos.rem_euclid(MINUTE)
    };
    Placed { at: tick.stamp.map(at), price: tick.price, size: tick.size }
}

/// One candidate's estimate.
#[derive(Default)]
struct Estimate {
    /// Empty if there is none.
    text: String,
    /// Whether it is the price of one tick, and that has size 0.
    of_unsized: bool,
}

/// A window with the ticks in it.
type Filled = ((i64, i64), Vec<Placed>);

fn row(bucket: usize, minutes: &BTreeMap<usize, Vec<Placed>>, params: &Params) -> Vec<Estimate> {
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
            let Some((window, ticks)) = found else { return Estimate::default() };
            let value = value(stat, ticks, window.1).filter(|value| value.is_finite());
            let Some(value) = value else { return Estimate::default() };
            let tick = match stat {
                Stat::Last => ticks.last(),
                Stat::First => ticks.first(),
                _ => None,
            };
            let of_unsized = tick.is_some_and(|tick| tick.size == Some(0.0));
            Estimate { text: text(value, params), of_unsized }
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
    // In nanoseconds, which floats of a day hold exactly.
    let weights = times.iter().zip(next).map(|(at, next)| (next - at).max(0) as f64);
    weighted(ticks.iter().map(|tick| tick.price).zip(weights))
}

fn text(value: f64, params: &Params) -> String {
    let decimals = params.scale.decimals;
    let fixed = decimal::fixed(value, decimals);
    let rounded = params.round.and_then(|tick| decimal::nearest(decimal::units(&fixed, decimals)?, tick));
    rounded.map_or(fixed, |units| decimal::text(units, decimals))
}
