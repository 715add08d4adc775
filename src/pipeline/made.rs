//! What an output holds, and whether that is what its stage makes of its inputs now.

use super::command;
use super::error::Error;
use super::job::{JobInput, JobSource};
use super::registry::Pipeline;
use super::spec::{Reprocess, Stage, Work};
use crate::history;
use crate::ledger::Session;
use crate::object::{BranchName, CommitId, ObjectRead, Provenance, RepoName};

/// What a branch of an output holds.
#[derive(Debug)]
pub(super) struct Made {
    /// Its newest commit.
    pub(super) commit: CommitId,
    /// What that was made of.
    of: Provenance,
    /// Whether a purge has taken something out of that since.
    is_stale: bool,
}

/// What the branch of the output holds, if a job made it.
pub(super) fn find(
    facts: &Session,
    objects: &dyn ObjectRead,
    output: &RepoName,
    branch: &BranchName,
) -> Result<Option<Made>, Error> {
    let Some(repo) = history::find(facts, output)? else { return Ok(None) };
    let Some(commit) = history::head(facts, &repo, branch)? else { return Ok(None) };
    let Some(of) = history::load(objects, commit)?.provenance else { return Ok(None) };
    let is_stale = history::purges(facts)?.is_stale(objects, commit)?;
    Ok(Some(Made { commit, of, is_stale }))
}

impl Made {
    /// Whether it is what the stage makes of these.
    pub(super) fn is_of(&self, pipeline: &Pipeline, stage: &Stage, inputs: &[JobInput]) -> bool {
        let read = self.of.inputs.iter().map(|input| JobSource::Commit(input.commit));
        !self.is_stale
            && self.of.code == pipeline.plan_digest(stage)
            && read.eq(inputs.iter().map(|input| input.source))
    }

    /// Whether the stage might make something else of the same another time: it does everything in every job, or has given up datums that
    /// it tries again.
    pub(super) fn may_differ(&self, objects: &dyn ObjectRead, stage: &Stage) -> Result<bool, Error> {
        let Work::Command(command) = &stage.work else { return Ok(false) };
        Ok(command.reprocess == Reprocess::EveryJob || command::has_recovered(objects, self.of.state)?)
    }
}
