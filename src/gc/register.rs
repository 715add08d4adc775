//! The table of commits whose files were let go, as a collection leaves it.
//!
//! What it tells of a commit stays for as long as there is a record of that: else whoever found the record would take it that the files are
//! there. And it is told before the record comes, from another store (`transfer`). So nothing is dropped of what is about to come either: that is known when
//! nobody else is at work.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use crate::history::{self, LetGo};
use crate::object::{CommitId, NodeId};
use crate::owner;
use crate::reach::{self, Marks, Root};
use crate::store::Store;

/// What becomes of what the table tells of commits that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// It goes.
    Go,
    /// It stays.
    Stay,
}

/// The table as it is to be.
#[derive(Debug)]
pub(super) struct Written {
    /// Its root, if it changes. It is in the packs.
    pub(super) table: Option<NodeId>,
    /// The commits that it does not tell of any more.
    pub(super) dropped: BTreeSet<CommitId>,
}

/// Writes the table with the commits whose files go, too, and with what is told of results.
pub(super) fn write(
    store: &Store,
    marks: &Marks<'_>,
    before: Option<NodeId>,
    (goes, results): (&BTreeMap<CommitId, LetGo>, Option<&LetGo>),
    absent: Absent,
) -> Result<Written, Error> {
    let writer = store.writer();
    let dropped = RefCell::new(BTreeSet::new());
    let is_known = |id: &CommitId| {
        let digest = id.digest();
        let is_needed = marks.catalogue.find(digest).is_some() && marks.has_entered(digest);
        let is_there = || store.objects().find(digest).map_or(true, |found| found.is_some());
        is_needed || absent == Absent::Stay || is_there() || !dropped.borrow_mut().insert(*id)
    };
    let table = history::write_let_go(&writer, before, goes, &is_known, results)?;
    writer.finish()?;
    // Nodes of it may have been there before, and nothing else need them.
    if let Some(table) = table {
        reach::visit(store.objects(), Root::Plain(table), marks)?;
    }
    Ok(Written { table, dropped: dropped.into_inner() })
}

/// Whether these may be dropped: nobody else is at work, and there is no record of any. To be asked in the session in which they are.
pub(super) fn may_drop(store: &Store, dropped: &BTreeSet<CommitId>) -> Result<bool, Error> {
    if dropped.is_empty() {
        return Ok(true);
    }
    let present =
        owner::presences(store.tmp()).map_err(|source| Error::Io { verb: "list who works here", source })?;
    store.objects().complete()?;
    let mut may_drop = present.is_empty();
    for id in dropped {
        may_drop = may_drop && store.objects().find(id.digest())?.is_none();
    }
    Ok(may_drop)
}
