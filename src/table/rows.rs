//! A whole table: its header, its rows in order, and each row by its key.

use std::hash::{BuildHasher, RandomState};

use super::error::Error;
use super::key::{Key, KeyColumns};
use super::record::{self, Cell};

/// The largest table that is read, in bytes. Besides its text, some 12 bytes a row are held in memory.
pub const MAX_BYTES: u64 = 512 << 20;

/// The most rows that are read. Shorter rows than that are a list of words, not a table.
pub(super) const MAX_ROWS: usize = 32 << 20;

/// So many lines are named of rows that have one key.
const NAMED: usize = 5;

/// So many columns are named where one was looked for in vain.
const COLUMNS: usize = 40;

/// A CSV text, cut into records.
#[derive(Debug)]
pub struct Table<'a> {
    text: &'a str,
    delimiter: u8,
    columns: Vec<String>,
    /// Where the columns of the key stand, in the order of the key.
    key: Vec<usize>,
    /// Where each record begins, the header first.
    starts: Vec<u32>,
    /// The rows by a hash of their keys. The hash is another one each time, so that nobody can make many keys alike.
    index: Vec<(u32, u32)>,
    hasher: RandomState,
}

/// One row of a table, or its header.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t, 'a> {
    table: &'t Table<'a>,
    /// Which record it is; the header is the first.
    at: usize,
}

impl<'a> Table<'a> {
    /// Reads a table: UTF-8 with or without a BOM, any line ends, any of the usual delimiters (the header tells which), quotes
    /// as in RFC 4180. Blank lines are no rows; they belong to what is before them. Each row has a key of its own.
    pub fn parse(bytes: &'a [u8], key: &KeyColumns) -> Result<Self, Error> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::TooLarge { bytes: bytes.len() as u64 });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Error::NotText { line: lines(valid) + 1 }
        })?;
        let begin = text.strip_prefix('\u{feff}').map_or(0, |rest| text.len() - rest.len());
        let begin = begin + record::line_ends(text.get(begin..).unwrap_or_default());
        let rest = text.get(begin..).unwrap_or_default();
        if rest.trim().is_empty() {
            return Err(Error::Empty);
        }
        let delimiter = record::guess_delimiter(rest.split(['\n', '\r']).next().unwrap_or_default());
        let starts = starts(text, begin, delimiter)?;
        let hasher = RandomState::new();
        let mut table =
            Self { text, delimiter, columns: Vec::new(), key: Vec::new(), starts, index: Vec::new(), hasher };
        table.columns = table.header().cells().iter().map(|cell| cell.value().trim().to_owned()).collect();
        table.key = key.names().iter().map(|name| column(&table.columns, name)).collect::<Result<_, _>>()?;
        table.index = (0..).zip(table.rows()).map(|(number, row)| (table.hash(&row.key()), number)).collect();
        table.index.sort_unstable();
        table.check_keys()?;
        Ok(table)
    }

    /// The names of the columns, without white space around them.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where the columns of the key stand, in the order of the key.
    pub fn key_columns(&self) -> &[usize] {
        &self.key
    }

    /// What stands between two cells of a record: one ASCII character.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// What stands before the header: a BOM, blank lines, or nothing.
    pub fn preamble(&self) -> &'a str {
        self.text.get(..self.start(0)).unwrap_or_default()
    }

    /// The record that names the columns.
    pub fn header(&self) -> Row<'_, 'a> {
        Row { table: self, at: 0 }
    }

    /// The rows, in the order of the text.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_, 'a>> {
        (1..self.starts.len()).map(|at| Row { table: self, at })
    }

    /// The row with this key.
    pub fn find(&self, key: &Key) -> Option<Row<'_, 'a>> {
        let hash = self.hash(key);
        let from = self.index.partition_point(|(other, _)| *other < hash);
        let alike = self.index.get(from..)?.iter().take_while(|(other, _)| *other == hash);
        alike.map(|(_, number)| self.row(*number)).find(|row| row.key() == *key)
    }

    fn row(&self, number: u32) -> Row<'_, 'a> {
        Row { table: self, at: number as usize + 1 }
    }

    fn start(&self, at: usize) -> usize {
        self.starts.get(at).map_or(self.text.len(), |start| *start as usize)
    }

    fn hash(&self, key: &Key) -> u32 {
        // Half of it is as good as the whole, and takes half the room.
        u32::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0)
    }

    /// An error about the first row, in the order of the text, whose key another one has.
    fn check_keys(&self) -> Result<(), Error> {
        let mut first: Option<Vec<u32>> = None;
        for alike in self.index.chunk_by(|(a, _), (b, _)| a == b).filter(|alike| alike.len() > 1) {
            let mut rest: Vec<u32> = alike.iter().map(|(_, number)| *number).collect();
            while let Some(number) = rest.first() {
                let key = self.row(*number).key();
                let (same, others) = rest.into_iter().partition(|number| self.row(*number).key() == key);
                rest = others;
                if same.len() > 1 && first.as_ref().is_none_or(|first| same < *first) {
                    first = Some(same);
                }
            }
        }
        let Some(rows) =
            first.map(|numbers| numbers.into_iter().map(|number| self.row(number)).collect::<Vec<_>>())
        else {
            return Ok(());
        };
        let key = rows.first().map(|row| row.key().to_string()).unwrap_or_default();
        let lines = rows.iter().take(NAMED).map(Row::line).collect();
        Err(Error::Duplicate { key, lines, count: rows.len() })
    }
}

impl<'a> Row<'_, 'a> {
    /// Its cells.
    pub fn cells(&self) -> Vec<Cell<'a>> {
        let rest = self.rest();
        let mut cells = Vec::with_capacity(self.table.columns.len());
        record::scan(rest, self.table.delimiter, |range| {
            cells.push(Cell::new(rest.get(range).unwrap_or_default()));
        });
        cells
    }

    /// Its place among the rows, from 0.
    pub fn number(&self) -> usize {
        self.at.saturating_sub(1)
    }

    /// Its values in the columns of the key.
    pub fn key(&self) -> Key {
        let rest = self.rest();
        let mut values = vec![String::new(); self.table.key.len()];
        let mut at = 0;
        record::scan(rest, self.table.delimiter, |range| {
            for (value, _) in values.iter_mut().zip(&self.table.key).filter(|(_, column)| **column == at) {
                *value = Cell::new(rest.get(range.clone()).unwrap_or_default()).value().into_owned();
            }
            at += 1;
        });
        Key(values)
    }

    /// The row behind it.
    pub(super) fn next(self) -> Option<Self> {
        let at = self.at + 1;
        (at < self.table.starts.len()).then_some(Self { at, ..self })
    }

    /// The line on which it begins, from 1.
    pub fn line(&self) -> u64 {
        let before = self.table.text.get(..self.table.start(self.at)).unwrap_or_default();
        lines(before.as_bytes()) + 1
    }

    /// As it was written, without its line end. What looks like a line end within a cell has a quote after it.
    pub fn raw(&self) -> &'a str {
        self.rest().trim_end_matches(['\n', '\r'])
    }

    /// Its line end and the blank lines after it; nothing if it is the last and has none.
    pub fn line_end(&self) -> &'a str {
        self.rest().get(self.raw().len()..).unwrap_or_default()
    }

    /// The text from here to the next record.
    fn rest(&self) -> &'a str {
        self.table.text.get(self.table.start(self.at)..self.table.start(self.at + 1)).unwrap_or_default()
    }
}

/// How many lines end in `bytes`; a carriage return alone ends one too.
fn lines(bytes: &[u8]) -> u64 {
    let ends = |at: usize, byte: u8| byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    bytes.iter().enumerate().map(|(at, byte)| u64::from(ends(at, *byte))).sum()
}

/// Where each record of `text` begins, from `begin` on. All have as many cells as the first.
fn starts(text: &str, begin: usize, delimiter: u8) -> Result<Vec<u32>, Error> {
    let (mut at, mut columns, mut starts) = (begin, None, Vec::new());
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let line = || lines(text.get(..at).unwrap_or_default().as_bytes()) + 1;
        let scanned =
            record::scan(rest, delimiter, |_| {}).ok_or_else(|| Error::Unclosed { line: line() })?;
        let columns = *columns.get_or_insert(scanned.cells);
        if scanned.cells != columns {
            return Err(Error::Ragged { line: line(), cells: scanned.cells, columns });
        }
        if starts.len() > MAX_ROWS {
            return Err(Error::TooManyRows);
        }
        starts.push(u32::try_from(at).map_err(|_| Error::TooLarge { bytes: text.len() as u64 })?);
        at += scanned.len + record::line_ends(rest.get(scanned.len..).unwrap_or_default());
    }
    Ok(starts)
}

/// Where the column `name` stands: by its exact name, else whatever its case.
fn column(columns: &[String], name: &str) -> Result<usize, Error> {
    let several = || Error::SeveralColumns { name: name.to_owned() };
    for same in [|a: &str, b: &str| a == b, |a: &str, b: &str| a.to_lowercase() == b.to_lowercase()] {
        let mut found = columns.iter().enumerate().filter(|(_, column)| same(column, name));
        match (found.next(), found.next()) {
            (Some((at, _)), None) => return Ok(at),
            (Some(_), Some(_)) => return Err(several()),
            (None, _) => {}
        }
    }
    let columns = columns.iter().take(COLUMNS).map(|column| format!("{column:?}")).collect();
    Err(Error::NoColumn { name: name.to_owned(), columns })
}
