//! The shapes of merges and their conflicts.

use serde::Serialize;

use super::shapes::File;
use crate::fault::Cause;
use crate::history;
use crate::integrate::{Choice, Ends, Integrated};
use crate::merge::{Conflict as Found, ConflictKind, Followed as Follow, Parted as Part, Strategy};
use crate::object::{CommitId, Entry, ObjectWrite, TreePath};
use crate::snapshot::{self, Snapshot};
use crate::tree;

/// One of the three versions of a path in conflict.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// The commit that it is of; `null` of several common ancestors, or of none.
    pub commit: Option<String>,
    /// The file; `null` where there is none.
    pub file: Option<File>,
    /// Of a file against a directory: the directory.
    pub directory: Option<Subtree>,
}

/// A directory that stands against a file.
#[derive(Debug, Clone, Serialize)]
pub struct Subtree {
    /// How many files it has, all levels counted.
    pub files: u64,
    /// Their bytes.
    pub size: u64,
    /// The id of the tree that these files are: the same if and only if their paths in it, kinds and contents are.
    pub tree: String,
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
    /// Of a deleted file: where the side that deleted it has its content now. Of several places none is the right one.
    pub renamed_to: Vec<String>,
    /// The strategy that was tried.
    pub strategy: String,
    /// What the strategy left.
    pub draft: Option<File>,
    /// Why the strategy did not settle it, or what inside the file is at odds.
    pub details: Vec<String>,
    /// What was chosen: `ours`, `theirs`, `base`, `draft`, `file` or `moved`.
    pub choice: Option<&'static str>,
    /// If it was `moved`: where it goes.
    pub moved_to: Option<String>,
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

impl Conflict {
    /// The view of a conflict between these commits, and what was chosen for it. Nothing that is written to `sink` is needed later.
    pub fn new(
        sink: &dyn ObjectWrite,
        conflict: &Found,
        ends: &Ends,
        chosen: Option<&Choice>,
    ) -> Result<Self, Cause> {
        let Found { clash, strategy, draft, details } = conflict;
        let base = if let [base] = ends.bases.as_slice() { Some(*base) } else { None };
        let version = |commit: Option<CommitId>, entry: Option<Entry>| -> Result<Version, Cause> {
            let is_directory = clash.kind == ConflictKind::FileDirectory && entry.is_none();
            let directory = match commit.filter(|_| is_directory) {
                Some(commit) => Subtree::find(sink, commit, &clash.path)?,
                None => None,
            };
            let file = entry.map(|entry| File::new(&clash.path, &entry));
            Ok(Version { commit: commit.map(|id| id.to_string()), file, directory })
        };
        let moved_to = match chosen {
            Some(Choice::Moved { to, .. }) => Some(to.to_string()),
            _ => None,
        };
        Ok(Self {
            path: clash.path.to_string(),
            kind: clash.kind.word(),
            base: version(base, clash.versions.base)?,
            ours: version(Some(ends.ours), clash.versions.ours)?,
            theirs: version(ends.theirs, clash.versions.theirs)?,
            renamed_to: clash.renamed_to.iter().map(ToString::to_string).collect(),
            strategy: strategy.to_string(),
            draft: draft.map(|entry| File::new(&clash.path, &entry)),
            details: details.clone(),
            choice: chosen.map(Choice::word),
            moved_to,
        })
    }
}

impl Subtree {
    /// The directory at `path` in the commit, if there is one.
    fn find(sink: &dyn ObjectWrite, commit: CommitId, path: &TreePath) -> Result<Option<Self>, Cause> {
        let root = history::load_whole(sink, commit)?.tree;
        let inside = snapshot::below(Some(path));
        let mut files = Vec::new();
        for (at, entry) in Snapshot::new(sink, root).files_at(Some(path))? {
            files.extend(at.as_str().strip_prefix(&inside).map(|rest| (rest.as_bytes().to_vec(), entry)));
        }
        if files.is_empty() {
            return Ok(None);
        }
        let (count, size) = (files.len() as u64, files.iter().map(|(_, entry)| entry.size).sum());
        Ok(Some(Self { files: count, size, tree: tree::build(sink, files)?.to_string() }))
    }
}

impl Settled {
    /// The view of a settled file.
    pub fn new((path, strategy): &(TreePath, Strategy)) -> Self {
        Self { path: path.to_string(), strategy: strategy.to_string() }
    }
}

/// A renamed file whose change went to its new name.
#[derive(Debug, Clone, Serialize)]
pub struct Followed {
    /// The old name.
    pub from: String,
    /// The new one.
    pub to: String,
}

impl From<&Follow> for Followed {
    fn from(Follow { from, to }: &Follow) -> Self {
        Self { from: from.to_string(), to: to.to_string() }
    }
}

/// A file to which each side gave another name, under which it is kept.
#[derive(Debug, Clone, Serialize)]
pub struct Parted {
    /// The old name.
    pub from: String,
    /// The names on the branch.
    pub ours: Vec<String>,
    /// The names on what is merged.
    pub theirs: Vec<String>,
}

impl From<&Part> for Parted {
    fn from(Part { from, ours, theirs }: &Part) -> Self {
        let names = |paths: &[TreePath]| paths.iter().map(ToString::to_string).collect();
        Self { from: from.to_string(), ours: names(ours), theirs: names(theirs) }
    }
}
