//! What can go wrong with a change of branches.

use crate::fault::{Kind, fault, some};
use crate::history::{self, Target};
use crate::ledger;
use crate::object::{AccessError, TreePath};
use crate::pipeline;
use crate::snapshot;
use crate::tree;

/// A failed change of a branch. The branch is where it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The message is too long.
    #[error("a commit message of {len} bytes is too long")]
    Message { len: usize },
    /// Another process changed the same files in the meantime.
    #[error("{target} has moved on, and {} there, too: {}", changed(.paths.len()), some(.paths))]
    Conflict { target: Target, paths: Vec<TreePath> },
    /// Another process deleted the branch.
    #[error("{target} was deleted by another process in the meantime")]
    Deleted { target: Target },
    /// Other processes kept moving the branch.
    #[error("{} kept moving", some(.targets))]
    Contended { targets: Vec<Target> },
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

fn changed(count: usize) -> String {
    if count == 1 {
        "one of your files was changed".to_owned()
    } else {
        format!("{count} of your files were changed")
    }
}

fault! {
    Error passes on History, Pipeline, Ledger, Tree, Snapshot, Object;
    kind {
        Self::Message { .. } => Kind::Usage,
        Self::Conflict { .. } => Kind::Refused,
        Self::Deleted { .. } | Self::Contended { .. } => Kind::Busy,
    }
    hint {
        Self::Message { .. } => Some("put long texts into a file and commit that".to_owned()),
        Self::Conflict { target, .. } => {
            Some(format!("look at `vds log {target}`, then commit again on top of it"))
        }
        Self::Deleted { .. } => Some("nothing was changed; the same commit again begins the branch anew".to_owned()),
        Self::Contended { .. } => Some("try again; nothing was changed".to_owned()),
    }
}
