//! The published prices.

use std::collections::BTreeMap;

use super::super::listing::list;
use super::super::{Error, Files, decimal};
use super::params::Params;
use crate::tick::{Header, Stamps, Table, parse_number, write_record};

const DATE: &[&str] = &["date", "day"];
const PRICE: &[&str] = &["price", "settle", "settlement", "px_settle", "value", "close"];

/// The price of each day and symbol, as text with as many decimals as needed; the symbol is empty where none is named.
pub(super) type Truths = BTreeMap<(String, String), String>;

/// Reads all files of the truth input, in order of their paths, and counts the rows that cannot be read.
pub(super) fn read(files: &dyn Files, params: &Params) -> Result<(Truths, u64), Error> {
    let mut truths = Truths::new();
    let mut unreadable = 0;
    for (path, entry) in list(files, "")? {
        let bytes = files.read(&entry)?;
        let table = Table::read(
            &bytes,
            params.format.delimiter,
            Header::Yes,
            params.format.decimal,
            &Stamps::default(),
        );
        let columns = table.first_column(DATE).zip(table.first_column(PRICE));
        let Some((date_at, price_at)) = columns else {
            if table.records.is_empty() {
                continue;
            }
            let reason = format!("the truth file {path} has no columns for date and price");
            let hint =
                "its first line names them: date,price and, where there are several, symbol".to_owned();
            return Err(Error::Data { reason, hint: Some(hint) });
        };
        let symbol_at = table.first_column(&["symbol"]);
        for record in &table.records {
            let field = |at: usize| record.get(at).unwrap_or("").trim();
            let comma = params.format.decimal == crate::tick::Separator::Comma;
            let price = parse_number(field(price_at), comma)
                .map(|price| decimal::fixed(price, params.scale.decimals));
            let Some((date, price)) = date(field(date_at)).zip(price) else {
                unreadable += 1;
                continue;
            };
            let symbol = symbol_at.map_or("", field).to_owned();
            let key = (date, symbol);
            match truths.get(&key) {
                Some(other) if *other != price => return Err(contradiction(&key, other, &price)),
                _ => truths.insert(key, price),
            };
        }
    }
    Ok((truths, unreadable))
}

fn contradiction((date, symbol): &(String, String), one: &str, other: &str) -> Error {
    let reason = format!("the truth for {date} {symbol} is both {one} and {other}");
    Error::Data { reason, hint: Some("remove one of the two rows".to_owned()) }
}

/// A date as `YYYY-MM-DD`, read from that, `YYYY/MM/DD` or `YYYYMMDD`.
fn date(text: &str) -> Option<String> {
    let digits: String = match (text.len(), text.as_bytes().get(4), text.as_bytes().get(7)) {
        (10, Some(a @ (b'-' | b'/')), Some(b)) if a == b => text.replace(['-', '/'], ""),
        (8, _, _) => text.to_owned(),
        _ => return None,
    };
    let date = (digits.len() == 8).then(|| chrono::NaiveDate::parse_from_str(&digits, "%Y%m%d").ok())??;
    Some(date.format("%Y-%m-%d").to_string())
}

/// The truths as they are used, as a file.
pub(super) fn to_csv(truths: &Truths) -> Vec<u8> {
    let mut out = b"date,symbol,price\n".to_vec();
    for ((date, symbol), price) in truths {
        write_record(&mut out, [date.as_str(), symbol, price]);
    }
    out
}

/// Reads what [`to_csv`] wrote.
pub(super) fn from_csv(bytes: &[u8]) -> Truths {
    let mut reader = csv::Reader::from_reader(bytes);
    let records = reader.records().filter_map(Result::ok);
    records
        .filter_map(|record| {
            Some(((record.get(0)?.to_owned(), record.get(1)?.to_owned()), record.get(2)?.to_owned()))
        })
        .collect()
}

/// Which symbol stands for those that are not named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// For ticks that name none: the truth's single symbol.
    pub(super) ticks: String,
    /// For truths that name none: the ticks' single symbol.
    pub(super) truths: String,
}

impl Names {
    /// Decides from all symbols that ticks and truths name.
    pub(super) fn decide<'a>(of_ticks: impl Iterator<Item = &'a str>, truths: &Truths) -> Self {
        let single = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.dedup();
            names.retain(|name| !name.is_empty());
            match names.as_slice() {
                [only] => (*only).to_owned(),
                _ => String::new(),
            }
        };
        let of_truths = truths.keys().map(|(_, symbol)| symbol.as_str()).collect();
        Self { ticks: single(of_truths), truths: single(of_ticks.collect()) }
    }

    /// The truths with the missing symbols filled in.
    pub(super) fn fill(&self, truths: Truths) -> Result<Truths, Error> {
        let mut filled = Truths::new();
        for ((date, symbol), price) in truths {
            let key = (date, if symbol.is_empty() { self.truths.clone() } else { symbol });
            match filled.get(&key) {
                Some(other) if *other != price => return Err(contradiction(&key, other, &price)),
                _ => filled.insert(key, price),
            };
        }
        Ok(filled)
    }
}
