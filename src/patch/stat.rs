//! How many lines differ in a file.

use super::error::Error;
use crate::compare::Difference;
use crate::content;
use crate::lines;
use crate::object::{Entry, ObjectRead, TreePath};

/// Files up to this size are read to count lines, in bytes.
const MOST: u64 = 1 << 20;

/// Lines that came and went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineCounts {
    /// Those that came.
    pub added: u64,
    /// Those that went away.
    pub removed: u64,
}

/// Counts the lines that differ. `None` for what is no text or not small, and where no content differs.
pub fn line_counts(objects: &dyn ObjectRead, difference: &Difference) -> Result<Option<LineCounts>, Error> {
    let Difference { path, before, after, renamed_from } = difference;
    let blob = |entry: &Option<Entry>| entry.map(|entry| entry.blob);
    let size = |entry: &Option<Entry>| entry.map_or(0, |entry| entry.size);
    if renamed_from.is_some() || blob(before) == blob(after) || size(before).max(size(after)) > MOST {
        return Ok(None);
    }
    let (before, after) = (load(objects, path, before.as_ref())?, load(objects, path, after.as_ref())?);
    if !lines::is_text(&before) || !lines::is_text(&after) {
        return Ok(None);
    }
    let mut counts = LineCounts { added: 0, removed: 0 };
    for hunk in lines::hunks(&before, &after) {
        counts.added += hunk.after.len() as u64;
        counts.removed += hunk.before.len() as u64;
    }
    Ok(Some(counts))
}

fn load(objects: &dyn ObjectRead, path: &TreePath, entry: Option<&Entry>) -> Result<Vec<u8>, Error> {
    let Some(entry) = entry else { return Ok(Vec::new()) };
    content::load(objects, entry.blob).map_err(|source| Error::Content { path: path.clone(), source })
}
