//! The ticks of a file.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::format::{Format, Price, Separator};
use super::number;
use super::stamp::{self, Stamp};
use super::table::Table;

const TIME: &[&str] =
    &["time", "timestamp", "date-time", "datetime", "ts", "ts_event", "gmt time", "times", "date"];
const PRICE: &[&str] = &["price", "last", "value", "px", "trade_price", "close", "rate"];
const SIZE: &[&str] = &["size", "volume", "qty", "quantity", "amount"];
const BID: &[&str] = &["bid", "bid_price", "bidprice", "bid price", "<bid>", "best_bid"];
const ASK: &[&str] = &["ask", "ask_price", "askprice", "ask price", "<ask>", "best_ask", "offer"];
const SYMBOL: &[&str] = &["symbol", "#ric", "ric", "ticker"];

/// One tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// When; `None` when the file has no time column.
    pub stamp: Option<Stamp>,
    /// The price.
    pub price: f64,
    /// How much was traded.
    pub size: Option<f64>,
}

/// What was read from a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Read {
    /// The ticks of each symbol, in order of their stamps, equal ones in the order of the file.
    pub ticks: BTreeMap<String, Vec<Tick>>,
    /// The symbols as the ticks name them; the empty one stands for ticks that name none.
    pub symbols: BTreeSet<String>,
    /// What was passed over.
    pub count: Count,
    /// The first bad record, counted from 1, and what is wrong with it.
    pub first_bad: Option<(usize, &'static str)>,
}

/// How many records were passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// They have another number of fields than the header.
    pub fields: u64,
    /// Their stamp cannot be read.
    pub time: u64,
    /// Their price cannot be read.
    pub price: u64,
    /// A filter left them out, or they were duplicates or zeros that mean nothing; they are not bad.
    pub left_out: u64,
}

impl Count {
    /// How many records were bad.
    pub fn bad(&self) -> u64 {
        self.fields + self.time + self.price
    }

    /// Adds another file's count.
    pub fn add(&mut self, other: Self) {
        self.fields += other.fields;
        self.time += other.time;
        self.price += other.price;
        self.left_out += other.left_out;
    }
}

/// Which columns of a table are which.
struct Found {
    time: Vec<usize>,
    price: Option<usize>,
    bid: Option<usize>,
    ask: Option<usize>,
    size: Option<usize>,
    symbol: Option<usize>,
    filters: Vec<(Option<usize>, Vec<String>)>,
}

/// The columns that make up the time: none, one, or a date and a time.
pub(super) fn time_columns(table: &Table, format: &Format) -> Vec<usize> {
    match &format.columns.time {
        Some(name) => match table.column(name) {
            Some(column) => vec![column],
            None => name.split('+').filter_map(|part| table.column(part)).collect(),
        },
        None => table.first_column(TIME).into_iter().collect(),
    }
}

fn find(table: &Table, format: &Format) -> Found {
    let columns = &format.columns;
    let column = |given: &Option<String>, usual: &[&str]| match given {
        Some(name) => table.column(name),
        None => table.first_column(usual),
    };
    Found {
        time: time_columns(table, format),
        price: column(&columns.price, PRICE),
        bid: column(&columns.bid, BID),
        ask: column(&columns.ask, ASK),
        size: column(&columns.size, SIZE),
        symbol: column(&columns.symbol, SYMBOL),
        filters: format
            .filters
            .iter()
            .map(|filter| (table.column(&filter.column), filter.values.clone()))
            .collect(),
    }
}

/// Reads the ticks of a file. Those that name no symbol are taken as ticks of `unnamed`.
pub fn read(bytes: &[u8], format: &Format, unnamed: &str) -> Read {
    let table = Table::read(bytes, format.delimiter, format.header, format.decimal, &format.stamps);
    let found = find(&table, format);
    let mut read = Read::default();
    let mut seen = HashSet::new();
    for (at, record) in table.records.iter().enumerate() {
        match tick(&table, &found, format, record) {
            Row::Tick(_) if format.dedup && !seen.insert(record.iter().collect::<Vec<_>>()) => {
                read.count.left_out += 1;
            }
            Row::Tick(tick) => {
                let symbol = found.symbol.and_then(|at| record.get(at)).unwrap_or("").trim();
                if !read.symbols.contains(symbol) {
                    read.symbols.insert(symbol.to_owned());
                }
                let symbol = if symbol.is_empty() { unnamed } else { symbol };
                match read.ticks.get_mut(symbol) {
                    Some(ticks) => ticks.push(tick),
                    None => {
                        read.ticks.insert(symbol.to_owned(), vec![tick]);
                    }
                }
            }
            Row::LeftOut => read.count.left_out += 1,
            Row::Bad(reason) => {
                read.first_bad = read.first_bad.or(Some((at + 1, reason)));
                match reason {
                    "field count" => read.count.fields += 1,
                    "bad time" => read.count.time += 1,
                    _ => read.count.price += 1,
                }
            }
        }
    }
    for ticks in read.ticks.values_mut() {
        ticks.sort_by_key(|tick| tick.stamp.map(|stamp| stamp.nanos));
    }
    read
}

enum Row {
    Tick(Tick),
    LeftOut,
    Bad(&'static str),
}

fn tick(table: &Table, found: &Found, format: &Format, record: &csv::StringRecord) -> Row {
    if !table.is_complete(record) {
        return Row::Bad("field count");
    }
    let passes = |(column, values): &(Option<usize>, Vec<String>)| {
        column
            .and_then(|at| record.get(at))
            .is_some_and(|field| values.iter().any(|value| value == field.trim()))
    };
    if !found.filters.iter().all(passes) {
        return Row::LeftOut;
    }
    let Ok(stamp) = stamp_of(record, &found.time, format) else { return Row::Bad("bad time") };
    let field =
        |column: Option<usize>| number::parse(record.get(column?)?, format.decimal == Separator::Comma);
    let quote = |column: Option<usize>| field(column).filter(|price| !(format.zero_is_none && *price == 0.0));
    let sides = || Some(f64::midpoint(field(found.bid)?, field(found.ask)?));
    let price = match format.price {
        Price::Bid => field(found.bid),
        Price::Ask => field(found.ask),
        Price::Trade if found.price.is_some() => field(found.price),
        Price::Trade => sides(),
    };
    let Some(price) = price else { return Row::Bad("bad price") };
    let absent = match format.price {
        Price::Trade if found.price.is_none() => quote(found.bid).is_none() || quote(found.ask).is_none(),
        _ => format.zero_is_none && price == 0.0,
    };
    if absent { Row::LeftOut } else { Row::Tick(Tick { stamp, price, size: field(found.size) }) }
}

/// The stamp of a record; `Ok(None)` when the file has no time column.
pub(super) fn stamp_of(
    record: &csv::StringRecord,
    columns: &[usize],
    format: &Format,
) -> Result<Option<Stamp>, ()> {
    let text = match columns {
        [] => return Ok(None),
        [only] => record.get(*only).map(std::borrow::Cow::Borrowed),
        several => {
            let parts: Option<Vec<&str>> = several.iter().map(|at| record.get(*at).map(str::trim)).collect();
            parts.map(|parts| parts.join(" ").into())
        }
    };
    text.and_then(|text| stamp::parse(&text, &format.stamps)).map(Some).ok_or(())
}

impl Table {
    /// The stamp of each record, in nanoseconds since 1970, or `None` where it cannot be read.
    pub fn stamps(&self, format: &Format) -> Vec<Option<i64>> {
        let columns = time_columns(self, format);
        self.records
            .iter()
            .map(|record| stamp_of(record, &columns, format).ok().flatten())
            .map(|stamp| stamp.map(|stamp| stamp.nanos))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_in_order_and_bad_rows_are_counted() {
        let text = "time,price,size\n2024-05-01T09:00:30Z,3,1\n2024-05-01T09:00:10Z,1,\nbad,2,1\n2024-05-01T09:00:20Z,NaN,1\n2024-05-01T09:00:10Z,7,x\n1,2\n";
        let read = read(text.as_bytes(), &Format::default(), "");
        let prices: Vec<f64> = read.ticks[""].iter().map(|tick| tick.price).collect();
        assert_eq!(prices, [1.0, 7.0, 3.0]);
        assert_eq!(read.count, Count { fields: 1, time: 1, price: 1, left_out: 0 });
        assert_eq!(read.first_bad, Some((3, "bad time")));
    }

    #[test]
    fn ticks_without_a_symbol_join_those_of_the_one_they_stand_for() {
        let text = "time,symbol,price\n2024-05-01T09:00:30Z,CL,3\n2024-05-01T09:00:30Z,,2\n2024-05-01T09:00:10Z,,1\n";
        let read = read(text.as_bytes(), &Format::default(), "CL");
        assert_eq!(read.ticks["CL"].iter().map(|tick| tick.price).collect::<Vec<_>>(), [1.0, 3.0, 2.0]);
        assert_eq!(read.symbols, BTreeSet::from([String::new(), "CL".to_owned()]));
    }

    #[test]
    fn quotes_give_their_middle_and_filters_are_not_faults() {
        let text =
            "time,type,bid,ask\n2024-05-01 09:00,Q,1,2\n2024-05-01 09:00,T,5,7\n2024-05-01 09:00,Q,0,2\n";
        let format = Format {
            filters: vec![super::super::Filter { column: "TYPE".to_owned(), values: vec!["Q".to_owned()] }],
            zero_is_none: true,
            ..Format::default()
        };
        let read = read(text.as_bytes(), &format, "");
        assert_eq!(read.ticks[""].iter().map(|tick| tick.price).collect::<Vec<_>>(), [1.5]);
        assert_eq!((read.count.left_out, read.count.bad()), (2, 0));
    }
}
