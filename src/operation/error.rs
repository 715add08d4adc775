//! What can go wrong with going back.

use std::fmt;

use crate::fault::{Kind, fault};
use crate::object::{AccessError, RepoName};
use crate::{history, ledger, pipeline, setting};

/// A failed look at operations, or going back that was refused. All is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// No operation has this number.
    #[error("there is no operation {number}")]
    Unknown { number: u64, newest: u64 },
    /// Nothing is left to be taken back.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// The newest change is no undo.
    #[error("there is nothing to redo")]
    NothingToRedo { undo: Option<u64> },
    /// The operation that would be chosen is another person's.
    #[error(
        "the newest change that could be meant, operation {number}, is not yours but that of {author}: {command}"
    )]
    NotYours { number: u64, author: String, command: String, yours: Option<u64> },
    /// It is undone already.
    #[error("operation {number} is undone already")]
    Undone { number: u64 },
    /// It is the machinery's, or changed nothing of people's.
    #[error("operation {number} changed nothing that can be taken back")]
    Nothing { number: u64 },
    /// What it would bring back may have been collected.
    #[error("{aim}: what operations before {since} had has been collected")]
    Collected { aim: Aim, since: u64 },
    /// A later operation changed the same.
    #[error("{aim}: operation {later} has changed {what} since ({command})")]
    Overtaken { aim: Aim, later: u64, command: String, what: String, kind: ledger::OriginKind },
    /// The pipelines would not fit to what is left.
    #[error("{aim}, because of the pipelines that there are now")]
    Misfit { aim: Aim, source: pipeline::Error },
    /// Only a stage may move its output.
    #[error("{aim}: {repo} is the output of a pipeline stage now, which alone writes it")]
    Output { aim: Aim, repo: RepoName },
    /// Other processes kept changing the store.
    #[error("{aim}: other processes kept changing the store")]
    Contended { aim: Aim },
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// Pipelines failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A setting cannot be read.
    #[error(transparent)]
    Setting(#[from] setting::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
}

/// What was to be done, as the beginning of why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// To take an operation back.
    Undo(u64),
    /// To bring one back that was taken back.
    Redo(u64),
    /// To go back to after an operation.
    Restore(u64),
}

impl Aim {
    /// Whether it is about this operation.
    pub(super) fn is(self, number: u64) -> bool {
        matches!(self, Self::Undo(own) | Self::Redo(own) | Self::Restore(own) if own == number)
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undo(number) => write!(f, "operation {number} cannot be undone"),
            Self::Redo(number) => write!(f, "operation {number} cannot be redone"),
            Self::Restore(number) => write!(f, "what was there after operation {number} cannot be restored"),
        }
    }
}

fault! {
    Error passes on History, Pipeline, Ledger, Setting, Object;
    kind {
        Self::Unknown { .. } => Kind::NotFound,
        Self::NothingToUndo
        | Self::NothingToRedo { .. }
        | Self::NotYours { .. }
        | Self::Undone { .. }
        | Self::Nothing { .. }
        | Self::Overtaken { .. }
        | Self::Collected { .. }
        | Self::Misfit { .. }
        | Self::Output { .. } => Kind::Refused,
        Self::Contended { .. } => Kind::Busy,
    }
    hint {
        Self::Unknown { newest: 0, .. } => Some("this store has no operations yet".to_owned()),
        Self::Unknown { newest, .. } => Some(format!("`vds op log` lists them; the newest is {newest}")),
        Self::NothingToUndo => Some("`vds op log` shows what was done".to_owned()),
        Self::NothingToRedo { undo: None } => Some("there is no undo that was not redone; `vds op log` shows what was done".to_owned()),
        Self::NothingToRedo { undo: Some(undo) } => {
            Some(format!("something was changed since the last undo; `vds undo {undo}` takes that undo back, if they do not meet"))
        }
        Self::NotYours { number, yours: None, .. } => Some(format!("`vds undo {number}` takes it back all the same")),
        Self::NotYours { number, yours: Some(yours), .. } => {
            Some(format!("`vds undo {yours}` takes your newest back, `vds undo {number}` theirs"))
        }
        Self::Undone { .. } => Some("`vds op log` shows what counts; `vds redo` brings back what was undone last".to_owned()),
        Self::Nothing { number } => Some(format!("`vds op show {number}` tells what it did")),
        Self::Overtaken { later, kind: ledger::OriginKind::Operation, .. } => {
            Some(format!("`vds undo {later}` first, or change it by hand: `vds op show {later}` tells what it did"))
        }
        Self::Overtaken { later, .. } => Some(format!("`vds op show {later}` tells what it did")),
        Self::Collected { since, .. } => Some(format!("operations from {since} on can be taken back; `vds gc --retain ops=TIME` says for how long")),
        Self::Misfit { source, .. } => crate::fault::Fault::hint(source),
        Self::Output { .. } => Some("delete the pipeline first (`vds pipeline delete NAME`)".to_owned()),
        Self::Contended { .. } => Some("try again; nothing was changed".to_owned()),
    }
}
