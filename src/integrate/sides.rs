//! What is to be brought onto a branch, as three versions of a tree.

use std::cell::RefCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::newer::Times;
use crate::draft::Draft;
use crate::history::{self, DEFAULT_BRANCH, Target};
use crate::merge::{self, Labels, Manner, Merged, Merger, Trees};
use crate::object::{CommitId, NodeId, ObjectWrite};
use crate::owner::Tmp;
use crate::tree;

/// Whether a merge may just move the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FastForward {
    /// Where the branch has nothing of its own.
    Allow,
    /// Never: there is always a merge commit.
    Never,
    /// A merge that cannot is refused.
    Only,
}

/// Whether histories without a common commit are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unrelated {
    /// They are not.
    Refuse,
    /// They are, as if both had begun with nothing.
    Allow,
}

/// What is to be brought onto a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// All that `theirs` has, with its history.
    Merge {
        /// The commit to merge.
        theirs: CommitId,
        /// Whether the branch may just be moved.
        forward: FastForward,
        /// Whether unrelated histories are merged.
        unrelated: Unrelated,
    },
    /// All that `theirs` has, as one commit of its own.
    Squash {
        /// The commit to merge.
        theirs: CommitId,
        /// Whether unrelated histories are merged.
        unrelated: Unrelated,
    },
    /// What a commit changed.
    CherryPick {
        /// The commit.
        commit: CommitId,
        /// Of a merge: which of its parents, from 1, it is compared with.
        mainline: Option<usize>,
    },
    /// What a commit changed, the other way round.
    Revert {
        /// The commit.
        commit: CommitId,
        /// Of a merge: which of its parents, from 1, it is compared with.
        mainline: Option<usize>,
    },
}

/// What is to be brought onto a branch, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// What.
    pub action: Action,
    /// How.
    pub manner: Manner,
    /// What the commit says.
    pub message: String,
}

/// What the merge of what is called `theirs` says when nothing else is said.
pub fn default_message(theirs: &str, target: &Target) -> String {
    let into = match target.branch.as_str() {
        DEFAULT_BRANCH => String::new(),
        branch => format!(" into {branch}"),
    };
    // Twelve digits name a commit wherever people read.
    let is_id = theirs.len() == 64 && theirs.bytes().all(|byte| byte.is_ascii_hexdigit());
    let theirs = theirs.get(..12).filter(|_| is_id).unwrap_or(theirs);
    format!("merge {theirs}{into}")
}

impl Action {
    /// The name of the verb.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Merge { .. } | Self::Squash { .. } => "merge",
            Self::CherryPick { .. } => "cherry-pick",
            Self::Revert { .. } => "revert",
        }
    }

    /// The commit that is brought.
    pub fn commit(&self) -> CommitId {
        match *self {
            Self::Merge { theirs, .. } | Self::Squash { theirs, .. } => theirs,
            Self::CherryPick { commit, .. } | Self::Revert { commit, .. } => commit,
        }
    }

    /// What is merged with its history, whole; `None` if a single change is brought.
    pub(super) fn merged(&self) -> Option<CommitId> {
        match *self {
            Self::Merge { theirs, .. } | Self::Squash { theirs, .. } => Some(theirs),
            Self::CherryPick { .. } | Self::Revert { .. } => None,
        }
    }

    /// Whether unrelated histories are merged.
    fn unrelated(&self) -> Unrelated {
        match *self {
            Self::Merge { unrelated, .. } | Self::Squash { unrelated, .. } => unrelated,
            Self::CherryPick { .. } | Self::Revert { .. } => Unrelated::Allow,
        }
    }
}

/// What is needed to bring sides together.
pub(super) struct Bench<'a> {
    pub(super) sink: &'a dyn ObjectWrite,
    pub(super) tmp: &'a Tmp,
}

/// The commits whose versions are brought together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// The branch's head.
    pub ours: CommitId,
    /// What is brought; of a revert, what was there before. Before a first commit there was nothing.
    pub theirs: Option<CommitId>,
    /// What both come from. Several have been merged with each other first.
    pub bases: Vec<CommitId>,
}

/// The three versions that an action means on a branch, and the commits that they are of.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub(super) trees: Trees,
    pub(super) ends: Ends,
}

impl Bench<'_> {
    fn tree(&self, commit: CommitId) -> Result<NodeId, Error> {
        Ok(history::load_whole(self.sink, commit)?.tree)
    }

    /// The versions that are to be brought together on top of `ours`; of a merge, `bases` are the best common ancestors.
    pub(super) fn sides(
        &self,
        ours: CommitId,
        bases: Vec<CommitId>,
        request: &Request,
    ) -> Result<Sides, Error> {
        let (base, theirs, ends) = match request.action {
            Action::Merge { theirs, .. } | Action::Squash { theirs, .. } => {
                if bases.is_empty() && request.action.unrelated() == Unrelated::Refuse {
                    return Err(Error::Unrelated { theirs: request.manner.labels.theirs.clone() });
                }
                let base = self.base_tree(&bases, &request.manner)?;
                (base, self.tree(theirs)?, Ends { ours, theirs: Some(theirs), bases })
            }
            Action::CherryPick { commit, mainline } => {
                let Change { before, after, parent } = self.change(commit, mainline)?;
                let bases = parent.into_iter().collect();
                (before, after, Ends { ours, theirs: Some(commit), bases })
            }
            Action::Revert { commit, mainline } => {
                let Change { before, after, parent } = self.change(commit, mainline)?;
                (after, before, Ends { ours, theirs: parent, bases: vec![commit] })
            }
        };
        Ok(Sides { trees: Trees { base, ours: self.tree(ours)?, theirs }, ends })
    }

    fn change(&self, id: CommitId, mainline: Option<usize>) -> Result<Change, Error> {
        let commit = history::load_whole(self.sink, id)?;
        let after = commit.tree;
        let parent = match (commit.parents.as_slice(), mainline) {
            ([], None) => return Ok(Change { before: tree::empty(self.sink)?, after, parent: None }),
            ([only], None) => *only,
            (parents, None) => return Err(Error::WhichParent { commit: id, count: parents.len() }),
            (parents, Some(number)) => *number
                .checked_sub(1)
                .and_then(|at| parents.get(at))
                .ok_or(Error::NoParent { commit: id, number, count: parents.len() })?,
        };
        Ok(Change { before: self.tree(parent)?, after, parent: Some(parent) })
    }

    /// The tree that stands for the common ancestor. Several are merged with each other first, oldest first, as git's recursive
    /// strategy does; what is at odds between them stays as it was before them.
    fn base_tree(&self, bases: &[CommitId], manner: &Manner) -> Result<NodeId, Error> {
        Recursive { bench: self, manner, known: RefCell::default() }.tree(bases)
    }

    pub(super) fn merge(&self, sides: &Sides, manner: &Manner) -> Result<Merged, Error> {
        let times = Times::new(self.sink, &sides.ends);
        let newer = |path: &_| Ok(times.newer(path)?);
        Ok(Merger::new(self.sink, self.tmp, manner, &newer).merge(sides.trees)?)
    }
}

/// What a commit changed: the trees before and after it, and the commit before it.
struct Change {
    before: NodeId,
    after: NodeId,
    parent: Option<CommitId>,
}

struct Recursive<'a> {
    bench: &'a Bench<'a>,
    manner: &'a Manner,
    /// What was made of these commits.
    known: RefCell<HashMap<Vec<CommitId>, NodeId>>,
}

impl Recursive<'_> {
    fn tree(&self, commits: &[CommitId]) -> Result<NodeId, Error> {
        let sink = self.bench.sink;
        // They come newest first.
        let mut oldest_first: Vec<CommitId> = commits.iter().rev().copied().collect();
        match oldest_first.as_slice() {
            [] => return Ok(tree::empty(sink)?),
            [only] => return self.bench.tree(*only),
            _ => {}
        }
        if let Some(known) = self.known.borrow().get(&oldest_first) {
            return Ok(*known);
        }
        let Some(last) = oldest_first.pop() else { return Ok(tree::empty(sink)?) };
        let rest: Vec<CommitId> = oldest_first.iter().rev().copied().collect();
        let before = history::merge_bases(sink, &rest, &[last])?;
        let trees =
            Trees { base: self.tree(&before)?, ours: self.tree(&rest)?, theirs: self.bench.tree(last)? };
        let labels = Labels { ours: "an earlier version".to_owned(), theirs: "another one".to_owned() };
        let manner = Manner { labels, ..self.manner.clone() };
        let ends = Ends { ours: *rest.first().unwrap_or(&last), theirs: Some(last), bases: before };
        let times = Times::new(sink, &ends);
        let newer = |path: &_| Ok(times.newer(path)?);
        let edits = Merger::new(sink, self.bench.tmp, &manner, &newer).merge_bases(trees)?;
        let (tree, _) = apply(sink, trees.ours, edits)?;
        oldest_first.push(last);
        self.known.borrow_mut().insert(oldest_first, tree);
        Ok(tree)
    }
}

/// The tree `root` after these edits, and how it differs.
pub(super) fn apply(
    sink: &dyn ObjectWrite,
    root: NodeId,
    edits: merge::Edits,
) -> Result<(NodeId, crate::draft::Tally), Error> {
    let mut draft = Draft::new(root);
    for (path, entry) in edits {
        match entry {
            Some(entry) => draft.put(path, entry),
            None => draft.remove(path),
        }
    }
    Ok(draft.finish(sink)?)
}
