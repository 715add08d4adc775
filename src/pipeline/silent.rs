//! Inputs at which nothing has come, or will come no more: what a stage waits for, or a slip of the pen.

use super::error::Error;
use super::pattern::{BranchPattern, Source};
use super::registry::{self, Pipeline, is_output};
use super::spec::Stage;
use crate::history;
use crate::ledger::Session;
use crate::object::{BranchName, RepoName, StageName};

/// An input of a stage whose branch is not there, or none of those that its pattern means.
#[derive(Debug, Clone)]
pub struct Silent {
    /// The stage.
    pub stage: StageName,
    /// The input, as the pipeline file says it.
    pub source: String,
    /// Its repo.
    pub repo: RepoName,
    /// The branches of that.
    pub names: Vec<String>,
    /// Those that it may have meant.
    pub near: Vec<String>,
}

/// The inputs from outside of the pipeline at which nothing has come, though their repos have other branches.
pub fn silent(facts: &Session, pipeline: &Pipeline) -> Result<Vec<Silent>, Error> {
    let mut all = Vec::new();
    for (stage, spec) in &pipeline.spec.stages {
        for leaf in spec.input.leaves() {
            let own = leaf.clock.is_some()
                || pipeline
                    .spec
                    .stages
                    .keys()
                    .any(|other| is_output(&leaf.source.repo, &pipeline.spec.name, other));
            let Some(repo) = history::find(facts, &leaf.source.repo)?.filter(|_| !own) else { continue };
            let branches = history::branches(facts, &repo)?;
            if branches.iter().any(|(branch, _)| leaf.source.branch.covers(branch)) {
                continue;
            }
            if branches.is_empty() {
                continue;
            }
            let names: Vec<String> = branches.into_iter().map(|(branch, _)| branch.to_string()).collect();
            let near = match &leaf.source.branch {
                BranchPattern::Exact(name) => history::nearest(name.as_str(), names.iter().cloned()),
                BranchPattern::Any(_) => Vec::new(),
            };
            let repo = repo.name;
            all.push(Silent { stage: stage.clone(), source: leaf.source.to_string(), repo, names, near });
        }
    }
    Ok(all)
}

/// The stages, as `PIPELINE/STAGE`, that read the branch by its very name.
pub fn readers(facts: &Session, repo: &RepoName, branch: &BranchName) -> Result<Vec<String>, Error> {
    let mut readers = Vec::new();
    for pipeline in registry::list(facts)? {
        for (stage, spec) in &pipeline.spec.stages {
            let reads = |source: &Source| {
                source.repo == *repo && matches!(&source.branch, BranchPattern::Exact(name) if name == branch)
            };
            if spec.input.sources().iter().any(|(_, source)| reads(source)) {
                readers.push(format!("{}/{stage}", pipeline.spec.name));
            }
        }
    }
    Ok(readers)
}

/// The inputs of the stage, as the pipeline file says them, at which nothing has come yet.
pub(super) fn awaited(facts: &Session, stage: &Stage) -> Result<Vec<String>, Error> {
    let mut awaited = Vec::new();
    for (_, source) in stage.input.sources() {
        let branches = match history::find(facts, &source.repo)? {
            Some(repo) => history::branches(facts, &repo)?,
            None => Vec::new(),
        };
        if !branches.iter().any(|(branch, _)| source.branch.covers(branch)) {
            awaited.push(source.to_string());
        }
    }
    Ok(awaited)
}
