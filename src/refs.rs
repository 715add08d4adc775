//! Making, moving, renaming and deleting branches, tags and repos, with what that triggers.
//!
//! Each is one step: what is checked and what is written stand in one batch, so that it holds whatever other processes do.

use crate::change;
use crate::fault::{Kind, fault};
use crate::history::{self, Author, NewRepo, Repo, Target};
use crate::ledger::{self, Outcome, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, RepoName, TagName};
use crate::pipeline::job::Job;
use crate::pipeline::{self, registry, trigger, trigger::Runs};
use crate::store::Store;

pub use crate::change::Changed;

/// A failed change of branches, tags or repos. All is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Pipelines read the repo.
    #[error("the repo {repo} is read by {}", .stages.join(", "))]
    IsRead { repo: RepoName, stages: Vec<String>, pipeline: String },
    /// A stage writes the repo.
    #[error("the repo {repo} is the output of a stage of the pipeline {pipeline}")]
    IsOutput { repo: RepoName, pipeline: String },
    /// Another process was faster.
    #[error("the repo {repo} was changed by another process in the meantime")]
    Moved { repo: RepoName },
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A branch could not be changed.
    #[error(transparent)]
    Change(#[from] change::Error),
    /// Pipelines failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

fault! {
    Error passes on History, Change, Pipeline, Ledger;
    kind {
        Self::IsRead { .. } | Self::IsOutput { .. } => Kind::Refused,
        Self::Moved { .. } => Kind::Busy,
    }
    hint {
        Self::IsRead { pipeline, .. } => Some(format!(
            "take it out of the pipeline's file first (`vds pipeline update FILE`), or delete the pipeline (`vds pipeline delete {pipeline}`)"
        )),
        Self::IsOutput { pipeline, .. } => {
            Some(format!("`vds pipeline delete {pipeline}` makes its outputs ordinary repos"))
        }
        Self::Moved { .. } => Some("try again; nothing was changed".to_owned()),
    }
}

/// A repo that was made or renamed.
#[derive(Debug, Clone)]
pub struct ChangedRepo {
    /// The operation that changed it.
    pub operation: u64,
    /// The repo as it is now.
    pub repo: Repo,
}

/// A branch that was deleted.
#[derive(Debug, Clone, Copy)]
pub struct DeletedBranch {
    /// The operation that deleted it.
    pub operation: u64,
    /// Where it pointed.
    pub was: CommitId,
    /// Whether a merge into it was open, which went with it.
    pub merge: history::Carried,
}

/// A repo that was deleted, or would be.
#[derive(Debug, Clone)]
pub struct DeletedRepo {
    /// The operation that deleted it; `None` when it was only looked at.
    pub operation: Option<u64>,
    /// Its branches, with what they pointed to.
    pub branches: Vec<(BranchName, CommitId)>,
}

/// The repo and where its branch points, both to be changed by a person.
fn load(store: &Store, target: &Target) -> Result<(Repo, CommitId), Error> {
    let facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    repo.writable()?;
    let head = history::load_head(&facts, &repo, &target.branch)?;
    Ok((repo, head))
}

/// Begins a branch at `commit`.
pub fn create_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    commit: CommitId,
) -> Result<Changed, Error> {
    let repo = {
        let facts = store.session()?;
        let repo = history::load_repo(&facts, &target.repo)?;
        repo.writable()?;
        history::check_free(&facts, &repo, target.branch.as_str())?;
        repo
    };
    Ok(change::move_branch(store, author, &repo, &target.branch, None, Some(commit))?)
}

/// Points a branch at `commit`.
pub fn move_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    commit: CommitId,
) -> Result<Changed, Error> {
    let (repo, head) = load(store, target)?;
    Ok(change::move_branch(store, author, &repo, &target.branch, Some(head), Some(commit))?)
}

/// A branch that was set back, or would be.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The operation that did it; `None` when nothing was changed.
    pub operation: Option<u64>,
    /// Where the branch pointed before.
    pub before: CommitId,
    /// The jobs that this queued, or would.
    pub jobs: Vec<Job>,
}

/// Points a branch at `commit`, if it does not do so already.
pub fn reset_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    commit: CommitId,
    mode: Mode,
) -> Result<Reset, Error> {
    let (repo, before) = load(store, target)?;
    if before == commit {
        return Ok(Reset { operation: None, before, jobs: Vec::new() });
    }
    let (operation, jobs) = match mode {
        Mode::Make => {
            let moved =
                change::move_branch(store, author, &repo, &target.branch, Some(before), Some(commit))?;
            (Some(moved.operation), moved.jobs)
        }
        Mode::DryRun => (None, change::would_trigger(store, author, &repo, &target.branch, commit)?),
    };
    Ok(Reset { operation, before, jobs })
}

/// Gives a branch another name, with the merge into it that is open. To pipelines it is a new branch with commits that they know.
pub fn rename_branch(
    store: &Store,
    author: &Author,
    target: &Target,
    name: &BranchName,
) -> Result<Changed, Error> {
    let origin = author.now();
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    repo.writable()?;
    let head = history::load_head(&facts, &repo, &target.branch)?;
    history::check_free(&facts, &repo, name.as_str())?;
    let mut batch = Batch::default();
    history::move_head(&mut batch, &repo, &target.branch, Some(head), None);
    history::move_head(&mut batch, &repo, name, None, Some(head));
    history::carry_merge(&facts, &mut batch, &repo, &target.branch, Some(name))?;
    let moved = trigger::Moved { repo: repo.clone(), branch: name.clone(), commit: head };
    let jobs = trigger::enqueue(&facts, &mut batch, &[moved], None, Runs::One, &origin)?;
    match facts.commit(&origin, &batch)? {
        Outcome::Done { number } => {
            Ok(Changed { operation: number, before: Some(head), after: Some(head), jobs })
        }
        Outcome::Stale { .. } => {
            Err(history::Error::Moved { repo: repo.name, branch: target.branch.clone() }.into())
        }
    }
}

/// Deletes a branch, and drops the merge into it that is open. Its commits stay until they are collected.
pub fn delete_branch(store: &Store, author: &Author, target: &Target) -> Result<DeletedBranch, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    repo.writable()?;
    let head = history::load_head(&facts, &repo, &target.branch)?;
    let mut batch = Batch::default();
    history::hold(&mut batch, &repo)?;
    history::move_head(&mut batch, &repo, &target.branch, Some(head), None);
    let merge = history::carry_merge(&facts, &mut batch, &repo, &target.branch, None)?;
    let operation = commit(&mut facts, author, &batch, &repo.name)?;
    Ok(DeletedBranch { operation, was: head, merge })
}

fn commit(facts: &mut Session, author: &Author, batch: &Batch, repo: &RepoName) -> Result<u64, Error> {
    match facts.commit(&author.now(), batch)? {
        Outcome::Done { number } => Ok(number),
        Outcome::Stale { .. } => Err(Error::Moved { repo: repo.clone() }),
    }
}

/// Tags `commit`.
pub fn create_tag(
    store: &Store,
    author: &Author,
    repo: &RepoName,
    name: &TagName,
    commit_id: CommitId,
) -> Result<Changed, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, repo)?;
    history::check_free(&facts, &repo, name.as_str())?;
    let mut batch = Batch::default();
    history::hold(&mut batch, &repo)?;
    history::create_tag(&mut batch, &repo, name, commit_id);
    let operation = commit(&mut facts, author, &batch, &repo.name)?;
    Ok(Changed { operation, before: None, after: Some(commit_id), jobs: Vec::new() })
}

/// Deletes a tag.
pub fn delete_tag(store: &Store, author: &Author, repo: &RepoName, name: &TagName) -> Result<Changed, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, repo)?;
    let id = history::load_tag(&facts, &repo, name)?;
    let mut batch = Batch::default();
    history::delete_tag(&mut batch, &repo, name, id);
    let operation = commit(&mut facts, author, &batch, &repo.name)?;
    Ok(Changed { operation, before: Some(id), after: None, jobs: Vec::new() })
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
    let mut first = None;
    for pipeline in registry::list(facts)? {
        for (stage, spec) in &pipeline.spec.stages {
            if spec.input.sources().iter().any(|(_, source)| source.repo == *name) {
                stages.push(format!("{}/{stage}", pipeline.spec.name));
                first.get_or_insert_with(|| pipeline.spec.name.to_string());
            }
        }
    }
    match first {
        Some(pipeline) => Err(Error::IsRead { repo: repo.name, stages, pipeline }),
        None => Ok(repo),
    }
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

/// Whether a change is made or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is made.
    Make,
    /// Nothing is changed.
    DryRun,
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
    let operation = match mode {
        Mode::Make => Some(commit(&mut facts, author, &batch, name)?),
        Mode::DryRun => None,
    };
    Ok(DeletedRepo { operation, branches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Empty, Published};
    use crate::draft::Draft;
    use crate::object::{Entry, FileKind};
    use crate::store::DEFAULT_WAIT;

    fn author() -> Author {
        Author { name: "Ann".to_owned(), command: "test".to_owned() }
    }

    /// Commits a file `PATH` or `PATH=CONTENT` to `ticks@main`, with `meddle` while that is prepared.
    fn commit(store: &Store, file: &str, meddle: impl FnOnce()) -> Result<Published, change::Error> {
        let (path, content) = file.split_once('=').unwrap_or((file, file));
        let writer = store.writer();
        let base = change::open(store, &"ticks@main".parse().unwrap(), &writer).unwrap();
        let mut draft = Draft::new(base.tree);
        let kept = crate::content::keep_bytes(&writer, content.as_bytes()).unwrap();
        draft.put(path.parse().unwrap(), Entry { kind: FileKind::File, blob: kept.blob, size: kept.size });
        meddle();
        change::publish(store, &author(), base, draft, writer, "late", Empty::Skip)
    }

    /// What comes of a commit of the file `path` to a repo with a file when `meddle` happens while it is prepared.
    fn commit_while(path: &str, meddle: impl FnOnce(&Store, &RepoName)) -> Result<Published, change::Error> {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let name: RepoName = "ticks".parse().unwrap();
        create_repo(&store, &author(), name.clone(), String::new()).unwrap();
        commit(&store, "first", || {}).unwrap();
        commit(&store, path, || meddle(&store, &name))
    }

    #[test]
    fn what_two_commit_at_one_path_is_a_conflict_a_file_and_a_directory_of_one_name_too() {
        for (mine, theirs, meet) in [
            ("d", "d/x", true),
            ("d/x", "d", true),
            ("d/x/y", "d", true),
            ("d=1", "d=2", true),
            // The same change twice is none.
            ("d=1", "d=1", false),
            ("d", "d.csv", false),
            ("d/x", "d/y", false),
            ("d", "d-1/x", false),
        ] {
            let ended = commit_while(mine, |store, _| drop(commit(store, theirs, || {}).unwrap()));
            let conflict = matches!(ended, Err(change::Error::Conflict { .. }));
            assert!(conflict == meet && (meet || ended.is_ok()), "{mine} {theirs}: {ended:?}");
        }
    }

    #[test]
    fn a_branch_that_is_deleted_meanwhile_is_not_begun_again_unasked() {
        let target: Target = "ticks@main".parse().unwrap();
        let ended = commit_while("file", |store, _| {
            let _ = delete_branch(store, &author(), &target).unwrap();
        });
        assert!(matches!(ended, Err(change::Error::Deleted { .. })), "{ended:?}");
    }

    #[test]
    fn nothing_is_committed_to_a_repo_that_went_away_meanwhile() {
        assert!(commit_while("file", |_, _| {}).unwrap().commit.is_some());
        let deleted = |store: &Store, name: &RepoName| {
            delete_repo(store, &author(), name, Mode::Make).unwrap();
        };
        let unknown = commit_while("file", deleted).unwrap_err();
        assert!(matches!(unknown, change::Error::History(history::Error::UnknownRepo { .. })), "{unknown}");
        let renamed = commit_while("file", |store, name| {
            rename_repo(store, &author(), name, "others".parse().unwrap()).unwrap();
        });
        assert!(matches!(renamed.unwrap_err(), change::Error::History(history::Error::UnknownRepo { .. })));
        let replaced = commit_while("file", |store, name| {
            deleted(store, name);
            create_repo(store, &author(), name.clone(), String::new()).unwrap();
        });
        assert!(matches!(replaced.unwrap_err(), change::Error::History(history::Error::Replaced { .. })));
    }
}
