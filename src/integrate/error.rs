//! What can go wrong when changes are brought onto a branch.

use crate::change;
use crate::fault::{Kind, fault, some};
use crate::history::{self, Target};
use crate::ledger;
use crate::merge;
use crate::object::{AccessError, CommitId, TreePath, codec};
use crate::pipeline;
use crate::snapshot;
use crate::tree;

/// Nothing was brought onto the branch.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The two have no commit in common.
    #[error("{theirs} has no commit in common with the branch")]
    Unrelated { theirs: String },
    /// The branch has commits of its own, and only a move was asked for.
    #[error("{target} has commits that {theirs} has not, so it cannot just be moved there")]
    NotForward { target: Target, theirs: String },
    /// A merge has several parents.
    #[error(
        "{commit:.12} is a merge of {count} commits, and what it changed depends on which of them one looks from"
    )]
    WhichParent { commit: CommitId, count: usize },
    /// The commit has no such parent.
    #[error("{commit:.12} has no parent number {number}, only {count}")]
    NoParent { commit: CommitId, number: usize, count: usize },
    /// Another merge, revert or cherry-pick waits to be finished.
    #[error("a {verb} into {target} is open already")]
    Open { target: Target, verb: &'static str },
    /// No merge waits to be finished.
    #[error("no merge into {target} is open")]
    NotOpen { target: Target },
    /// Nothing that was named is in conflict.
    #[error("{text} is not in conflict")]
    NoConflict { text: String, nearest: Vec<String> },
    /// Several files were to become one.
    #[error("several conflicts cannot all go to {to}")]
    TwoToOne { to: TreePath },
    /// Something else is where a file is to go.
    #[error("nothing can be put at {to}: {file} is in the way")]
    InTheWay { to: TreePath, file: TreePath },
    /// Another file is where a file is to go.
    #[error("{to} is another file's place")]
    Taken { to: TreePath },
    /// A file was changed by the side that renamed it, too.
    #[error("{to} has content of its own, and {path} would replace it")]
    HasEdits { path: TreePath, to: TreePath },
    /// The version that was chosen does not exist.
    #[error("{path} has no version {version:?}")]
    NoVersion { path: TreePath, version: &'static str },
    /// A draft was chosen as it is.
    #[error("the draft of {path} still has conflicts in it: {detail}")]
    Unfinished { target: Target, path: TreePath, detail: String },
    /// Another process changed the open merge.
    #[error("the merge into {target} was changed by another process in the meantime")]
    Raced { target: Target },
    /// Files of a workspace hold what is not committed.
    #[error("local changes to files that it changes would be overwritten: {}", some(.paths))]
    WouldOverwrite { paths: Vec<TreePath> },
    /// Other processes kept moving the branch.
    #[error("{target} kept moving")]
    Contended { target: Target },
    /// A record has a form that this release does not know.
    #[error("cannot read the record of {what}")]
    Record { what: String, source: codec::Error },
    /// The merge failed.
    #[error(transparent)]
    Merge(#[from] merge::Error),
    /// The branch could not be changed.
    #[error(transparent)]
    Change(#[from] change::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// Pipelines failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// A snapshot failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
}

fault! {
    Error passes on Merge, Change, History, Pipeline, Ledger, Tree, Snapshot, Object;
    kind {
        Self::Unrelated { .. }
        | Self::NotForward { .. }
        | Self::Open { .. }
        | Self::InTheWay { .. }
        | Self::Taken { .. }
        | Self::HasEdits { .. }
        | Self::Unfinished { .. }
        | Self::WouldOverwrite { .. } => Kind::Refused,
        Self::WhichParent { .. } | Self::NoParent { .. } | Self::TwoToOne { .. } => Kind::Usage,
        Self::NotOpen { .. } | Self::NoConflict { .. } | Self::NoVersion { .. } => Kind::NotFound,
        Self::Raced { .. } | Self::Contended { .. } => Kind::Busy,
        Self::Record { .. } => Kind::Damaged,
    }
    hint {
        Self::Unrelated { .. } => {
            Some("--allow-unrelated merges them as if both had begun with nothing".to_owned())
        }
        Self::NotForward { .. } => Some("without --ff-only it is merged".to_owned()),
        Self::WhichParent { .. } => Some("--mainline 1 looks from the branch that it was made on".to_owned()),
        Self::NoParent { commit, .. } => Some(format!("`vds show {commit:.12}` tells its parents")),
        Self::Open { target, .. } => Some(format!(
            "`vds conflicts {target}` shows what is left; `vds merge --continue {target}` finishes it, `vds merge --abort {target}` drops it"
        )),
        Self::NotOpen { .. } => Some("`vds conflicts` shows the merges that are open".to_owned()),
        Self::NoConflict { nearest, .. } if !nearest.is_empty() => {
            Some(format!("did you mean {}?", nearest.join(" or ")))
        }
        Self::NoConflict { .. } => Some("`vds conflicts` shows what is in conflict".to_owned()),
        Self::TwoToOne { .. } => Some("say it of one path at a time".to_owned()),
        Self::InTheWay { .. } | Self::Taken { .. } => Some("choose another path".to_owned()),
        Self::HasEdits { path, to } => {
            Some(format!("put both together by hand, then `vds resolve {path} --with FILE --to {to}`"))
        }
        Self::NoVersion { .. } => Some("choose another version, or name a file".to_owned()),
        Self::Unfinished { target, path, .. } => Some(format!(
            "`vds conflicts {target} --into DIR` writes {path}.draft there; edit it, then `vds resolve {path} --with DIR/{path}.draft`; --force takes it as it is"
        )),
        Self::Raced { target } => Some(format!("`vds conflicts {target}` shows what is left now")),
        Self::WouldOverwrite { .. } => Some(
            "nothing was changed; commit them, or take them back with `vds restore PATH`, and give the command again".to_owned(),
        ),
        Self::Contended { .. } => Some("try again; nothing was changed".to_owned()),
        Self::Record { .. } => {
            Some("a later vds may have written it; or restore the store from a backup".to_owned())
        }
    }
}
