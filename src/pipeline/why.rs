//! What is new about a stage in a version of its pipeline.

use super::registry::Pipeline;
use super::spec::{Stage, Work};
use crate::object::StageName;

/// What is new about a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There was no such stage.
    New,
    /// What it does: its kind, its parameters, its command or the files that belong to it.
    Code,
    /// How it cuts its inputs.
    Cut,
    /// How outputs are put together that write one path.
    OnConflict,
    /// What lets through what has come to its inputs.
    Trigger,
    /// Nothing of these: what it reads may have changed, or where it runs.
    Nothing,
}

impl Why {
    /// What is new about the stage since `before`.
    pub fn of(before: Option<&Pipeline>, after: &Pipeline, name: &StageName, stage: &Stage) -> Self {
        let Some((before, old)) = before.and_then(|before| Some((before, before.spec.stages.get(name)?)))
        else {
            return Self::New;
        };
        let triggers = |stage: &Stage| -> Vec<String> {
            stage
                .leaves()
                .map(|leaf| leaf.trigger.as_ref().map(ToString::to_string).unwrap_or_default())
                .collect()
        };
        let rule = |stage: &Stage| match &stage.work {
            Work::Command(command) => Some(command.on_conflict),
            _ => None,
        };
        if before.code_digest(old) != after.code_digest(stage) {
            Self::Code
        } else if before.plan_digest(old) != after.plan_digest(stage) {
            if rule(old) == rule(stage) { Self::Cut } else { Self::OnConflict }
        } else if triggers(old) != triggers(stage) {
            Self::Trigger
        } else {
            Self::Nothing
        }
    }

    /// The reason in a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Code => "code changed",
            Self::Cut => "input changed",
            Self::OnConflict => "on_conflict changed",
            Self::Trigger => "trigger changed",
            Self::Nothing => "unchanged",
        }
    }

    /// What is new, by the name of the key that says it; `None` if nothing of that is.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::New => Some("new"),
            Self::Code => Some("code"),
            Self::Cut => Some("input"),
            Self::OnConflict => Some("on_conflict"),
            Self::Trigger => Some("trigger"),
            Self::Nothing => None,
        }
    }
}
