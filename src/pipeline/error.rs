//! What can go wrong with pipelines and jobs.

use std::io;
use std::path::{Path, PathBuf};

use crate::fault::{Kind, fault};
use crate::history::Target;
use crate::object::{AccessError, BranchName, PipelineName, RepoName, StageName, codec};
use crate::{checkout, content, history, ledger, snapshot, tree};

use super::pachyderm::TranslateError;
use super::spec::SpecError;
use super::stage;

/// A failed operation on pipelines or jobs.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The pipeline file has a mistake.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A pipeline spec of Pachyderm cannot be translated.
    #[error(transparent)]
    Translation(#[from] TranslateError),
    /// A pipeline has this name already.
    #[error("there is a pipeline {name} already")]
    Exists { name: PipelineName },
    /// Stages wait for each other.
    #[error("{place}: these stages wait for each other: {stages}")]
    Cycle { place: String, stages: String },
    /// A stage reads a repo that does not exist.
    #[error("{place}: stage {stage} reads the repo {repo}, which does not exist")]
    UnknownInput { place: String, stage: StageName, repo: RepoName, sibling: Option<RepoName> },
    /// A repo that is not this stage's has the name of its output.
    #[error("the repo {repo} exists already and is not the output of this stage")]
    OutputTaken { repo: RepoName },
    /// A file that the pipeline declares is not there.
    #[error("{place}: cannot read the declared file {path}")]
    Code { place: String, path: String, source: io::Error },
    /// No job has this number.
    #[error("there is no job {id}")]
    UnknownJob { id: u64 },
    /// Something was asked for by a name that nothing has.
    #[error("there is no {noun} {name}")]
    NoSuch { noun: &'static str, name: String, near: Vec<String>, list: &'static str },
    /// The pipeline was deleted, or the stage dropped, before the job began.
    #[error("the stage {stage} no longer exists")]
    StageGone { stage: String },
    /// The stage was given other inputs before the job began.
    #[error("the stage {stage} reads something else since")]
    StageChanged { stage: String },
    /// A paused pipeline was to do something.
    #[error("the pipeline {name} is paused")]
    Paused { name: PipelineName },
    /// A pipeline was named instead of one of its stages.
    #[error("{pipeline} is a pipeline; a stage is named PIPELINE/STAGE")]
    NoStage { pipeline: PipelineName },
    /// A stage has no such branch to be run on.
    #[error("{what} reads nothing on a branch {branch}")]
    NoBranch { what: String, branch: String },
    /// A job that did not fail was to be run again.
    #[error("job {id} {told}: only one that failed, was cancelled or skipped can be run again")]
    NotFailed { id: u64, told: &'static str },
    /// A job was to be run again whose branch has gone on since.
    #[error("job {id} is overtaken: job {newer} of the same branch reads what came later")]
    Overtaken { id: u64, newer: u64 },
    /// The stage could not make its output from this input.
    #[error("{reason}")]
    Failed { reason: String, hint: Option<String> },
    /// Something kept changing under the publication.
    #[error("job {id} could not be published: other processes kept changing {what}")]
    Contended { id: u64, what: String },
    /// A job has no list of its datums.
    #[error("job {id} has no list of datums")]
    NoDatums { id: u64, hint: &'static str },
    /// A job has no datum of this name.
    #[error("job {id} has no datum {name}")]
    UnknownDatum { id: u64, name: String },
    /// A directory is to be filled and holds something.
    #[error("{} is not an empty directory", .dir.display())]
    NotEmpty { dir: PathBuf },
    /// Somebody stopped the job while it ran.
    #[error("job {id} was cancelled")]
    Cancelled { id: u64 },
    /// The store failed while other jobs of this process ran.
    #[error("job {id} was given up, because the store failed")]
    GivenUp { id: u64 },
    /// A branch was to follow one that follows it.
    #[error("the branch {branch} cannot follow {source_branch}, which follows it")]
    FollowsItself { branch: BranchName, source_branch: BranchName },
    /// A branch was to follow none, and does so.
    #[error("{branch} follows no branch")]
    FollowsNone { branch: String },
    /// A branch follows another and has commits that the other has not.
    #[error("{branch} has commits that {source_branch} has not, and only ever moves forward")]
    Diverged { branch: Target, source_branch: BranchName },
    /// A stage has no input with a trigger.
    #[error("the stage {stage} has no input with a trigger")]
    NoTrigger { stage: String },
    /// No input with a trigger reads this branch.
    #[error("no input of the stage {stage} with a trigger reads a branch {branch}")]
    NoInputOn { stage: String, branch: String },
    /// The same facts kept being changed by others.
    #[error("cannot {verb}: other processes kept changing the same")]
    Raced { verb: &'static str },
    /// A fact has a form that this release does not know.
    #[error("cannot read the fact about {what}")]
    Record { what: &'static str, source: codec::Error },
    /// Preparing or cleaning up a datum's directories failed.
    #[error("cannot {verb} {path}")]
    Io { verb: &'static str, path: String, source: io::Error },
    /// A stage failed.
    #[error(transparent)]
    Stage(#[from] stage::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// A snapshot failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// A content failed.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// Laying out a datum's input failed.
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
}

impl Error {
    /// The disk failed to do this with what is at `path`.
    pub(super) fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { verb, path: path.display().to_string(), source }
    }
}

fault! {
    Error passes on History, Ledger, Tree, Snapshot, Content, Object, Checkout;
    kind {
        Self::Spec(_) | Self::Translation(_) | Self::Exists { .. } | Self::Cycle { .. } | Self::OutputTaken { .. }
        | Self::FollowsItself { .. } => {
            Kind::Usage
        }
        Self::UnknownInput { .. }
        | Self::UnknownJob { .. }
        | Self::NoSuch { .. }
        | Self::StageGone { .. }
        | Self::StageChanged { .. }
        | Self::NoBranch { .. }
        | Self::NoStage { .. }
        | Self::NoDatums { .. }
        | Self::UnknownDatum { .. }
        | Self::FollowsNone { .. }
        | Self::NoTrigger { .. }
        | Self::NoInputOn { .. }
        | Self::Code { .. } => Kind::NotFound,
        Self::Failed { .. } | Self::Cancelled { .. } | Self::Stage(stage::Error::Data { .. }) => Kind::JobFailed,
        Self::Paused { .. }
        | Self::NotFailed { .. }
        | Self::Overtaken { .. }
        | Self::NotEmpty { .. }
        | Self::Diverged { .. } => Kind::Refused,
        Self::Contended { .. } | Self::Raced { .. } | Self::GivenUp { .. } => Kind::Busy,
        Self::Record { .. } => Kind::Damaged,
        Self::Io { .. } => Kind::Io,
        Self::Stage(stage::Error::Storage { cause, .. }) => cause.kind(),
    }
    hint {
        Self::Spec(_) => Some(
            "docs/pipelines.md describes the file, docs/pipeline.schema.json checks it in an editor"
                .to_owned(),
        ),
        Self::Translation(_) => {
            Some("docs/from-pachyderm.md tells what becomes of each key of a Pachyderm spec".to_owned())
        }
        Self::NoDatums { hint, .. } => Some((*hint).to_owned()),
        Self::UnknownDatum { id, .. } => Some(format!("`vds datum list {id}` shows what there is")),
        Self::NotEmpty { .. } => Some("name a directory that is not there".to_owned()),
        Self::Paused { name } => Some(format!("`vds pipeline resume {name}` lets it go on")),
        Self::NoStage { pipeline } => Some(format!("`vds pipeline show {pipeline}` shows its stages")),
        Self::NoBranch { .. } => Some("`vds pipeline show` tells what it reads, on which branches".to_owned()),
        Self::NotFailed { .. } => Some("`vds job list --state failed,cancelled` shows such".to_owned()),
        Self::Overtaken { newer, .. } => Some(format!(
            "`vds job show {newer}` tells about it; what older inputs come to is made by moving their branch back"
        )),
        Self::StageChanged { .. } => Some("`vds pipeline update` has queued what is to be done instead".to_owned()),
        Self::StageGone { .. } => Some("`vds pipeline list` shows what there is".to_owned()),
        Self::NoSuch { near, list, .. } if near.is_empty() => Some(format!("`{list}` shows what there is")),
        Self::NoSuch { near, .. } => Some(format!("did you mean {}?", near.join(" or "))),
        Self::Exists { name } => Some(format!("`vds pipeline update` changes {name}")),
        Self::Cycle { .. } => {
            Some("break the circle: no stage may read what is made from its own output".to_owned())
        }
        Self::UnknownInput { sibling: Some(sibling), .. } => {
            Some(format!("did you mean {sibling}? A stage's output is the repo PIPELINE/STAGE"))
        }
        Self::UnknownInput { repo, .. } => Some(format!("make it first: `vds repo create {repo}`")),
        Self::OutputTaken { repo } => {
            Some(format!("rename it (`vds repo rename {repo} NEW`), or name the stage otherwise"))
        }
        Self::Code { .. } => Some("paths in `code` are relative to the pipeline file".to_owned()),
        Self::UnknownJob { .. } => Some("`vds job list` shows what there is".to_owned()),
        Self::Failed { hint, .. } | Self::Stage(stage::Error::Data { hint, .. }) => hint.clone(),
        Self::Contended { id, .. } => Some(format!("`vds job retry {id}` when they are done; nothing was lost")),
        Self::GivenUp { .. } => Some("`vds run` takes it up again".to_owned()),
        Self::Record { .. } => Some("a later vds may have written it: use that one".to_owned()),
        Self::Diverged { branch, source_branch } => {
            Some(format!("bring them together once: `vds merge {branch} {source_branch}`, or the other way round"))
        }
        Self::FollowsItself { .. }
        | Self::FollowsNone { .. }
        | Self::NoTrigger { .. }
        | Self::NoInputOn { .. } => {
            Some("`vds trigger list` shows what there is".to_owned())
        }
        Self::Raced { .. } => Some("try again".to_owned()),
        Self::Cancelled { id } => Some(format!("`vds job show {id}` tells who stopped it")),
        Self::Io { .. } => None,
        Self::Stage(stage::Error::Storage { cause, .. }) => cause.hint(),
    }
}
