//! One change of a branch: a new tree becomes a commit, the branch moves, and what it triggers is queued, in one step.

use crate::draft::{Draft, Tally};
use crate::fault::{Kind, fault, some};
use crate::history::{self, Author, Repo, Target};
use crate::ledger::{self, Origin, Outcome, Session};
use crate::meta::Batch;
use crate::object::{AccessError, BranchName, CommitId, MAX_MESSAGE, NodeId, ObjectWrite, TreePath};
use crate::pack::Writer;
use crate::pipeline::job::Job;
use crate::pipeline::{self, trigger};
use crate::snapshot;
use crate::store::Store;
use crate::tree;

/// How often a change is tried again when other processes move the branch.
const TRIES: usize = 50;

/// A failed change of a branch. The branch is where it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The message is too long.
    #[error("a commit message of {len} bytes is too long")]
    Message { len: usize },
    /// Another process changed the same files in the meantime.
    #[error("{target} has moved on, and {} there, too: {}", changed(.paths.len()), some(.paths))]
    Conflict { target: Target, paths: Vec<TreePath> },
    /// Another process deleted the branch.
    #[error("{target} was deleted by another process in the meantime")]
    Deleted { target: Target },
    /// Other processes kept moving the branch.
    #[error("{target} kept moving")]
    Contended { target: Target },
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// Pipelines failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// A snapshot failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
}

fn changed(count: usize) -> String {
    if count == 1 {
        "one of your files was changed".to_owned()
    } else {
        format!("{count} of your files were changed")
    }
}

fault! {
    Error passes on History, Pipeline, Ledger, Tree, Snapshot, Object;
    kind {
        Self::Message { .. } => Kind::Usage,
        Self::Conflict { .. } => Kind::Refused,
        Self::Deleted { .. } | Self::Contended { .. } => Kind::Busy,
    }
    hint {
        Self::Message { .. } => Some("put long texts into a file and commit that".to_owned()),
        Self::Conflict { target, .. } => {
            Some(format!("look at `vds log {target}`, then commit again on top of it"))
        }
        Self::Deleted { .. } => Some("nothing was changed; the same commit again begins the branch anew".to_owned()),
        Self::Contended { .. } => Some("try again; nothing was changed".to_owned()),
    }
}

/// A branch as it stands, to be changed.
#[derive(Debug, Clone)]
pub struct Base {
    /// The repo, which a person may write.
    pub repo: Repo,
    /// The branch, which need not exist yet.
    pub branch: BranchName,
    /// Its head.
    pub head: Option<CommitId>,
    /// The head's tree, or the empty one.
    pub tree: NodeId,
}

/// Whether a change that changes nothing is made all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// It is not made.
    Skip,
    /// It is.
    Allow,
}

/// A change that was made, or was not needed.
#[derive(Debug, Clone)]
pub struct Published {
    /// The new commit; `None` when nothing differed.
    pub commit: Option<CommitId>,
    /// The operation that brought it.
    pub operation: Option<u64>,
    /// How its tree differs from the one before.
    pub tally: Tally,
    /// The jobs that it queued.
    pub jobs: Vec<Job>,
    /// What was written, compressed, in bytes.
    pub stored: u64,
}

/// Looks up the branch that is to be changed.
pub fn open(store: &Store, target: &Target, sink: &dyn ObjectWrite) -> Result<Base, Error> {
    let (repo, head) = {
        let facts = store.session()?;
        let repo = history::load_repo(&facts, &target.repo)?;
        repo.writable()?;
        let head = history::head(&facts, &repo, &target.branch)?;
        if head.is_none() {
            history::check_free(&facts, &repo, target.branch.as_str())?;
        }
        (repo, head)
    };
    let tree = match head {
        Some(head) => history::load(store.objects(), head)?.tree,
        None => tree::empty(sink)?,
    };
    Ok(Base { repo, branch: target.branch.clone(), head, tree })
}

/// An error if a commit cannot hold this message.
pub fn check_message(message: &str) -> Result<(), Error> {
    let len = message.len();
    if len > MAX_MESSAGE { Err(Error::Message { len }) } else { Ok(()) }
}

/// Makes `draft`, written through `writer` on top of `base`, the new head of the branch. When another process has moved the
/// branch meanwhile, the draft goes on top of that, unless both changed the same path.
pub fn publish(
    store: &Store,
    author: &Author,
    base: Base,
    draft: Draft,
    writer: Writer,
    message: &str,
    empty: Empty,
) -> Result<Published, Error> {
    check_message(message)?;
    let target = Target { repo: base.repo.name.clone(), branch: base.branch.clone() };
    let (mut base, mut draft, mut writer, mut stored) = (base, draft, writer, 0);
    for _ in 0..TRIES {
        draft.rebase(base.tree);
        let (tree, tally) = draft.finish(&writer)?;
        if tally.is_empty() && empty == Empty::Skip {
            return Ok(Published { commit: None, operation: None, tally, jobs: Vec::new(), stored });
        }
        let parents = base.head.into_iter().collect();
        let record = history::Draft { parents, tree, message: message.to_owned(), provenance: None };
        let (advanced, written) = advance(store, author, &base, record, writer, Batch::default())?;
        stored += written;
        if let Some(Advanced { commit, operation, jobs }) = advanced {
            return Ok(Published { commit: Some(commit), operation: Some(operation), tally, jobs, stored });
        }
        writer = store.writer();
        let now = open(store, &target, &writer)?;
        if base.head.is_some() && now.head.is_none() {
            return Err(Error::Deleted { target });
        }
        let paths = draft.meeting(&writer, now.tree)?;
        if !paths.is_empty() {
            return Err(Error::Conflict { target, paths });
        }
        base = now;
    }
    Err(Error::Contended { target })
}

/// A branch that has a new commit.
#[derive(Debug, Clone)]
pub struct Advanced {
    /// The commit.
    pub commit: CommitId,
    /// The operation that brought it.
    pub operation: u64,
    /// The jobs that it queued.
    pub jobs: Vec<Job>,
}

/// Writes a commit and makes it the head of the branch, if that is still where `base` says and `with` holds, which is applied
/// with it; `None` if another process was faster. Also returns what was written, compressed, in bytes.
pub fn advance(
    store: &Store,
    author: &Author,
    base: &Base,
    record: history::Draft,
    writer: Writer,
    with: Batch,
) -> Result<(Option<Advanced>, u64), Error> {
    let origin = author.now();
    let (commit, _) = history::write(&writer, record, &origin)?;
    let stored = writer.finish()?.stored;
    let mut facts = store.session()?;
    let mut batch = with;
    history::hold(&mut batch, &base.repo)?;
    history::move_head(&mut batch, &base.repo, &base.branch, base.head, Some(commit));
    history::record_commit(&mut batch, &base.repo, &commit);
    let moved = trigger::Moved { repo: base.repo.clone(), branch: base.branch.clone(), commit };
    let jobs = trigger::enqueue(&facts, &mut batch, &[moved], None, &origin)?;
    if let Outcome::Done { number } = facts.commit(&origin, &batch)? {
        return Ok((Some(Advanced { commit, operation: number, jobs }), stored));
    }
    history::check_held(&facts, &base.repo)?;
    Ok((None, stored))
}

/// A branch or tag that was changed.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The operation that changed it.
    pub operation: u64,
    /// Where it pointed before.
    pub before: Option<CommitId>,
    /// Where it points now.
    pub after: Option<CommitId>,
    /// The jobs that this queued.
    pub jobs: Vec<Job>,
}

/// Points a branch at a commit, or removes it with `None`, and queues what that triggers. `before` is where it must be.
pub fn move_branch(
    store: &Store,
    author: &Author,
    repo: &Repo,
    branch: &BranchName,
    before: Option<CommitId>,
    after: Option<CommitId>,
) -> Result<Changed, Error> {
    let origin = author.now();
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    history::hold(&mut batch, repo)?;
    history::move_head(&mut batch, repo, branch, before, after);
    let moved = after.filter(|after| before != Some(*after));
    let jobs =
        moved.map_or(Ok(Vec::new()), |to| trigger_by(&facts, &mut batch, repo, branch, to, &origin))?;
    match facts.commit(&origin, &batch)? {
        Outcome::Done { number } => Ok(Changed { operation: number, before, after, jobs }),
        Outcome::Stale { .. } => {
            history::check_held(&facts, repo)?;
            Err(history::Error::Moved { repo: repo.name.clone(), branch: branch.clone() }.into())
        }
    }
}

/// The jobs that would be queued if the branch came to point at `commit`.
pub fn would_trigger(
    store: &Store,
    author: &Author,
    repo: &Repo,
    branch: &BranchName,
    commit: CommitId,
) -> Result<Vec<Job>, Error> {
    trigger_by(&store.session()?, &mut Batch::default(), repo, branch, commit, &author.now())
}

fn trigger_by(
    facts: &Session,
    batch: &mut Batch,
    repo: &Repo,
    branch: &BranchName,
    commit: CommitId,
    origin: &Origin,
) -> Result<Vec<Job>, Error> {
    let moved = trigger::Moved { repo: repo.clone(), branch: branch.clone(), commit };
    Ok(trigger::enqueue(facts, batch, &[moved], None, origin)?)
}
