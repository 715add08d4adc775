//! Operations as outsiders see them.

use std::fmt;

use serde::Serialize;

use super::text::{line, time_at};
use crate::ledger::OriginKind;
use crate::operation::{Changed, Noun, Standing, Told};

/// An operation.
#[derive(Debug, Clone, Serialize)]
pub struct Operation {
    /// Its number.
    pub number: u64,
    /// When, RFC 3339.
    pub time: String,
    /// Who made it.
    pub author: String,
    /// The command line.
    pub command: String,
    /// Whether vds made it for its own bookkeeping of jobs.
    pub housekeeping: bool,
    /// Whether it is undone.
    pub undone: bool,
    /// The operation that it took back.
    pub undid: Option<u64>,
    /// The operation that it brought back.
    pub redid: Option<u64>,
    /// What it changed.
    pub changes: Vec<OperationChange>,
}

/// One thing that an operation changed, by the names of that time.
#[derive(Debug, Clone, Serialize)]
pub struct OperationChange {
    /// `repo`, `output`, `pipeline`, `branch`, `tag`, `pin`, `open merge`, `merge rules`, `setting`, `remote`, `remote branch`, `commit`, `job` or `fact`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// What it was: a commit's id, a version, a name, a state.
    pub before: Option<String>,
    /// What it is since.
    pub after: Option<String>,
}

impl From<&Told> for Operation {
    fn from(told: &Told) -> Self {
        let Told { number, origin, standing, undid, redid, changes } = told;
        Self {
            number: *number,
            time: time_at(origin.time, origin.offset),
            author: origin.author.clone(),
            command: origin.command.clone(),
            housekeeping: origin.kind == OriginKind::Housekeeping,
            undone: *standing == Standing::Undone,
            undid: *undid,
            redid: *redid,
            changes: changes.iter().map(OperationChange::from).collect(),
        }
    }
}

impl From<&Changed> for OperationChange {
    fn from(changed: &Changed) -> Self {
        let what = match changed.noun {
            Noun::Repo => "repo",
            Noun::Output => "output",
            Noun::Pipeline => "pipeline",
            Noun::Branch => "branch",
            Noun::Tag => "tag",
            Noun::Pin => "pin",
            Noun::Commit => "commit",
            Noun::Job => "job",
            Noun::OpenMerge => "open merge",
            Noun::MergeRules => "merge rules",
            Noun::Follow => "follows",
            Noun::LetThrough => "let through",
            Noun::Setting => "setting",
            Noun::Remote => "remote",
            Noun::RemoteBranch => "remote branch",
            Noun::Other => "fact",
        };
        let Changed { name, before, after, .. } = changed.clone();
        Self { what, name, before, after }
    }
}

impl fmt::Display for OperationChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, before, after } = self;
        let name = line(name);
        let values = (before.as_deref(), after.as_deref());
        match (*what, values) {
            ("repo", (None, _)) => write!(f, "repo {name} made"),
            ("repo", (_, None)) => write!(f, "repo {name} deleted"),
            ("repo", (_, Some(new))) => write!(f, "repo {name} renamed to {new}"),
            ("output", (_, Some(stage))) => write!(f, "repo {name} becomes the output of {stage}"),
            ("output", (_, None)) => write!(f, "repo {name} becomes an ordinary repo"),
            ("pipeline", (None, Some(version))) => write!(f, "pipeline {name} made, version {version}"),
            ("pipeline", (Some(version), None)) => {
                write!(f, "pipeline {name} deleted, was version {version}")
            }
            ("pipeline", (Some(old), Some(new))) => write!(f, "pipeline {name} version {old}..{new}"),
            ("remote branch", (_, Some(commit))) => write!(f, "{name} seen at {commit:.12}"),
            ("branch", (None, Some(commit))) => write!(f, "{name} begins at {commit:.12}"),
            ("branch", (Some(commit), None)) => write!(f, "{name} deleted, was at {commit:.12}"),
            ("branch", (Some(old), Some(new))) => write!(f, "{name} {old:.12}..{new:.12}"),
            ("let through", (_, Some(commit))) => write!(f, "{name} let through at {commit:.12}"),
            ("let through", (_, None)) => write!(f, "{name} not let through any more"),
            ("tag", (None, Some(commit))) => write!(f, "tag {name} at {commit:.12}"),
            ("tag", (Some(commit), None)) => write!(f, "tag {name} deleted, was at {commit:.12}"),
            ("pin", (None, Some(commit))) => write!(f, "{name}@{commit:.12} pinned"),
            ("pin", (Some(commit), None)) => write!(f, "{name}@{commit:.12} pinned no longer"),
            ("commit", (_, Some(commit))) => write!(f, "commit {commit:.12} of {name}"),
            ("job", (None, Some(state))) => write!(f, "job {name} {state}"),
            ("job", (Some(old), Some(new))) => write!(f, "job {name} {old}..{new}"),
            ("setting", (None, Some(new))) => write!(f, "setting {name} is {new}"),
            ("setting", (Some(old), Some(new))) => write!(f, "setting {name} {old}..{new}"),
            ("setting", (Some(old), None)) => write!(f, "setting {name} removed, was {old}"),
            (_, (None, _)) => write!(f, "{what} {name} set"),
            (_, (_, None)) => write!(f, "{what} {name} removed"),
            (_, (Some(_), Some(_))) => write!(f, "{what} {name} changed"),
        }
    }
}
