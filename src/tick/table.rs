//! A CSV file as records of text, with its header.

use std::borrow::Cow;

use super::format::{Delimiter, Header, Separator};
use super::number;
use super::stamp::{self, Stamps};
use crate::table::guess_delimiter;

/// The records of a file.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The names of the columns, as written, if there is a header.
    pub header: Option<csv::StringRecord>,
    /// The records, without the header.
    pub records: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads a file: UTF-8 (other bytes are replaced), with or without a BOM, any line ends, RFC 4180 quoting.
    pub fn read(
        bytes: &[u8],
        delimiter: Option<Delimiter>,
        header: Header,
        decimal: Separator,
        stamps: &Stamps,
    ) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text: Cow<'_, str> = match text.strip_prefix('\u{feff}') {
            Some(rest) => Cow::Owned(rest.to_owned()),
            None => text,
        };
        let delimiter = delimiter.map_or_else(|| guess(&text), |delimiter| delimiter.0);
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).flexible(true).delimiter(delimiter);
        let records = reader.from_reader(text.as_bytes()).into_records().filter_map(Result::ok);
        let mut records: Vec<csv::StringRecord> = records.filter(|record| !is_blank(record)).collect();
        let named = match (header, records.first()) {
            (Header::Yes, Some(_)) => true,
            (Header::Auto, Some(first)) => is_header(first, decimal, stamps),
            _ => false,
        };
        let header = if named { Some(records.remove(0)) } else { None };
        Self { header, records }
    }

    /// Where the column `name` is: `#2` is the third, other names are looked up whatever their case.
    pub fn column(&self, name: &str) -> Option<usize> {
        if let Some(number) = name.strip_prefix('#').and_then(|number| number.parse().ok()) {
            return Some(number);
        }
        self.named(name.trim())
    }

    /// Where the column with the name `name` is, whatever its case; `#` stands for itself.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.header.as_ref()?.iter().position(|field| field.trim().eq_ignore_ascii_case(name))
    }

    /// The first of these columns that is there.
    pub fn first_column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.named(name))
    }

    /// Whether a record has as many fields as the header.
    pub fn is_complete(&self, record: &csv::StringRecord) -> bool {
        self.header.as_ref().is_none_or(|header| header.len() == record.len())
    }
}

/// A line of blanks only.
fn is_blank(record: &csv::StringRecord) -> bool {
    record.len() == 1 && record.get(0).is_some_and(|field| field.trim().is_empty())
}

fn is_header(record: &csv::StringRecord, decimal: Separator, stamps: &Stamps) -> bool {
    let value = |field: &str| {
        number::parse(field, decimal == Separator::Comma).is_some() || stamp::parse(field, stamps).is_some()
    };
    record.iter().any(|field| !field.trim().is_empty()) && !record.iter().any(value)
}

/// The delimiter of a text, from its first line.
fn guess(text: &str) -> u8 {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    guess_delimiter(line.split('\r').find(|part| !part.trim().is_empty()).unwrap_or(""))
}

/// Appends a record to CSV text: commas, quotes where they are needed, a line feed.
pub fn write_record<'a>(out: &mut Vec<u8>, fields: impl IntoIterator<Item = &'a str>) {
    let mut line = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = line.write_record(fields);
    out.extend(line.into_inner().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Table {
        Table::read(text.as_bytes(), None, Header::Auto, Separator::Point, &Stamps::default())
    }

    #[test]
    fn headers_delimiters_and_line_ends_are_recognised() {
        let rows = |text: &str| {
            let table = read(text);
            let line = |record: &csv::StringRecord| record.iter().collect::<Vec<_>>().join("~");
            (table.header.as_ref().map(line), table.records.iter().map(line).collect::<Vec<_>>().join(" / "))
        };
        let named = |header: &str, rest: &str| (Some(header.to_owned()), rest.to_owned());
        assert_eq!(rows("\u{feff}time,price\r\n1315922016,2\r\n"), named("time~price", "1315922016~2"));
        assert_eq!(rows("a;b\r1;2\r\r3;4"), named("a~b", "1~2 / 3~4"));
        assert_eq!(rows("\n\n  \n"), (None, String::new()));
        assert_eq!(rows("1315922016,5.8,1.0\n"), (None, "1315922016~5.8~1.0".to_owned()));
        assert_eq!(rows("#RIC,Price\nCLc1,\"a\nb\"\n"), named("#RIC~Price", "CLc1~a\nb"));
        assert_eq!(rows("\"a,b,c\"|d\n1|2\n"), named("a,b,c~d", "1~2"));
    }
}
