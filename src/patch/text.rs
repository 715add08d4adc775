//! What differs in a file, line by line, as a patch that `git apply` takes.

use super::error::Error;
use super::head::Sides;
use crate::compare::Difference;
use crate::content;
use crate::lines;
use crate::object::{Entry, FileKind, ObjectRead, TreePath};

/// So many lines around each change are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context(pub usize);

/// As many as git shows.
impl Default for Context {
    fn default() -> Self {
        Self(3)
    }
}

/// What differs. Of a file that is no text, and of one that is too large to be compared by line, only that it differs.
pub fn text(objects: &dyn ObjectRead, difference: &Difference, context: Context) -> Result<Vec<u8>, Error> {
    let Difference { path, before, after, renamed_from } = difference;
    if let (Some(from), Some(entry)) = (renamed_from, after) {
        let old = before.as_ref().unwrap_or(entry);
        return one(objects, Sides { before: Some((from, old)), after: Some((path, entry)) }, context);
    }
    let is_link = |entry: &Option<Entry>| entry.is_some_and(|entry| entry.kind == FileKind::Symlink);
    let (old, new) = (before.as_ref().map(|entry| (path, entry)), after.as_ref().map(|entry| (path, entry)));
    if old.is_some() && new.is_some() && is_link(before) != is_link(after) {
        // A link that becomes a file is another thing, not an edited one.
        let gone = one(objects, Sides { before: old, after: None }, context)?;
        let come = one(objects, Sides { before: None, after: new }, context)?;
        return Ok([gone, come].concat());
    }
    one(objects, Sides { before: old, after: new }, context)
}

fn one(objects: &dyn ObjectRead, sides: Sides<'_>, context: Context) -> Result<Vec<u8>, Error> {
    let mut out = sides.head().into_bytes();
    let blob = |file: Option<(&TreePath, &Entry)>| file.map(|(_, entry)| entry.blob);
    if blob(sides.before) == blob(sides.after) {
        return Ok(out);
    }
    let size = |file: Option<(&TreePath, &Entry)>| file.map_or(0, |(_, entry)| entry.size);
    let (largest, most) = (size(sides.before).max(size(sides.after)), lines::MAX_BYTES);
    let pair = sides.pair();
    if largest > most {
        let most = most >> 20;
        out.extend(
            format!("Large files {pair} differ (only up to {most} MiB are compared by line)\n").bytes(),
        );
        return Ok(out);
    }
    let (before, after) = (load(objects, sides.before)?, load(objects, sides.after)?);
    if !lines::is_text(&before) || !lines::is_text(&after) {
        out.extend(format!("Binary files {pair} differ\n").bytes());
        return Ok(out);
    }
    let hunks = lines::unified(&before, &after, context.0);
    if !hunks.is_empty() {
        out.extend(sides.names().bytes());
        out.extend(hunks);
    }
    Ok(out)
}

fn load(objects: &dyn ObjectRead, file: Option<(&TreePath, &Entry)>) -> Result<Vec<u8>, Error> {
    let Some((path, entry)) = file else { return Ok(Vec::new()) };
    content::load(objects, entry.blob).map_err(|source| Error::Content { path: path.clone(), source })
}
