//! An input with a trigger, as it stands: what has come to it, and what it was let have last.

use super::changes::InputAt;
use super::condition::{Condition, News, Verdict};
use super::error::Error;
use super::pattern::PathPattern;
use super::registry::{Pipeline, Triggered, output_name};
use super::taken::{Place, Taken};
use super::trigger::Moved;
use crate::history::{self, Repo};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{CommitId, ObjectRead, PipelineName, StageName};

/// An input with a trigger, on one branch.
pub(super) struct Gate {
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    /// The stage's output.
    output: Repo,
    /// The input's name.
    pub(super) input: String,
    pub(super) condition: Condition,
    glob: PathPattern,
    /// Since when it waits, in milliseconds since 1970.
    since: i64,
    /// What it was let have last.
    pub(super) taken: Option<CommitId>,
    /// What has come.
    pub(super) came: Moved,
}

impl Gate {
    /// The input of the pipeline to which this has come; `None` if the stage has no output yet.
    pub(super) fn of(
        facts: &Session,
        pipeline: &Pipeline,
        triggered: Triggered<'_>,
        came: &Moved,
    ) -> Result<Option<Self>, Error> {
        let Triggered { stage, leaf, condition } = triggered;
        let Some(output) = history::find(facts, &output_name(&pipeline.spec.name, stage)?)? else {
            return Ok(None);
        };
        let mut gate = Self {
            pipeline: pipeline.spec.name.clone(),
            stage: stage.clone(),
            output,
            input: leaf.name.clone(),
            condition: condition.clone(),
            glob: leaf.source.glob.clone(),
            since: pipeline.record.updated,
            taken: None,
            came: came.clone(),
        };
        if let Some(Taken { commit, since }) = gate.place().load(facts)? {
            (gate.taken, gate.since) = (Some(commit), since);
        }
        Ok(Some(gate))
    }

    fn place(&self) -> Place<'_> {
        let Moved { repo, branch, .. } = &self.came;
        Place { output: &self.output, source: repo, input: &self.input, branch }
    }

    /// How changes name it.
    pub(super) fn at(&self) -> InputAt {
        (self.output.name.clone(), self.input.clone(), self.came.at())
    }

    /// Whether its trigger lets through what has come.
    pub(super) fn judge(&self, objects: &dyn ObjectRead, now: i64) -> Result<Verdict, Error> {
        let Self { taken, since, ref glob, .. } = *self;
        let news = News { objects, taken, head: self.came.commit, glob: Some(glob), since, now };
        news.judge(&self.condition)
    }

    /// Adds to `batch` that it is let have what has come.
    pub(super) fn open(&self, facts: &Session, batch: &mut Batch, now: i64) -> Result<(), Error> {
        self.place().take(facts, batch, Taken { commit: self.came.commit, since: now })
    }
}
