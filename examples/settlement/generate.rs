//! Makes up thirty trading days of ticks from two sources, and the settlement prices that follow from them.
//!
//! The rule is that of a crude oil future: the volume-weighted price of the trades in the two minutes before 14:30 in
//! New York, rounded to the tick. The days cross the change to summer time in America and in Europe. What is written is the
//! same for the same seed.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::America::New_York;

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Roughly normal, with variance 1: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.below(1 << 20) as f64 / f64::from(1 << 20)).sum::<f64>() - 6.0
    }
}

/// One event of the made-up market.
struct Event {
    at: NaiveDateTime,
    trade: bool,
    /// In hundredths.
    price: i64,
    size: u64,
}

const FIRST_DAY: (i32, u32, u32) = (2024, 3, 4);
/// Good Friday: no trading, no settlement.
const HOLIDAY: (u32, u32) = (3, 29);
/// One day's minute that the second source delivers late.
const LATE: (u32, u32) = (3, 20);

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let out = PathBuf::from(args.next().ok_or("usage: settlement-ticks OUT_DIR [SEED [DAYS]]")?);
    let seed: u64 = args.next().map_or(Ok(7), |text| text.parse())?;
    let days: usize = args.next().map_or(Ok(30), |text| text.parse())?;

    let mut random = Random(seed);
    let mut price = 8000.0;
    let mut truths: Vec<(NaiveDate, i64)> = Vec::new();
    let (year, month, day) = FIRST_DAY;
    let mut date = NaiveDate::from_ymd_opt(year, month, day).ok_or("no such day")?;
    while truths.len() < days {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        if !weekend && (date.month(), date.day()) != HOLIDAY {
            let events = trade_a_day(date, &mut price, &mut random);
            write_day(&out, date, &events, &mut random)?;
            truths.push((date, settle(date, &events)?));
        }
        date = date.checked_add_days(Days::new(1)).ok_or("the calendar ended")?;
    }
    write_truths(&out, &truths)
}

/// The events of a day, 12:00 to 21:00 UTC, in order.
fn trade_a_day(date: NaiveDate, price: &mut f64, random: &mut Random) -> Vec<Event> {
    let start = date.and_hms_opt(12, 0, 0).unwrap_or_default();
    let mut events = Vec::new();
    for minute in 0..540_i64 {
        // Busy in the hours of the opening and the settlement, quiet between them.
        let busy = 3 + random.below(4) + u64::from(matches!(minute / 60, 1 | 6 | 7)) * 3;
        let mut seconds: Vec<u64> = (0..busy).map(|_| random.below(60_000)).collect();
        seconds.sort_unstable();
        for milliseconds in seconds {
            *price += random.normal() * 1.6;
            let at = start + TimeDelta::minutes(minute) + TimeDelta::milliseconds(milliseconds.cast_signed());
            let trade = random.below(3) > 0;
            #[expect(clippy::cast_possible_truncation, reason = "prices are some thousand ticks")]
            events.push(Event { at, trade, price: price.round() as i64, size: 1 + random.below(20) });
        }
    }
    events
}

/// The settlement price in ticks: the rule that is to be found.
fn settle(date: NaiveDate, events: &[Event]) -> Result<i64, Box<dyn Error>> {
    let close = New_York.from_local_datetime(&date.and_hms_opt(14, 30, 0).ok_or("no such time")?).single();
    let close = close.ok_or("an ambiguous close")?.with_timezone(&Utc).naive_utc();
    let open = close - TimeDelta::minutes(2);
    let (mut sum, mut weight) = (0.0, 0.0);
    for event in events.iter().filter(|event| event.trade && event.at >= open && event.at < close) {
        sum += event.price as f64 * event.size as f64;
        weight += event.size as f64;
    }
    #[expect(clippy::cast_possible_truncation, reason = "prices are some thousand ticks")]
    Ok((sum / weight).round_ties_even() as i64)
}

fn decimal(ticks: i64) -> String {
    format!("{}.{:02}", ticks / 100, ticks % 100)
}

/// Writes one day of each source below `OUT/SOURCE/DAY/`, minute by minute; what is late goes below `OUT/late/`.
fn write_day(
    out: &Path,
    date: NaiveDate,
    events: &[Event],
    random: &mut Random,
) -> Result<(), Box<dyn Error>> {
    let mut minutes: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in events {
        minutes.entry(event.at.format("%Y/%m/%d/%H/%M.csv").to_string()).or_default().push(event);
    }
    for (path, events) in &minutes {
        let dirt = random.below(40);
        let late = (date.month(), date.day()) == LATE && path.ends_with("18/29.csv");
        write(&out.join("bbg").join(date.to_string()).join(path), &bloomberg(events, dirt))?;
        let lseg = if late { out.join("late") } else { out.join("lseg").join(date.to_string()) };
        write(&lseg.join(path), &refinitiv(events, dirt))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(path.parent().ok_or("a path without a directory")?)?;
    Ok(fs::write(path, text)?)
}

/// Columns as the Bloomberg API gives them; now and then a row that is no tick.
fn bloomberg(events: &[&Event], dirt: u64) -> String {
    let mut text =
        if dirt == 1 { "\u{feff}time,type,value,size,condcode\n" } else { "time,type,value,size,condcode\n" }
            .to_owned();
    for event in events {
        let (kind, codes) = if event.trade { ("TRADE", "\"TSUM,R6\"") } else { ("BID", "") };
        let at = event.at.format("%Y-%m-%dT%H:%M:%S%.3f");
        text.push_str(&format!("{at},{kind},{},{},{codes}\n", decimal(event.price), event.size));
    }
    match dirt {
        2 => text.push_str("not a time,TRADE,80.00,1,\n"),
        3 => text.push_str("2024-03-04T18:29:30.000,TRADE,NaN,1,\n\n"),
        4 => text.push_str("2024-03-04T18:29:30.000,TRADE\n"),
        _ => {}
    }
    if dirt == 5 { text.replace('\n', "\r\n") } else { text }
}

/// Columns as LSEG Tick History gives them: quotes have no price.
fn refinitiv(events: &[&Event], dirt: u64) -> String {
    let mut text = "#RIC,Domain,Date-Time,GMT Offset,Type,Price,Volume\n".to_owned();
    for event in events {
        let at = event.at.format("%Y-%m-%dT%H:%M:%S%.9fZ");
        let rest = if event.trade {
            format!("Trade,{},{}", decimal(event.price), event.size)
        } else {
            "Quote,,".to_owned()
        };
        text.push_str(&format!("CLc1,Market Price,{at},-5,{rest}\n"));
    }
    if dirt == 6 {
        text.push_str("CLc1,Market Price,,-5,Trade,#N/A N/A,1\n");
    }
    text
}

/// Writes the settlement prices: first with one mistake in them, then corrected.
fn write_truths(out: &Path, truths: &[(NaiveDate, i64)]) -> Result<(), Box<dyn Error>> {
    let wrong = truths.len() / 2;
    let file = |corrected: bool| -> String {
        let row = |(at, (date, price)): (usize, &(NaiveDate, i64))| {
            let price = if at == wrong && !corrected { price + 37 } else { *price };
            format!("{date},{}\n", decimal(price))
        };
        std::iter::once("date,price\n".to_owned()).chain(truths.iter().enumerate().map(row)).collect()
    };
    write(&out.join("published/settlements.csv"), &file(false))?;
    write(&out.join("corrected/settlements.csv"), &file(true))?;
    write(&out.join("rule.csv"), "at,stat,window,zone\n14:30:00,vwap,2m,America/New_York\n")
}
