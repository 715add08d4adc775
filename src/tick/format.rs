//! How a tick file is to be read: the parameters of the stages.

use serde::{Deserialize, Deserializer, de};

use super::stamp::Stamps;

/// All that is known beforehand about a tick file.
#[derive(Debug, Clone, Default)]
pub struct Format {
    /// The delimiter; found out when absent.
    pub delimiter: Option<Delimiter>,
    /// Whether there is a header.
    pub header: Header,
    /// Which columns are which.
    pub columns: Columns,
    /// Which price is wanted.
    pub price: Price,
    /// Which rows are wanted: all filters must let them through.
    pub filters: Vec<Filter>,
    /// The decimal sign.
    pub decimal: Separator,
    /// How stamps are read.
    pub stamps: Stamps,
    /// Whether a zero means that there is no price.
    pub zero_is_none: bool,
    /// Whether a row that equals an earlier one of the file is dropped.
    pub dedup: bool,
    /// What a bad row does.
    pub on_bad: OnBad,
}

/// A delimiter: one ASCII character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiter(pub u8);

/// Whether the first record names the columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// It does when none of its fields is a number or a stamp.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Columns by name or, as `#0`, by number; the usual names are tried where none is given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// The time, or date and time joined by `+`.
    pub time: Option<String>,
    /// The price.
    pub price: Option<String>,
    /// The size.
    pub size: Option<String>,
    /// The bid.
    pub bid: Option<String>,
    /// The ask.
    pub ask: Option<String>,
    /// The symbol.
    pub symbol: Option<String>,
}

/// Which price is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Price {
    /// The price column, else the middle of bid and ask.
    #[default]
    Trade,
    /// The bid.
    Bid,
    /// The ask.
    Ask,
}

/// A condition on one column: `col=v1|v2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The column.
    pub column: String,
    /// The values that pass.
    pub values: Vec<String>,
}

/// The decimal sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Separator {
    /// `1.5`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1,5`
    #[serde(rename = ",")]
    Comma,
}

/// What a bad row does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBad {
    /// It is passed over and counted.
    #[default]
    Skip,
    /// It fails the job.
    Fail,
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.as_str(), text.as_bytes()) {
            ("tab" | "\\t", _) => Ok(Self(b'\t')),
            (_, [byte]) if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                Ok(Self(*byte))
            }
            _ => Err(de::Error::custom(format!(
                "{text:?} is not a delimiter; expected one character or \"tab\""
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (column, values) =
            text.split_once('=').filter(|(column, _)| !column.trim().is_empty()).ok_or_else(|| {
                de::Error::custom(format!("{text:?} is not a filter; expected \"COLUMN=VALUE|VALUE\""))
            })?;
        let values = values.split('|').map(|value| value.trim().to_owned()).collect();
        Ok(Self { column: column.trim().to_owned(), values })
    }
}
