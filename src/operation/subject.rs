//! What a changed fact is about, and what going back does with it.

use super::mark;
use crate::ledger::{KeyChange, Operation, OriginKind};
use crate::{history, pipeline, setting};

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    History(history::Subject),
    Pipeline(pipeline::Subject),
    Setting(setting::Subject),
    /// That the operation of this number is undone.
    Mark(u64),
    Other,
}

/// What going back does with a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// It gets its old value again, if nothing else has changed it.
    Reverted,
    /// It gets its old value again where nothing else has changed it, and else stays: it follows from what came last.
    Followed,
    /// It is put back where it was removed, and else stays: knowledge about commits and versions, which stays true.
    PutBack,
    /// It stays: numbers are used once, and jobs are what they are.
    Left,
}

impl Subject {
    pub(super) fn of(key: &[u8]) -> Self {
        let mark = mark::number(key).map(Self::Mark);
        mark.or_else(|| history::subject(key).map(Self::History))
            .or_else(|| pipeline::subject(key).map(Self::Pipeline))
            .or_else(|| setting::subject(key).map(Self::Setting))
            .unwrap_or(Self::Other)
    }

    pub(super) fn care(&self) -> Care {
        use crate::history::Subject as H;
        use crate::pipeline::Subject as P;
        match self {
            Self::History(
                H::Repo(_)
                | H::Branch(..)
                | H::Tag(..)
                | H::Pin(..)
                | H::Merge(..)
                | H::MergePolicy(_)
                | H::Remote(_)
                | H::RemoteBranch(..),
            )
            | Self::Pipeline(P::Pipeline(_) | P::Follow(..))
            | Self::Setting(_)
            | Self::Mark(_)
            | Self::Other => Care::Reverted,
            Self::Pipeline(P::Taken(..)) => Care::Followed,
            Self::History(H::Commit(..) | H::Derived(..)) | Self::Pipeline(P::Version) => Care::PutBack,
            Self::History(H::NextRepo | H::KeptSince | H::LetGo | H::Purge(_))
            | Self::Pipeline(P::Job(_) | P::Machinery) => Care::Left,
        }
    }
}

/// Whether a person made this operation, and it changed something that can be taken back.
pub(super) fn is_change(operation: &Operation) -> bool {
    let reverted =
        |change: &KeyChange| matches!(Subject::of(&change.key).care(), Care::Reverted | Care::Followed);
    operation.origin.kind == OriginKind::Operation && operation.changes.iter().any(reverted)
}
