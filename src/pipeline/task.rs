//! A job with all that is known when it begins, and what can become of it.

use crate::history::{Author, Repo};
use crate::object::{CommitId, Digest, InputCommit};
use crate::progress::Progress;
use crate::store::Store;

use super::base::{self, Base};
use super::error::Error;
use super::job::{Datums, Job};
use super::registry::Pipeline;
use super::results::Outcome;
use super::spec::Stage;

/// How often a publication is tried again when others change the same branch or table.
pub(super) const TRIES: usize = 50;

/// A job with all that is known when it begins.
pub(super) struct Task<'a> {
    pub(super) store: &'a Store,
    pub(super) job: &'a Job,
    pub(super) pipeline: &'a Pipeline,
    pub(super) stage: &'a Stage,
    pub(super) output: &'a Repo,
    /// The commits to read, in the order of the stage's sources.
    pub(super) inputs: &'a [InputCommit],
    /// The table of earlier results.
    pub(super) table: Option<crate::object::NodeId>,
    /// The digest of what the stage does.
    pub(super) code: Digest,
    /// The digest of that and of how the stage cuts its inputs.
    pub(super) plan: Digest,
    pub(super) author: &'a Author,
    pub(super) progress: &'a dyn Progress,
}

impl Task<'_> {
    /// The commits to read.
    pub(super) fn commits(&self) -> impl Iterator<Item = CommitId> {
        self.inputs.iter().map(|input| input.commit)
    }

    /// What an earlier job left, to start from.
    pub(super) fn base(&self) -> Result<Option<Base>, Error> {
        let inputs: Vec<CommitId> = self.commits().collect();
        let Self { store, output, plan, .. } = *self;
        base::find(&base::Wanted { store, output, branch: &self.job.branch, plan, inputs: &inputs })
    }
}

/// What a job's work came to.
pub(super) struct Done {
    /// The output tree, the private state, and the logs.
    pub(super) outcome: Outcome,
    pub(super) datums: Datums,
    /// New entries for the table of results.
    pub(super) results: Vec<(crate::object::Digest, Outcome)>,
}

/// Why a job's work came to nothing, with the log of the datum at fault.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) datums: Datums,
    pub(super) logs: Option<crate::object::NodeId>,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), datums: Datums::default(), logs: None }
    }
}

/// An error and all that caused it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
