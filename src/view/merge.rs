//! The shapes of merges and their conflicts.

use serde::Serialize;

use super::shapes::File;
use crate::integrate::{Choice, Ends, Integrated};
use crate::merge::{Conflict as Found, Strategy};
use crate::object::{CommitId, Entry, TreePath};

/// One of the three versions of a path in conflict.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// The commit that it is of; `null` of several common ancestors, or of none.
    pub commit: Option<String>,
    /// The file; `null` where there is none.
    pub file: Option<File>,
}

/// A path at which two sides do not go together.
#[derive(Debug, Clone, Serialize)]
pub struct Conflict {
    /// The path. Of a file against a directory, it stands for all that lies below it, too.
    pub path: String,
    /// `modify/modify`, `add/add`, `modify/delete`, `file/directory`, `mode` or `symlink`.
    pub kind: &'static str,
    /// In the common ancestor.
    pub base: Version,
    /// On the branch.
    pub ours: Version,
    /// On what is merged.
    pub theirs: Version,
    /// Of a deleted file: where the side that deleted it has its content now.
    pub renamed_to: Option<String>,
    /// The strategy that was tried.
    pub strategy: String,
    /// What the strategy left.
    pub draft: Option<File>,
    /// Why the strategy did not settle it, or what inside the file is at odds.
    pub details: Vec<String>,
    /// What was chosen: `ours`, `theirs`, `base`, `draft` or `file`.
    pub choice: Option<&'static str>,
}

/// A file that a strategy settled.
#[derive(Debug, Clone, Serialize)]
pub struct Settled {
    /// The path.
    pub path: String,
    /// The strategy.
    pub strategy: String,
}

/// What came of bringing changes onto a branch, in a word.
pub fn came(came: Integrated) -> &'static str {
    match came {
        Integrated::Nothing => "nothing",
        Integrated::Forwarded => "fast-forward",
        Integrated::Made => "made",
        Integrated::Conflicted => "conflicts",
    }
}

/// A choice in a word.
pub fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Ours => "ours",
        Choice::Theirs => "theirs",
        Choice::Base => "base",
        Choice::Draft => "draft",
        Choice::File(_) => "file",
    }
}

impl Conflict {
    /// The view of a conflict between these commits, and what was chosen for it.
    pub fn new(conflict: &Found, ends: &Ends, chosen: Option<Choice>) -> Self {
        let Found { clash, strategy, draft, details } = conflict;
        let base = if let [base] = ends.bases.as_slice() { Some(*base) } else { None };
        let version = |commit: Option<CommitId>, entry: Option<Entry>| Version {
            commit: commit.map(|id| id.to_string()),
            file: entry.map(|entry| File::new(&clash.path, &entry)),
        };
        Self {
            path: clash.path.to_string(),
            kind: clash.kind.word(),
            base: version(base, clash.versions.base),
            ours: version(Some(ends.ours), clash.versions.ours),
            theirs: version(ends.theirs, clash.versions.theirs),
            renamed_to: clash.renamed_to.as_ref().map(ToString::to_string),
            strategy: strategy.to_string(),
            draft: draft.map(|entry| File::new(&clash.path, &entry)),
            details: details.clone(),
            choice: chosen.map(choice),
        }
    }
}

impl Settled {
    /// The view of a settled file.
    pub fn new((path, strategy): &(TreePath, Strategy)) -> Self {
        Self { path: path.to_string(), strategy: strategy.to_string() }
    }
}
