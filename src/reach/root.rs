//! What each fact names, and on whose behalf.

use std::ops::ControlFlow;

use super::error::Error;
use crate::history::{self, Subject};
use crate::ledger::Session;
use crate::object::{BranchName, CommitId, Entry, NodeId, TagName};
use crate::{integrate, let_go, pipeline};

/// Something from which others are reachable. The kind says how what a tree's entries name is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// A commit, with all that it follows.
    Commit(CommitId),
    /// A tree of files, under paths or other keys.
    Files(NodeId),
    /// A table of results.
    Results(NodeId),
    /// The private state of a stage.
    State(NodeId),
    /// The archive of jobs.
    Archive(NodeId),
    /// The conflicts of an open merge.
    Conflicts(NodeId),
    /// What was chosen for them.
    Choices(NodeId),
    /// A tree whose entries name nothing.
    Plain(NodeId),
    /// A file.
    File(Entry),
}

/// On whose behalf something is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A branch of the repo of this number.
    Branch(u64, BranchName),
    /// A tag of the repo of this number.
    Tag(u64, TagName),
    /// A pin in the repo of this number.
    Pin(u64),
    /// A branch of the repo of this number as it was seen in another store.
    Remote(u64),
    /// A merge into a branch of the repo of this number that waits for a person.
    Merge(u64, BranchName),
    /// The results of the stage that writes the repo of this number.
    Results(u64),
    /// Jobs, with their logs.
    Jobs,
    /// Workspaces, whose files come from commits.
    Workspaces,
    /// What is known of commits whose files rules let go.
    Rules,
    /// The versions of pipelines, and how far their inputs are.
    Pipelines,
    /// The records of purges.
    Purges,
}

/// What a fact names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// On whose behalf.
    pub holder: Holder,
    /// What.
    pub roots: Vec<Root>,
}

/// What the fact `key` names with this value; `None` if it names nothing that is to be kept for its sake.
///
/// That a repo has a commit, and what was made from which, is known for as long as the commits are there, and keeps nothing.
pub fn named_by(key: &[u8], value: &[u8]) -> Result<Option<Named>, Error> {
    let named = |holder, roots| Ok(Some(Named { holder, roots }));
    let commit = || history::commit_id(value).map(Root::Commit).into_iter().collect();
    match history::subject(key) {
        Some(Subject::Branch(repo, name)) => named(Holder::Branch(repo, name), commit()),
        Some(Subject::Tag(repo, name)) => named(Holder::Tag(repo, name), commit()),
        Some(Subject::Pin(repo, _)) => named(Holder::Pin(repo), commit()),
        Some(Subject::RemoteBranch(repo, _)) => named(Holder::Remote(repo), commit()),
        Some(Subject::Merge(repo, name)) => {
            let merge = integrate::kept_by_merge(value)?;
            let maps = [Root::Conflicts(merge.conflicts), Root::Choices(merge.choices)];
            named(
                Holder::Merge(repo, name),
                merge.commits.into_iter().map(Root::Commit).chain(maps).collect(),
            )
        }
        Some(Subject::LetGo) => {
            named(Holder::Rules, let_go::read(value).map(Root::Plain).into_iter().collect())
        }
        Some(Subject::Purge(_)) => named(Holder::Purges, vec![Root::Plain(history::read_purge(value)?.map)]),
        Some(_) => Ok(None),
        None => {
            let roots: Vec<Root> = pipeline::kept(key, value)?.into_iter().map(Root::from).collect();
            let holder = match roots.first() {
                None => return Ok(None),
                Some(Root::Results(_)) => Holder::Results(pipeline::results_of(key).unwrap_or_default()),
                Some(_) if pipeline::is_about_jobs(key) => Holder::Jobs,
                Some(_) => Holder::Pipelines,
            };
            named(holder, roots)
        }
    }
}

/// What all facts name, and so what a store keeps.
pub fn named(facts: &Session) -> Result<Vec<Named>, Error> {
    let (mut all, mut failed) = (Vec::new(), None);
    facts.scan(b"", &mut |key, value| match named_by(key, value) {
        Ok(named) => {
            all.extend(named);
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(all), Err)
}

impl From<pipeline::Kept> for Root {
    fn from(kept: pipeline::Kept) -> Self {
        use pipeline::Kept;
        match kept {
            Kept::Commit(id) => Self::Commit(id),
            Kept::Results(id) => Self::Results(id),
            Kept::Logs(id) => Self::Files(id),
            Kept::Report(id) => Self::Plain(id),
            Kept::Archive(id) => Self::Archive(id),
            Kept::File(entry) => Self::File(entry),
        }
    }
}
