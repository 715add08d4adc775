//! Tables as people and their programs write them.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Cell, Error, Key, KeyColumns, Table, encode};

fn key(names: &str) -> KeyColumns {
    names.parse().unwrap()
}

/// Checks that nothing of a text is lost, and shows its header and rows with `~` between values and `/` between records.
#[track_caller]
fn check(text: &str, names: &str, want: &str) {
    let table = Table::parse(text.as_bytes(), &key(names)).unwrap();
    let mut written = table.preamble().to_owned();
    let mut shown = Vec::new();
    for row in std::iter::once(table.header()).chain(table.rows()) {
        written = written + row.raw() + row.line_end();
        shown.push(row.cells().iter().map(|cell| cell.value().into_owned()).collect::<Vec<_>>().join("~"));
        let cells: Vec<&str> = row.cells().iter().map(Cell::raw).collect();
        assert_eq!(cells.join(&char::from(table.delimiter()).to_string()), row.raw(), "{text:?}");
    }
    assert_eq!(written, text);
    assert_eq!(shown.join(" / "), want, "{text:?}");
    for row in table.rows() {
        assert_eq!(table.find(&row.key()).unwrap().line(), row.line(), "{text:?}");
    }
    assert!(table.find(&Key(vec!["no such value".to_owned(); key(names).names().len()])).is_none());
}

#[test]
fn what_is_read_can_be_written_back_as_it_was() {
    check("day,price\n1,2\n3,4\n", "day", "day~price / 1~2 / 3~4");
    check("day,price\n1,2\n3,4", "day", "day~price / 1~2 / 3~4");
    check("\u{feff}day;price\r\n1;2\r\n\r\n3;4\r\n", "day", "day~price / 1~2 / 3~4");
    check("\n\nday\tprice\r1\t2\r\n3\t4\n\n\n", "price", "day~price / 1~2 / 3~4");
    check("day|\"a price\"\n1|\"2\"\n", "a price", "day~a price / 1~2");
    check("d,p\n\"1\n2\",\"say \"\"no\"\"\"\n3,a\"b\"\n", "d,p", "d~p / 1\n2~say \"no\" / 3~a\"b\"");
    check("d,p\n\"1\"x,\"\"\n,\n", "p,d", "d~p / 1x~ / ~");
    check("d\n", "d", "d");
    check("a,A\n1,2\n", "A,a", "a~A / 1~2");
    check("größe,π\nä,3\n", "GRÖßE", "größe~π / ä~3");
}

/// Checks what is said of a text that is no table.
#[track_caller]
fn refused(bytes: &[u8], names: &str, want: &str) {
    assert_eq!(Table::parse(bytes, &key(names)).unwrap_err().to_string(), want);
}

#[test]
fn what_is_wrong_with_a_table_is_said_with_the_line() {
    for empty in ["", "\u{feff}", "\n\r\n", "  \n"] {
        refused(empty.as_bytes(), "d", "it is empty, without a header that names the columns");
    }
    refused(b"d,p\n1,2\n\xff,2\n", "d", "line 3 is not UTF-8");
    refused(b"d,p\n1,2\n\n3,4,5\n", "d", "the record on line 4 has 3 cells, and the header has 2");
    refused(b"d,p\n1\n", "d", "the record on line 2 has 1 cells, and the header has 2");
    refused(b"d,p\n1,2\n3,\"4\n5,6\n", "d", "a quote opens in the record on line 3 and is never closed");
    refused(b"day,price\n1,2\n", "day,symbol", "it has no column \"symbol\", only \"day\", \"price\"");
    refused(b"a,a\n1,2\n", "a", "it has several columns \"a\", which cannot be a key");
    refused(b"a,A\n1,2\n", "\u{e4}", "it has no column \"\u{e4}\", only \"a\", \"A\"");
}

#[test]
fn rows_with_one_key_are_refused_with_their_lines() {
    refused(b"d,s\n2,x\n1,x\n1,y\n1,x\n2,x\n", "d,s", "2 rows have the key 2,x: those on the lines 2, 6");
    let many = format!("d\n0\n{}", "\"1\"\n1\n".repeat(4));
    refused(many.as_bytes(), "d", "8 rows have the key 1: those on the lines 3, 4, 5, 6, 7 and more");
}

#[test]
fn keys_are_named_as_records_are_written() {
    for (text, want) in [
        ("date", "date"),
        ("date, symbol", "date,symbol"),
        ("\"a,b\",c", "\"a,b\",c"),
        ("", "!a name is empty"),
        ("a,,b", "!a name is empty"),
        ("a,b,a", "!a name stands twice"),
        ("a\nb", "!it is not one record"),
        ("\"a", "!it is not one record"),
    ] {
        match (text.parse::<KeyColumns>(), want.strip_prefix('!')) {
            (Ok(columns), None) => assert_eq!(columns.to_string(), want),
            (Err(Error::Columns { reason, .. }), Some(want)) => assert_eq!(reason, want, "{text:?}"),
            (other, _) => panic!("{text:?}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_values_come_back(rows in vec(vec("[a,;\"\r\n \u{e4}|]{0,4}", 3), 0..12), end in "(\n|\r\n|\r)") {
        let mut by_key = BTreeMap::new();
        let mut text = "k,a,b,c\n".to_owned();
        for (number, row) in rows.iter().enumerate() {
            let number = number.to_string();
            text += &encode(std::iter::once(number.as_str()).chain(row.iter().map(String::as_str)), b',');
            text += &end;
            by_key.insert(number, row);
        }
        let table = Table::parse(text.as_bytes(), &key("k")).unwrap();
        prop_assert_eq!(table.rows().len(), rows.len());
        for (number, row) in by_key {
            let found = table.find(&Key(vec![number])).unwrap();
            let values: Vec<String> = found.cells().iter().skip(1).map(|cell| cell.value().into_owned()).collect();
            prop_assert_eq!(&values, row);
        }
    }

    #[test]
    fn no_bytes_are_too_odd(text in "[ab,\"\n\r;]{0,60}", cut in 0_usize..60) {
        let bytes = text.as_bytes();
        let Ok(table) = Table::parse(bytes.get(..cut).unwrap_or(bytes), &key("a")) else { return Ok(()) };
        let records = std::iter::once(table.header()).chain(table.rows());
        let written: String = records.map(|row| row.raw().to_owned() + row.line_end()).collect();
        let written = table.preamble().to_owned() + &written;
        prop_assert_eq!(written.as_bytes(), bytes.get(..cut).unwrap_or(bytes));
    }
}
