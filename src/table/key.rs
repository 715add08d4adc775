//! What tells one row from another.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::record::{self, Cell};

/// The names of the columns that make up a row's key: at least one, none twice. Written `date,symbol`; a name with a comma
/// stands in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumns(Vec<String>);

/// The values of a row in the columns of the key, in the order in which these were named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(super) Vec<String>);

impl KeyColumns {
    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for KeyColumns {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = |reason| Error::Columns { text: text.to_owned(), reason };
        let mut names: Vec<String> = Vec::new();
        let scanned = record::scan(text, b',', |range| {
            let cell = Cell::new(text.get(range).unwrap_or_default());
            names.push(cell.value().trim().to_owned());
        });
        if scanned.is_none_or(|scanned| scanned.len < text.len()) {
            return Err(fail("it is not one record"));
        }
        if names.iter().any(String::is_empty) {
            return Err(fail("a name is empty"));
        }
        let twice =
            names.iter().enumerate().any(|(at, name)| names.iter().skip(at + 1).any(|other| other == name));
        if twice { Err(fail("a name stands twice")) } else { Ok(Self(names)) }
    }
}

impl fmt::Display for KeyColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&record::encode(self.0.iter().map(String::as_str), b','))
    }
}

impl Key {
    /// The values, in the order of the key's columns.
    pub fn values(&self) -> &[String] {
        &self.0
    }
}

/// As it would stand in a CSV file.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&record::encode(self.0.iter().map(String::as_str), b','))
    }
}
