//! What an open merge names: what must be kept for its sake.

use super::error::Error;
use super::record::{Choice, Kept as _, Made, Record, VERSION};
use super::sides::Action;
use crate::merge::{Conflict, Versions};
use crate::object::{CommitId, Entry, NodeId, codec};
use crate::tree::Raw;

/// What an open merge names.
#[derive(Debug, Clone)]
pub struct KeptByMerge {
    /// The commits.
    pub commits: Vec<CommitId>,
    /// The map of its conflicts.
    pub conflicts: NodeId,
    /// The map of what was chosen.
    pub choices: NodeId,
}

/// What an open merge names, from the fact's value.
pub fn kept_by_merge(value: &[u8]) -> Result<KeptByMerge, Error> {
    let fail = |source| Error::Record { what: "an open merge".to_owned(), source };
    let Record { request, ends, conflicts, choices, .. } = codec::decode(VERSION, value).map_err(fail)?;
    let asked = match request.action {
        Action::Merge { theirs, .. } | Action::Squash { theirs, .. } => theirs,
        Action::CherryPick { commit, .. } | Action::Revert { commit, .. } => commit,
    };
    let commits = [asked, ends.ours].into_iter().chain(ends.theirs).chain(ends.bases).collect();
    Ok(KeptByMerge { commits, conflicts, choices })
}

/// The files that an entry in the map of conflicts of an open merge names.
pub fn conflict_names(value: &Raw) -> Result<Vec<Entry>, Error> {
    let fail = |source| Error::Record { what: "a conflict".to_owned(), source };
    let Conflict { clash, draft, .. } = Conflict::decode(&value.0).map_err(fail)?;
    let Versions { base, ours, theirs } = clash.versions;
    Ok([base, ours, theirs, draft].into_iter().flatten().collect())
}

/// The files that an entry in the map of choices of an open merge names.
pub fn choice_names(value: &Raw) -> Result<Vec<Entry>, Error> {
    let fail = |source| Error::Record { what: "a choice".to_owned(), source };
    let Made { versions, choice } = Made::decode(&value.0).map_err(fail)?;
    let chosen = match choice {
        Choice::File(entry) | Choice::Moved { entry, .. } => Some(entry),
        Choice::Ours | Choice::Theirs | Choice::Base | Choice::Draft => None,
    };
    let Versions { base, ours, theirs } = versions;
    Ok([base, ours, theirs, chosen].into_iter().flatten().collect())
}
