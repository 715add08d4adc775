//! What a pipeline file says, as values.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::command::Command;
use super::input::{Input, Leaf};
use crate::object::{Digest, PipelineName, StageName};
use crate::pipeline::stage::{bin, measure, select};

/// A pipeline: a named graph of stages.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name.
    pub name: PipelineName,
    /// What it is for.
    pub description: String,
    /// Its stages, by name.
    pub stages: BTreeMap<StageName, Stage>,
}

/// One stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What it reads.
    pub input: Input,
    /// What it does.
    pub work: Work,
    /// What becomes of jobs that pile up.
    pub piled_up: PiledUp,
    /// The canonical text of what it does, which decides whether an old result can be used.
    pub code: String,
    /// The byte of the file at which its input is written.
    pub at: usize,
}

/// What a stage does.
#[derive(Debug, Clone)]
pub enum Work {
    /// Regroups files by time.
    Bin(Box<bin::Params>),
    /// Measures estimates against truths.
    Measure(Box<measure::Params>),
    /// Chooses the best measure.
    Select(Box<select::Params>),
    /// Runs a program.
    Command(Box<Command>),
}

/// What becomes of the queued jobs of one branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PiledUp {
    /// The newest does the work of all.
    Together,
    /// Each is run, in their order.
    OneByOne,
}

/// What happens when two datums write one path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// The job fails and names both.
    #[default]
    Error,
    /// The contents follow each other in the order of the datums.
    Concat,
    /// The last datum in order wins.
    Last,
}

impl Stage {
    /// How the stage cuts its inputs and puts its outputs together, as text that is the same for the same meaning. Which repo
    /// and branch they come from is not part of it.
    pub fn plan_text(&self) -> String {
        let rule = match &self.work {
            Work::Command(command) => format!("{:?}", command.on_conflict),
            _ => String::new(),
        };
        format!("{}{rule}", self.input.cut_text())
    }

    /// Its sources, in the order they were written.
    pub fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        self.input.leaves().into_iter()
    }

    /// The digest of what the stage does, given the content of its declared files.
    pub fn code_digest(&self, files: &[(String, Digest)]) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vds stage code 1\0").update(self.code.as_bytes());
        for (name, digest) in files {
            hasher.update(b"\0").update(name.as_bytes()).update(b"\0").update(digest.as_bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

/// How the environment of a program speaks of an input.
pub fn variable(input: &str) -> String {
    input.to_uppercase().replace('-', "_")
}
