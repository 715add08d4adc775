//! What can go wrong with a purge. All is as it was then.

use crate::fault::{Kind, fault};
use crate::history::{self, Target};
use crate::object::{AccessError, BlobId, RepoName, TreePath};
use crate::{content, integrate, ledger, pipeline, reach, snapshot, tree, workspace};

/// A failed purge. All is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// No commit has such a file.
    #[error("no commit of {repo} has anything at {path}")]
    NoSuchPath { repo: RepoName, path: TreePath },
    /// The store has no such blob.
    #[error("this store has no blob {blob}")]
    NoSuchBlob { blob: BlobId },
    /// A merge is open that knows of it.
    #[error("the open merge into {target} has what is to go")]
    OpenMerge { target: Target },
    /// A job reads it.
    #[error("job {id} ({stage}) {state} and has what is to go")]
    AtWork { id: u64, stage: String, state: &'static str },
    /// A pipeline has it as its code.
    #[error("version {version} of the pipeline {pipeline} has it as its code")]
    Code { pipeline: String, version: u64 },
    /// Others kept changing the store.
    #[error("other processes kept changing the store")]
    Contended,
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// Pipelines failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// What facts name could not be told.
    #[error(transparent)]
    Reach(#[from] reach::Error),
    /// The workspaces of the store could not be told.
    #[error(transparent)]
    Workspace(#[from] workspace::Error),
    /// An open merge could not be read.
    #[error(transparent)]
    Integrate(#[from] integrate::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// A snapshot failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// A file's content failed.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
}

fault! {
    Error passes on History, Pipeline, Reach, Workspace, Integrate, Ledger, Tree, Snapshot, Content, Object;
    kind {
        Self::NoSuchPath { .. } | Self::NoSuchBlob { .. } => Kind::NotFound,
        Self::OpenMerge { .. } | Self::Code { .. } => Kind::Refused,
        Self::AtWork { .. } | Self::Contended => Kind::Busy,
    }
    hint {
        Self::NoSuchPath { repo, path } => Some(format!("`vds log {repo}:{path}` shows which commits have changed a path")),
        Self::NoSuchBlob { .. } => Some("`vds ls --json REPO@REV:PATH` shows the blob of a file".to_owned()),
        Self::OpenMerge { target } => {
            Some(format!("`vds merge --continue {target}` or `vds merge --abort {target}` first"))
        }
        Self::AtWork { id, .. } => Some(format!("wait until it has ended (`vds run`), or `vds job cancel {id}`")),
        Self::Code { pipeline, .. } => Some(format!(
            "update the pipeline with other code first; what older versions of {pipeline} had goes with `vds pipeline delete {pipeline}`"
        )),
        Self::Contended => Some("nothing was changed; try again".to_owned()),
    }
}
