//! The published prices.

use std::collections::BTreeMap;

use super::super::decimal::Decimal;
use super::super::listing::list;
use super::super::{Error, Files, decimal};
use super::params::Params;
use crate::tick::{Header, Separator, Stamps, Table, parse_number, write_record};

const DATE: &[&str] = &["date", "day"];
const PRICE: &[&str] = &["price", "settle", "settlement", "px_settle", "value", "close"];
const SYMBOL: &[&str] = &["symbol", "#ric", "ric", "ticker"];

/// The price of each day and symbol, as text with as many decimals as needed; the symbol is empty where none is named.
pub(super) type Truths = BTreeMap<(String, String), String>;

/// What the truth input came to.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub(super) truths: Truths,
    /// How many rows could not be read, and were left out.
    pub(super) unreadable: u64,
    /// Where the first of them is.
    pub(super) first_bad: Option<String>,
}

/// A price as it is written, and where.
type Seen = BTreeMap<(String, String), (Decimal, String)>;

/// Reads all files of the truth input, in order of their paths.
pub(super) fn read(files: &dyn Files, params: &Params) -> Result<Published, Error> {
    let mut published = Published::default();
    let mut seen = Seen::new();
    for (path, entry) in list(files, "")? {
        let hidden = path.as_str().split('/').any(|part| part.starts_with(['.', '_']));
        if !hidden {
            read_file(path.as_str(), &files.read(&entry)?, params, &mut seen, &mut published)?;
        }
    }
    Ok(published)
}

/// The file as a table with a header, and where its date and its price stand. Its delimiter is its own: the one given for
/// the ticks is tried when no other shows the columns.
fn table(bytes: &[u8], params: &Params) -> (Table, Option<(usize, usize)>) {
    let with = |delimiter| {
        let table = Table::read(bytes, delimiter, Header::Yes, params.format.decimal, &Stamps::default());
        let columns = table.first_column(DATE).zip(table.first_column(PRICE));
        (table, columns)
    };
    let found = with(None);
    if found.1.is_none() && params.format.delimiter.is_some() { with(params.format.delimiter) } else { found }
}

fn read_file(
    path: &str,
    bytes: &[u8],
    params: &Params,
    seen: &mut Seen,
    published: &mut Published,
) -> Result<(), Error> {
    let (table, columns) = table(bytes, params);
    let Some((date_at, price_at)) = columns else {
        if table.records.is_empty() {
            return Ok(());
        }
        let reason = format!("the truth file {path} has no columns for date and price");
        let hint = "its first line names them: date,price and, where there are several, symbol".to_owned();
        return Err(Error::Data { reason, hint: Some(hint) });
    };
    let symbol_at = table.first_column(SYMBOL);
    for (at, record) in table.records.iter().enumerate() {
        let field = |at: usize| record.get(at).unwrap_or("").trim();
        let row = || {
            let comma = params.format.decimal == Separator::Comma;
            parse_number(field(price_at), comma)?;
            let text = if comma { field(price_at).replacen(',', ".", 1) } else { field(price_at).to_owned() };
            let price = Decimal::parse(&text)?;
            let units = price.units(params.scale.decimals)?;
            Some((date(field(date_at))?, price, decimal::text(units, params.scale.decimals)))
        };
        let place = format!("record {} of {path}", at + 1);
        let Some((date, price, used)) = row().filter(|_| table.is_complete(record)) else {
            published.unreadable += 1;
            published.first_bad.get_or_insert(place);
            continue;
        };
        let key = (date, symbol_at.map_or("", field).to_owned());
        match seen.get(&key) {
            Some((other, _)) if *other == price => {}
            Some((_, there)) => {
                let other = published.truths.get(&key).map_or("", String::as_str);
                return Err(contradiction(
                    &key,
                    &format!("{other} in {there}"),
                    &format!("{used} in {place}"),
                ));
            }
            None => {
                published.truths.insert(key.clone(), used);
                seen.insert(key, (price, place));
            }
        }
    }
    Ok(())
}

fn contradiction((date, symbol): &(String, String), one: &str, other: &str) -> Error {
    let of = if symbol.is_empty() { String::new() } else { format!(" of {symbol}") };
    let reason = format!("the truth{of} for {date} is both {one} and {other}");
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

/// The only symbol among these that is not empty; empty if there is none, or more than one.
pub(super) fn single<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.filter(|name| !name.is_empty());
    let Some(first) = names.next() else { return String::new() };
    if names.all(|name| name == first) { first.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::Tree;
    use super::*;

    /// Reads a truth file: `date symbol price` each, then how many rows were left out; or the error.
    fn check(text: &str, params: &str, want: &str) {
        let mut files = Tree::default();
        files.put("t.csv", text);
        let params: Params = toml::from_str(params).unwrap();
        let got = match read(&files, &params) {
            Ok(Published { truths, unreadable, .. }) => {
                let row = |((date, symbol), price): (&(String, String), &String)| {
                    format!("{date} {symbol} {price}; ")
                };
                format!("{}{unreadable}", truths.iter().map(row).collect::<String>())
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn truth_files_are_read_as_they_come() {
        check("date,price\n2024-05-01,80.10\n", "", "2024-05-01  80.1; 0");
        check(
            "\u{feff}Day;PX_SETTLE;RIC\r\n20240501;1e1;CL\r\n2024/05/02;-3;CL",
            "",
            "2024-05-01 CL 10; 2024-05-02 CL -3; 0",
        );
        check("Settlement\tDate\n5\t2024-05-01\n", "", "2024-05-01  5; 0");
        check("date,price\n2024-05-01,7\n", "delimiter = \";\"", "2024-05-01  7; 0");
        check("date:price\n2024-05-01:7\n", "delimiter = \":\"", "2024-05-01  7; 0");
        check("date;close\n2024-05-01;7,25\n", "decimal = \",\"", "2024-05-01  7.25; 0");
        check(
            "date,value\n2024-05-01,80.125\n2024-05-02,80.005\n",
            "decimals = 2",
            "2024-05-01  80.12; 2024-05-02  80; 0",
        );
    }

    #[test]
    fn rows_that_cannot_be_read_are_counted_and_left_out() {
        check(
            "date,price\n2024-05-01,1,234\n5/1/2024,2\n2024-05-02,n/a\n2024-02-30,1\n2024-05-03,4\n",
            "",
            "2024-05-03  4; 4",
        );
    }

    #[test]
    fn two_prices_for_one_day_are_an_error() {
        check("date,price\n2024-05-01,80\n2024-05-01,80.00\n", "", "2024-05-01  80; 0");
        check(
            "date,price,symbol\n2024-05-01,80,CL\n2024-05-01,81,BRN\n2024-05-01,80.5,CL\n",
            "",
            "the truth of CL for 2024-05-01 is both 80 in record 1 of t.csv and 80.5 in record 3 of t.csv",
        );
    }

    #[test]
    fn a_single_name_is_found() {
        assert_eq!(single(["", "CL", "CL"].into_iter()), "CL");
        assert_eq!(single(["BRN", "CL"].into_iter()) + &single(["", ""].into_iter()), "");
    }
}
