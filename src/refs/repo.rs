//! Repos.

use super::commit::{Mode, commit};
use super::error::Error;
use crate::history::{self, Author, NewRepo, Repo};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, RepoName};
use crate::pipeline::{follow, registry};
use crate::store::Store;

/// A repo that was made or renamed.
#[derive(Debug, Clone)]
pub struct ChangedRepo {
    /// The operation that changed it.
    pub operation: u64,
    /// The repo as it is now.
    pub repo: Repo,
}

/// A repo that was deleted, or would be.
#[derive(Debug, Clone)]
pub struct DeletedRepo {
    /// The operation that deleted it; `None` when it was only looked at.
    pub operation: Option<u64>,
    /// Its branches, with what they pointed to.
    pub branches: Vec<(BranchName, CommitId)>,
}

/// Makes a repo.
pub fn create_repo(
    store: &Store,
    author: &Author,
    name: RepoName,
    description: String,
) -> Result<ChangedRepo, Error> {
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    let created = author.now().time;
    let repo = history::create(&facts, &mut batch, NewRepo { name, created, description, output_of: None })?;
    let operation = commit(&mut facts, author, &batch, &repo.name)?;
    Ok(ChangedRepo { operation, repo })
}

/// The repo, if it is neither read nor written by a pipeline, which know it by its name.
fn load_free(facts: &Session, name: &RepoName) -> Result<Repo, Error> {
    let repo = history::load_repo(facts, name)?;
    if let Some((pipeline, _)) = &repo.output_of {
        return Err(Error::IsOutput { repo: repo.name, pipeline: pipeline.clone() });
    }
    let mut stages = Vec::new();
    let mut pipelines = Vec::new();
    for pipeline in registry::list(facts)? {
        for (stage, spec) in &pipeline.spec.stages {
            if spec.input.sources().iter().any(|(_, source)| source.repo == *name) {
                stages.push(format!("{}/{stage}", pipeline.spec.name));
                pipelines.push(pipeline.spec.name.to_string());
            }
        }
    }
    pipelines.dedup();
    if pipelines.is_empty() { Ok(repo) } else { Err(Error::IsRead { repo: repo.name, stages, pipelines }) }
}

/// Gives a repo another name.
pub fn rename_repo(
    store: &Store,
    author: &Author,
    name: &RepoName,
    new: RepoName,
) -> Result<ChangedRepo, Error> {
    let mut facts = store.session()?;
    let repo = load_free(&facts, name)?;
    let mut batch = Batch::default();
    let renamed = history::rename(&facts, &mut batch, &repo, new)?;
    let operation = commit(&mut facts, author, &batch, name)?;
    Ok(ChangedRepo { operation, repo: renamed })
}

/// Deletes a repo with its branches and tags.
pub fn delete_repo(
    store: &Store,
    author: &Author,
    name: &RepoName,
    mode: Mode,
) -> Result<DeletedRepo, Error> {
    let mut facts = store.session()?;
    let repo = load_free(&facts, name)?;
    let branches = history::branches(&facts, &repo)?;
    let mut batch = Batch::default();
    history::delete(&facts, &mut batch, &repo)?;
    follow::remove_all(&facts, &mut batch, &repo)?;
    let operation = match mode {
        Mode::Make => Some(commit(&mut facts, author, &batch, name)?),
        Mode::DryRun => None,
    };
    Ok(DeletedRepo { operation, branches })
}
