//! The file that says what format a store has.

use std::fs;
use std::io;
use std::path::Path;

use super::error::Error;
use super::migrate::is_known;
use crate::content;

/// The format that this release reads and writes.
pub(super) const FORMAT: u32 = 1;

/// The file that says so.
pub(super) const FORMAT_FILE: &str = "format";

/// The line in it, after the first, that says that the store is on its way to the next format.
pub(super) const MIGRATING: &str = "migrating";

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

/// The format that the store has, by its file, and what else that says.
pub(super) fn read_format(root: &Path) -> Result<(u32, String), Error> {
    use io::ErrorKind::{InvalidData, IsADirectory, NotFound};
    let unmarked = |reason| Error::Unmarked { path: root.to_owned(), reason };
    let text = fs::read_to_string(root.join(FORMAT_FILE)).map_err(|source| match source.kind() {
        NotFound => unmarked("is missing"),
        InvalidData => unmarked("is not text"),
        IsADirectory => unmarked("is a directory"),
        _ => Error::Io { verb: "open", path: root.to_owned(), source },
    })?;
    if text.trim().is_empty() {
        return Err(unmarked("is empty"));
    }
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    match first.strip_prefix("vds ").and_then(|number| number.trim().parse().ok()) {
        None => Err(unmarked("does not begin with `vds` and a number")),
        Some(found) => Ok((found, rest.to_owned())),
    }
}

/// Refuses what this release does not know.
pub(super) fn check_format(root: &Path) -> Result<(), Error> {
    let (path, (found, rest)) = (root.to_owned(), read_format(root)?);
    if found > FORMAT {
        return Err(Error::TooNew { path, found });
    }
    if rest.lines().next() == Some(MIGRATING) {
        return Err(Error::Migrating { path });
    }
    if found < FORMAT && is_known(found) {
        return Err(Error::TooOld { path, found });
    }
    if found < FORMAT {
        return Err(Error::Unmarked { path, reason: "names a format that no vds wrote" });
    }
    let known = settings();
    match rest.lines().find(|line| !line.is_empty() && !known.iter().any(|known| known == line)) {
        None => Ok(()),
        Some(line) => Err(Error::UnknownSetting { path, line: line.to_owned() }),
    }
}
