//! What can be wrong with a table.

use crate::fault::{Fault, Kind};

/// A text that is no table with rows under the keys that were named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// There is no record at all.
    #[error("it is empty, without a header that names the columns")]
    Empty,
    /// It is larger than what is held in memory.
    #[error("it has {bytes} bytes, and a table may have {} MiB", super::MAX_BYTES >> 20)]
    TooLarge { bytes: u64 },
    /// It has more rows than what is held in memory.
    #[error("it has more than {} million rows", super::rows::MAX_ROWS >> 20)]
    TooManyRows,
    /// The bytes are no text.
    #[error("line {line} is not UTF-8")]
    NotText { line: u64 },
    /// A quoted cell has no end.
    #[error("a quote opens in the record on line {line} and is never closed")]
    Unclosed { line: u64 },
    /// A record has more or fewer cells than the header.
    #[error("the record on line {line} has {cells} cells, and the header has {columns}")]
    Ragged { line: u64, cells: usize, columns: usize },
    /// The header does not have a column of the key.
    #[error("it has no column {name:?}, only {}", .columns.join(", "))]
    NoColumn { name: String, columns: Vec<String> },
    /// The header has a column of the key more than once.
    #[error("it has several columns {name:?}, which cannot be a key")]
    SeveralColumns { name: String },
    /// Several rows have one key.
    #[error("{count} rows have the key {key}: those on the lines {}", join(.lines, *.count))]
    Duplicate { key: String, lines: Vec<u64>, count: usize },
    /// The text does not name columns.
    #[error("{text:?} does not name the columns of a key: {reason}")]
    Columns { text: String, reason: &'static str },
}

fn join(lines: &[u64], count: usize) -> String {
    let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
    let more = if lines.len() < count { " and more" } else { "" };
    format!("{}{more}", lines.join(", "))
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty => "a table begins with a line that names its columns",
            Self::TooLarge { .. } | Self::TooManyRows => {
                "keep it in parts, such as one file a day; without a key only lines are compared"
            }
            Self::NotText { .. } => "write it anew as UTF-8, with iconv for instance",
            Self::Unclosed { .. } => "close the quote; within quotes a quote is written twice",
            Self::Ragged { .. } => "mend that line; cells with a delimiter in them stand in quotes",
            Self::NoColumn { .. } => "columns are named as in the header, upper and lower case alike",
            Self::SeveralColumns { .. } => {
                "name other columns, or give one of them another name in the header"
            }
            Self::Duplicate { .. } => "name more columns, so that each row has a key of its own",
            Self::Columns { .. } => "write them like date,symbol",
        };
        Some(hint.to_owned())
    }
}
