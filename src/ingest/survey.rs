//! A look at a directory whose files are known: what is there, and the reading of what has changed.

use std::path::Path;

use rayon::prelude::*;

use super::error::Error;
use super::read::{Known, Taken, read};
use super::room;
use super::walk::{Found, Walked, walk_all};
use crate::object::{Entry, ObjectWrite};
use crate::progress::{Amount, Progress};
use crate::stamp::Begun;
use crate::store::Store;

/// What lies in a directory.
#[derive(Debug)]
pub struct Survey {
    /// The files and links, sorted by path.
    pub files: Vec<Found>,
    /// Names that no tree can have, with the reasons.
    pub illegal: Vec<Error>,
    /// What was passed over, as lines for a person.
    pub warnings: Vec<String>,
}

/// What lies below `root`, but for the store itself and what is to be left out.
pub fn survey(root: &Path, store: &Store) -> Result<Survey, Error> {
    let Walked { files, passed, illegal } = walk_all(root, None, Some(store.root()))?;
    let mut warnings = passed.lines().0;
    warnings.extend(illegal.first().map(|first| match illegal.len() {
        1 => format!("{first}: it cannot be committed"),
        count => format!("{count} files cannot be committed, such as this one: {first}"),
    }));
    Ok(Survey { files, illegal, warnings })
}

/// Reads each of `files` into `sink`: with what is there now, which is nothing if it went away. `begun` is from before they
/// were looked at. Where `room` is a store, its disk must have room for them.
pub fn read_each(
    sink: &dyn ObjectWrite,
    files: Vec<Found>,
    begun: Begun,
    room: Option<&Store>,
    progress: &dyn Progress,
) -> Result<Vec<(Found, Option<Entry>)>, Error> {
    if let Some(store) = room {
        room::check(store, files.iter())?;
    }
    let sizes = files.iter().map(|found| found.stamp.size).fold(0, u64::saturating_add);
    progress.begin("reading files", Amount::Bytes(Some(sizes)));
    let read = files.into_par_iter().map(|found| match read(sink, found, begun, progress)? {
        Taken::Known(Known { found, entry, .. }) => Ok((found, Some(entry))),
        Taken::Passed(_, found) => Ok((found, None)),
    });
    let read: Vec<Result<_, Error>> = read.collect();
    progress.end();
    read.into_iter().collect()
}
