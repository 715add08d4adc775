//! What becomes of a workspace's changes: a commit on its branch, on top of what others did there, and the workspace at the
//! new head.
//!
//! When the branch has moved on, changes that do not meet are put on top of it. Where both sides made another change to
//! one path, nothing is committed and nothing is touched: the files are the person's only copy.

use std::collections::BTreeMap;

use crate::change::{self, Base, Empty, Published};
use crate::draft::Draft;
use crate::fault::{Kind, fault};
use crate::history::{self, Author, Target};
use crate::ledger;
use crate::marker::Position;
use crate::object::{CommitId, NodeId, ObjectWrite, TreePath};
use crate::progress::Progress;
use crate::scope::Scope;
use crate::snapshot::{self, Change, Snapshot};
use crate::stamp::Stamp;
use crate::workspace::{self, Depth, Look, Loss, Workspace};

/// A workspace's changes were not committed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The workspace follows no branch.
    #[error("this workspace is at a commit, not on a branch")]
    Detached,
    /// The branch is no more.
    #[error("{target} no longer exists")]
    Gone { target: Target },
    /// The branch has moved on, and the same files were changed there.
    #[error(transparent)]
    Meets(change::Error),
    /// The branch was set back to before the workspace's commit, or to another line of history.
    #[error(
        "{target} is no longer where this workspace comes from: it went back to {head:.12}, without {base:.12}"
    )]
    WentBack { target: Target, base: CommitId, head: CommitId },
    /// The change would remove what the workspace does not hold.
    #[error("{path} cannot be committed: {above} is a file there, which this workspace does not hold")]
    OutsideHeld { path: TreePath, above: String },
    /// The workspace failed.
    #[error(transparent)]
    Workspace(#[from] workspace::Error),
    /// The change failed.
    #[error(transparent)]
    Change(#[from] change::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A snapshot failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
}

fault! {
    Error passes on Workspace, Change, History, Ledger, Snapshot;
    kind {
        Self::Detached | Self::OutsideHeld { .. } => Kind::Usage,
        Self::Gone { .. } | Self::Meets(_) | Self::WentBack { .. } => Kind::Refused,
    }
    hint {
        Self::Detached => Some("`vds switch -c NAME` begins a branch here, with your changes".to_owned()),
        Self::Gone { target } => {
            Some(format!("`vds switch -c {}` begins it anew here, with your changes", target.branch))
        }
        Self::WentBack { target, base, .. } => Some(format!(
            "nothing was committed or touched; `vds reset {target} {base:.12}` brings the branch here again, `vds switch -c NAME` keeps all on a branch of its own, `vds switch {}` goes back, too",
            target.branch
        )),
        Self::Meets(_) => Some(
            "nothing was committed or touched; `vds switch -c NAME` and `vds commit` keep your changes on a branch of their own, to be merged".to_owned(),
        ),
        Self::OutsideHeld { .. } => Some("choose another name, or check out everything".to_owned()),
    }
}

/// What is to be said of the commit.
#[derive(Debug, Clone, Copy)]
pub struct Saying<'a> {
    /// Who makes it.
    pub author: &'a Author,
    /// The message.
    pub message: &'a str,
    /// Whether it is made if nothing differs.
    pub empty: Empty,
}

/// A commit from a workspace.
#[derive(Debug)]
pub struct Submitted {
    /// The branch.
    pub target: Target,
    /// The commit, or that none was needed.
    pub published: Published,
    /// What was found in the workspace.
    pub look: Look,
    /// The head that others had brought the branch to.
    pub over: Option<CommitId>,
    /// Why the workspace could not be brought to the commit, if so. Nothing is lost: it is where it was.
    pub behind: Option<workspace::Error>,
}

/// What a commit of the workspace's changes among `selection` would be; what is read goes to `sink`.
pub fn draft(
    workspace: &Workspace,
    selection: &Scope,
    sink: &dyn ObjectWrite,
    progress: &dyn Progress,
) -> Result<(Draft, Look), Error> {
    let tree = workspace.tree(workspace.marker().at.commit)?;
    let mut look = workspace.look(selection, Depth::Content, sink, Some(workspace.store()), progress)?;
    let base = Snapshot::new(sink, tree);
    workspace.check_names(&look, None)?;
    workspace.check_legal(&mut look, selection)?;
    let mut draft = Draft::new(tree);
    for Change { path, before, after } in &look.changes {
        match after {
            None => draft.remove(path.clone()),
            Some(entry) => {
                if before.is_none() && !workspace.scope().is_whole() {
                    check_held(workspace, base, path)?;
                }
                draft.put(path.clone(), *entry);
            }
        }
    }
    Ok((draft, look))
}

/// Refuses a new file for which one would give way that the workspace does not hold.
fn check_held(workspace: &Workspace, base: Snapshot<'_>, path: &TreePath) -> Result<(), Error> {
    for above in path.ancestors().filter(|above| !workspace.scope().holds(above)) {
        if base.find(above)?.is_some() {
            return Err(Error::OutsideHeld { path: path.clone(), above: above.to_owned() });
        }
    }
    Ok(())
}

/// A commit that can be made.
#[derive(Debug)]
struct Ready {
    target: Target,
    /// The branch as it stands.
    now: Base,
    /// The tree that the workspace is of.
    tree: NodeId,
    /// The head that others had brought the branch to.
    over: Option<CommitId>,
    draft: Draft,
    look: Look,
}

/// Finds out what a commit would be, and whether it can be made; what is read goes to `sink`.
fn ready(
    workspace: &Workspace,
    selection: &Scope,
    sink: &dyn ObjectWrite,
    progress: &dyn Progress,
) -> Result<Ready, Error> {
    workspace.check_settled()?;
    let target = workspace.target().ok_or(Error::Detached)?;
    let store = workspace.store();
    let base = workspace.marker().at.commit;
    let now = change::open(store, &target, sink)?;
    if base.is_some() && now.head.is_none() {
        return Err(Error::Gone { target });
    }
    let tree = workspace.tree(base)?;
    let over = now.head.filter(|head| Some(*head) != base);
    let (draft, look) = draft(workspace, selection, sink, progress)?;
    if let (Some(base), Some(head)) = (base, over)
        && !history::is_ancestor(store.objects(), base, head)?
    {
        return Err(Error::WentBack { target, base, head });
    }
    if over.is_some() {
        // What is not to be committed now must not be lost either.
        let (whole, _) = self::draft(workspace, &Scope::whole(), &store.rehearsal(), progress)?;
        let paths = whole.meeting(sink, now.tree)?;
        if !paths.is_empty() {
            return Err(Error::Meets(change::Error::Conflict { target, paths }));
        }
    }
    Ok(Ready { target, now, tree, over, draft, look })
}

/// What a commit of the workspace's changes among `selection` would find, or why it cannot be made. Nothing is changed.
pub fn rehearse(workspace: &Workspace, selection: &Scope, progress: &dyn Progress) -> Result<Look, Error> {
    let sink = workspace.store().rehearsal();
    Ok(ready(workspace, selection, &sink, progress)?.look)
}

/// Commits the workspace's changes among `selection` to its branch, and brings the workspace to the new head.
pub fn submit(
    workspace: &mut Workspace,
    selection: &Scope,
    saying: Saying<'_>,
    progress: &dyn Progress,
) -> Result<Submitted, Error> {
    let held = workspace.hold()?;
    let store = workspace.store().clone();
    let base = workspace.marker().at.commit;
    let writer = store.writer();
    let Ready { target, now, tree, over, draft, look } = ready(workspace, selection, &writer, progress)?;
    let own: Vec<TreePath> = look.changes.iter().map(|change| change.path.clone()).collect();
    let from = Base { repo: now.repo, branch: now.branch, head: base, tree };
    let Saying { author, message, empty } = saying;
    let published = change::publish(&store, author, from, draft, writer, message, empty);
    let published = published.map_err(|error| match error {
        change::Error::Conflict { .. } => Error::Meets(error),
        error => error.into(),
    })?;
    if let Some(operation) = published.operation {
        workspace.note_made(&held, operation);
    }
    let behind = match published.commit.or(over.filter(|_| !own.is_empty())) {
        None => None,
        Some(commit) => {
            let stamps: BTreeMap<&TreePath, Stamp> =
                look.stamps.iter().map(|(path, stamp)| (path, *stamp)).collect();
            let own = own.iter().map(|path| (path.clone(), stamps.get(path).copied())).collect();
            let to = Position { branch: Some(target.branch.clone()), commit: Some(commit) };
            workspace.switch(&held, &to, &own, Loss::Refuse, progress).err()
        }
    };
    Ok(Submitted { target, published, look, over, behind })
}
