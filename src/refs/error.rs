//! What can go wrong with changes of branches, tags, pins and repos.

use crate::fault::{Kind, fault};
use crate::object::{CommitId, RepoName};
use crate::{change, history, ledger, pipeline};

/// A failed change of branches, tags or repos. All is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Pipelines read the repo.
    #[error("the repo {repo} is read by {}", .stages.join(", "))]
    IsRead { repo: RepoName, stages: Vec<String>, pipelines: Vec<String> },
    /// A stage writes the repo.
    #[error("the repo {repo} is the output of a stage of the pipeline {pipeline}")]
    IsOutput { repo: RepoName, pipeline: String },
    /// Another process was faster.
    #[error("the repo {repo} was changed by another process in the meantime")]
    Moved { repo: RepoName },
    /// The commit has no pin that could be removed.
    #[error("{repo}@{commit:.12} is not pinned")]
    NotPinned { repo: RepoName, commit: CommitId },
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A branch could not be changed.
    #[error(transparent)]
    Change(#[from] change::Error),
    /// Pipelines failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

fault! {
    Error passes on History, Change, Pipeline, Ledger;
    kind {
        Self::IsRead { .. } | Self::IsOutput { .. } => Kind::Refused,
        Self::NotPinned { .. } => Kind::NotFound,
        Self::Moved { .. } => Kind::Busy,
    }
    hint {
        Self::IsRead { pipelines, .. } => Some(match pipelines.as_slice() {
            [pipeline] => format!(
                "take it out of the pipeline's file first (`vds pipeline update FILE`), or delete the pipeline (`vds pipeline delete {pipeline}`)"
            ),
            several => format!(
                "take it out of the files of the pipelines {} first (`vds pipeline update FILE`), or delete these pipelines",
                several.join(", ")
            ),
        }),
        Self::IsOutput { pipeline, .. } => {
            Some(format!("`vds pipeline delete {pipeline}` makes its outputs ordinary repos"))
        }
        Self::NotPinned { repo, .. } => Some(format!("`vds pin list {repo}` shows what is")),
        Self::Moved { .. } => Some("try again; nothing was changed".to_owned()),
    }
}
