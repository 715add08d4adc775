//! What stages read: where branches stand, and what a change brings to them.

use std::collections::{BTreeSet, HashMap};

use super::error::Error;
use super::job::{self, JobInput, JobSource};
use super::pattern::BranchPattern;
use super::spec::{Leaf, Stage};
use super::taken::Place;
use crate::history::{self, Repo};
use crate::ledger::Session;
use crate::object::{BranchName, CommitId, RepoName};

/// A branch of a repo.
pub(super) type At = (RepoName, BranchName);

/// An input of a stage on a branch: the stage's output, the input's name, and the branch that is read.
pub(super) type InputAt = (RepoName, String, At);

/// What a change brings to stages.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    /// Branches that have a new commit, or get one from a job.
    pub(super) coming: HashMap<At, JobSource>,
    /// Inputs with a trigger, with what that lets through now.
    pub(super) ripe: HashMap<InputAt, CommitId>,
}

impl Changes {
    /// The branches of this input that bring something to the stage that writes `output`.
    fn of<'a>(
        &'a self,
        output: &'a RepoName,
        leaf: &'a Leaf,
    ) -> Box<dyn Iterator<Item = &'a BranchName> + 'a> {
        let is_read = |(repo, branch): &At| *repo == leaf.source.repo && leaf.source.branch.covers(branch);
        if leaf.trigger.is_none() {
            return Box::new(self.coming.keys().filter(move |at| is_read(at)).map(|(_, branch)| branch));
        }
        let is_its = move |(of, name, at): &&InputAt| of == output && *name == leaf.name && is_read(at);
        Box::new(self.ripe.keys().filter(is_its).map(|(_, _, (_, branch))| branch))
    }
}

/// The output branches of a stage, which writes `output`, that the changes concern.
pub(super) fn branches(
    facts: &Session,
    output: &RepoName,
    stage: &Stage,
    changes: &Changes,
) -> Result<BTreeSet<BranchName>, Error> {
    let mut concerned = BTreeSet::new();
    for leaf in stage.input.leaves() {
        let mut hits = changes.of(output, leaf);
        match &leaf.source.branch {
            BranchPattern::Any(_) => concerned.extend(hits.cloned()),
            BranchPattern::Exact(_) if hits.next().is_none() => {}
            BranchPattern::Exact(_) => concerned.extend(all_branches(facts, stage, changes)?),
        }
    }
    Ok(concerned)
}

/// Every branch that a stage has output for: those that its patterns match, or the one its first source names.
pub(super) fn all_branches(
    facts: &Session,
    stage: &Stage,
    changes: &Changes,
) -> Result<BTreeSet<BranchName>, Error> {
    let mut all = BTreeSet::new();
    let mut fixed = None;
    let mut has_patterns = false;
    for (_, source) in stage.input.sources() {
        match &source.branch {
            BranchPattern::Exact(name) => fixed = fixed.or_else(|| Some(name.clone())),
            BranchPattern::Any(_) => {
                has_patterns = true;
                let coming = changes.coming.keys().filter(|(repo, _)| *repo == source.repo);
                let coming = coming.map(|(_, branch)| branch.clone());
                all.extend(coming.filter(|branch| source.branch.covers(branch)));
                if let Some(repo) = history::find(facts, &source.repo)? {
                    let heads = history::branches(facts, &repo)?.into_iter().map(|(branch, _)| branch);
                    all.extend(heads.filter(|branch| source.branch.covers(branch)));
                }
            }
        }
    }
    if !has_patterns {
        all.extend(fixed);
    }
    Ok(all)
}

/// The branch of the source that is read for the output branch `branch`; `None` if none is.
fn read<'a>(pattern: &'a BranchPattern, branch: &'a BranchName) -> Option<&'a BranchName> {
    match pattern {
        BranchPattern::Exact(name) => Some(name),
        BranchPattern::Any(glob) => Some(branch).filter(|branch| glob.is_match(branch.as_str())),
    }
}

/// The branches that the stage reads for its output branch `branch`.
pub(super) fn places(stage: &Stage, branch: &BranchName) -> Vec<At> {
    stage.input.leaves().into_iter().filter_map(|leaf| place(leaf, branch)).collect()
}

/// Those of them that it reads as they come.
pub(super) fn untriggered(stage: &Stage, branch: &BranchName) -> impl Iterator<Item = At> {
    let leaves = stage.input.leaves().into_iter().filter(|leaf| leaf.trigger.is_none());
    leaves.filter_map(move |leaf| place(leaf, branch))
}

fn place(leaf: &Leaf, branch: &BranchName) -> Option<At> {
    Some((leaf.source.repo.clone(), read(&leaf.source.branch, branch)?.clone()))
}

/// What a stage, which writes `output`, reads for its output branch `branch`; `None` while an input has no commit.
pub(super) fn inputs(
    facts: &Session,
    output: &RepoName,
    stage: &Stage,
    branch: &BranchName,
    changes: &Changes,
) -> Result<Option<Vec<JobInput>>, Error> {
    let mut inputs = Vec::new();
    for leaf in stage.input.leaves() {
        let Some(branch) = read(&leaf.source.branch, branch) else { return Ok(None) };
        let Some(repo) = history::find(facts, &leaf.source.repo)? else { return Ok(None) };
        let Some(source) = source(facts, output, leaf, &repo, branch, changes)? else { return Ok(None) };
        let name = leaf.name.clone();
        inputs.push(JobInput { name, repo: repo.id, branch: branch.to_string(), source });
    }
    Ok(Some(inputs))
}

/// What the input reads of this branch of `repo`, if there is anything.
fn source(
    facts: &Session,
    output: &RepoName,
    leaf: &Leaf,
    repo: &Repo,
    branch: &BranchName,
    changes: &Changes,
) -> Result<Option<JobSource>, Error> {
    let at = (leaf.source.repo.clone(), branch.clone());
    if leaf.trigger.is_none() {
        return match changes.coming.get(&at) {
            Some(source) => Ok(Some(*source)),
            None => stands(facts, repo, branch),
        };
    }
    if let Some(ripe) = changes.ripe.get(&(output.clone(), leaf.name.clone(), at)) {
        return Ok(Some(JobSource::Commit(*ripe)));
    }
    let Some(output) = history::find(facts, output)? else { return Ok(None) };
    let place = Place { output: &output, source: repo, input: &leaf.name, branch };
    Ok(place.load(facts)?.map(|taken| JobSource::Commit(taken.commit)))
}

/// Where a branch stands: what the newest job that is queued for it will make, or what is there.
pub(super) fn stands(facts: &Session, repo: &Repo, branch: &BranchName) -> Result<Option<JobSource>, Error> {
    Ok(match job::coming(facts, repo, branch)? {
        Some(id) => Some(JobSource::Job(id)),
        None => history::head(facts, repo, branch)?.map(JobSource::Commit),
    })
}
