//! The file that says what format a store has.

use std::fs;
use std::io;
use std::path::Path;

use super::error::Error;
use crate::content;

/// The format that this release reads and writes.
pub(super) const FORMAT: u32 = 1;

/// The file that says so.
pub(super) const FORMAT_FILE: &str = "format";

fn settings() -> [String; 4] {
    [
        format!("chunk-min {}", content::CHUNK_MIN),
        format!("chunk-average {}", content::CHUNK_AVERAGE),
        format!("chunk-max {}", content::CHUNK_MAX),
        format!("small {}", content::SMALL),
    ]
}

pub(super) fn format_file() -> String {
    format!("vds {FORMAT}\n{}\n", settings().join("\n"))
}

/// The text of the file that says what format the store has.
fn read_format(root: &Path) -> Result<String, Error> {
    use io::ErrorKind::{InvalidData, IsADirectory, NotFound};
    let path = root.to_owned();
    fs::read_to_string(root.join(FORMAT_FILE)).map_err(|source| match source.kind() {
        NotFound => Error::Unmarked { path, reason: "is missing" },
        InvalidData => Error::Unmarked { path, reason: "is not text" },
        IsADirectory => Error::Unmarked { path, reason: "is a directory" },
        _ => Error::Io { verb: "open", path, source },
    })
}

/// Refuses what this release does not know.
pub(super) fn check_format(root: &Path) -> Result<(), Error> {
    let (path, text) = (root.to_owned(), read_format(root)?);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    match first.strip_prefix("vds ").and_then(|number| number.trim().parse().ok()) {
        None if text.trim().is_empty() => return Err(Error::Unmarked { path, reason: "is empty" }),
        None => return Err(Error::Unmarked { path, reason: "does not begin with `vds` and a number" }),
        Some(found) if found > FORMAT => return Err(Error::TooNew { path, found }),
        Some(_) => {}
    }
    let known = settings();
    match lines.find(|line| !line.is_empty() && !known.iter().any(|known| known == line)) {
        None => Ok(()),
        Some(line) => Err(Error::UnknownSetting { path, line: line.to_owned() }),
    }
}
