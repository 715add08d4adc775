//! What the workspace that one stands in stands for: its repo and its branch.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use super::complaint::{not_found, usage};
use super::context::{Context, resolve};
use crate::draft::Draft;
use crate::fault::Cause;
use crate::history::{self, Base, DEFAULT_BRANCH, Location, Revision, Target};
use crate::marker::{Marker, Position, Trust};
use crate::object::{BranchName, CommitId, RepoName};
use crate::operation::{Changed, Noun};
use crate::scope::Scope;
use crate::store::Store;
use crate::submit;
use crate::view;
use crate::workspace::{self, Loss, Moved, Workspace};

impl Context {
    /// The workspace that one stands in, if one does.
    pub(super) fn here(&self) -> Result<Option<(PathBuf, Marker)>, Cause> {
        let trust = if self.store_path.is_some() { Trust::Any } else { Trust::Own };
        Ok(Workspace::find(&env::current_dir().unwrap_or_default(), trust)?)
    }

    /// The workspace that one stands in, which knows its repo.
    pub(super) fn workspace(&self) -> Result<Workspace, Cause> {
        let workspace = self.workspace_as_it_is()?;
        workspace::check_repo(workspace.store(), workspace.marker())?;
        Ok(workspace)
    }

    /// The workspace that one stands in. Its repo may have another name by now, or be gone.
    pub(super) fn workspace_as_it_is(&self) -> Result<Workspace, Cause> {
        let Some((dir, marker)) = self.here()? else {
            let hint = "go into one; `vds checkout REPO --into DIR` makes one";
            return Err(not_found("this directory is not in a workspace", hint));
        };
        let store = match &self.store_path {
            None => Store::open_named(&marker, &dir, self.wait)?,
            Some(path) => {
                let store = Store::open(path, self.wait)?;
                let real = |path: &Path| std::fs::canonicalize(path).ok();
                // One that is not where it was may have been moved to where it is named.
                if let Some(other) =
                    real(&marker.store).filter(|own| Some(own) != real(store.root()).as_ref())
                {
                    let message = format!("this workspace belongs to the store {}", other.display());
                    return Err(usage(message, "leave out --store and VDS_STORE"));
                }
                store
            }
        };
        Ok(Workspace::open(self.opened(store), &dir, marker, self.wait)?)
    }

    /// The branch of the workspace that one stands in, if it follows one.
    pub(super) fn target_here(&self) -> Result<Option<Target>, Cause> {
        Ok(self.here()?.and_then(|(_, Marker { repo, at, .. })| Some(Target { repo, branch: at.branch? })))
    }

    /// The local changes of the workspace that one stands in, if this is its branch.
    pub(super) fn local(&self, target: &Target) -> Result<Option<Draft>, Cause> {
        if self.target_here()?.as_ref() != Some(target) {
            return Ok(None);
        }
        let workspace = self.workspace()?;
        let sink = workspace.store().rehearsal();
        let (draft, _) = submit::draft(&workspace, &Scope::whole(), &sink, self.progress())?;
        Ok(Some(draft))
    }

    /// Brings the workspace that one stands in to the new head of its branch, if this is its branch. The branch has moved in any
    /// case: that its files could not follow is told, and no failure.
    pub(super) fn follow(&self, target: &Target, commit: CommitId) -> Result<(), Cause> {
        if self.target_here()?.as_ref() != Some(target) {
            return Ok(());
        }
        let mut workspace = self.workspace()?;
        let to = Position { branch: Some(target.branch.clone()), commit: Some(commit) };
        let brought = workspace
            .hold()
            .and_then(|held| workspace.switch(&held, &to, &BTreeMap::new(), Loss::Refuse, self.progress()));
        match brought {
            Ok(Moved { written, removed, .. }) => {
                self.note(&format!("here: {} written, {removed} removed", view::count(written, "file")));
            }
            Err(error) => self.note_behind(&error, &target.branch),
        }
        Ok(())
    }

    /// Lets the workspace that one stands in follow its branch, if going back in the operations moved that from where the workspace
    /// is. What was committed here by the operation that was `undone` becomes a local change again; else the files follow.
    pub(super) fn follow_back(&self, changes: &[Changed], undone: Option<u64>) -> Result<(), Cause> {
        let Some((_, Marker { repo, at: Position { branch, commit }, made, .. })) = self.here()? else {
            return Ok(());
        };
        let Some((branch, at)) = branch.zip(commit) else { return Ok(()) };
        let target = Target { repo, branch };
        let (name, before) = (target.to_string(), Some(at.to_string()));
        let is_it =
            |change: &&Changed| change.noun == Noun::Branch && change.name == name && change.before == before;
        let after = changes.iter().find(is_it).and_then(|change| change.after.as_ref()?.parse().ok());
        match after.map(CommitId::new) {
            Some(head) if undone.is_some_and(|number| made.contains(&number)) => self.stay(&target, head),
            Some(head) => self.follow(&target, head),
            None => Ok(()),
        }
    }

    /// Whether one stands in a workspace of this branch that is at this commit.
    pub(super) fn stands_at(&self, target: &Target, commit: CommitId) -> Result<bool, Cause> {
        let at = Position { branch: Some(target.branch.clone()), commit: Some(commit) };
        Ok(self.here()?.is_some_and(|(_, marker)| marker.repo == target.repo && marker.at == at))
    }

    /// Lets the workspace that one stands in have the new head of its branch for its base, without touching its files.
    pub(super) fn stay(&self, target: &Target, head: CommitId) -> Result<(), Cause> {
        let mut workspace = self.workspace()?;
        let to = Position { branch: Some(target.branch.clone()), commit: Some(head) };
        match workspace.hold().and_then(|held| workspace.stand(&held, &to)) {
            Ok(()) => {
                self.note("here: the files are as they were; what differs is a local change (`vds status`)");
            }
            Err(error) => self.note_behind(&error, &target.branch),
        }
        Ok(())
    }

    /// Lets the workspace that one stands in know that its repo has a new name, if it is this one.
    pub(super) fn follow_rename(&self, name: &RepoName, new: &RepoName) -> Result<(), Cause> {
        if self.here()?.is_none_or(|(_, marker)| marker.repo != *name) {
            return Ok(());
        }
        let mut workspace = self.workspace_as_it_is()?;
        if let Err(error) = workspace.hold().and_then(|held| workspace.rename(&held, new.clone())) {
            self.note(&format!(
                "warning: this workspace does not know yet: {error}; `vds checkout {new}` tells it"
            ));
        }
        Ok(())
    }

    /// Tells why the workspace did not follow its branch.
    pub(super) fn note_behind(&self, error: &workspace::Error, branch: &BranchName) {
        self.note(&format!(
            "warning: the workspace is still where it was: {error}; `vds switch {branch}` brings it to the head"
        ));
    }

    /// The repo that was named, or that of the workspace.
    pub(super) fn repo(&self, store: &Store, name: Option<&RepoName>) -> Result<RepoName, Cause> {
        match name {
            Some(name) => Ok(name.clone()),
            None => Ok(self.named::<Location>(store, None)?.repo),
        }
    }
}

/// How a position is written after the `@`.
pub(super) fn name_of(at: &Position) -> String {
    match (&at.branch, at.commit) {
        (Some(branch), _) => branch.to_string(),
        (None, Some(commit)) => commit.to_string(),
        (None, None) => DEFAULT_BRANCH.to_owned(),
    }
}

/// Where a workspace stands that is brought to this revision: on the branch, if it is one.
pub(super) fn position(store: &Store, location: &Location) -> Result<Position, Cause> {
    if let Revision { base: Base::Name(name), steps } = &location.rev
        && steps.is_empty()
        && let Ok(branch) = name.parse()
    {
        let facts = store.session()?;
        let repo = history::load_repo(&facts, &location.repo)?;
        let head = history::head(&facts, &repo, &branch)?;
        if head.is_some() {
            return Ok(Position { branch: Some(branch), commit: head });
        }
    }
    match history::resolve_optional(store.session()?, store.objects(), location)? {
        Some(found) => Ok(Position { branch: None, commit: Some(found.commit) }),
        // A branch that has not begun.
        None => Ok(Position { branch: DEFAULT_BRANCH.parse().ok(), commit: None }),
    }
}

/// The revision of the workspace's repo that was named, with the repo or without. Where the repo has another name now, that is
/// the one that it goes by.
pub(super) fn revision(workspace: &Workspace, text: &str) -> Result<Location, Cause> {
    let repo = &workspace.marker().repo;
    let is_new_name = |name: &RepoName| Ok::<_, Cause>(name != repo && workspace.is_of(name)?);
    let named = text.parse::<RepoName>();
    if let Ok(rev) = text.strip_prefix('@').unwrap_or(text).parse::<Revision>()
        && !named.map_or(Ok(false), |name| is_new_name(&name))?
    {
        return Ok(Location { repo: repo.clone(), rev, path: None });
    }
    let location: Location = text.parse().map_err(history::Error::from)?;
    let is_own = location.repo == *repo || is_new_name(&location.repo)?;
    if !is_own || location.path.is_some() {
        let message = format!("{text} is not a revision of {repo}, which this workspace belongs to");
        return Err(usage(message, "name a branch, a tag or a commit of it"));
    }
    Ok(location)
}

/// The commit that was named, of the workspace's repo.
pub(super) fn commit(workspace: &Workspace, text: &str) -> Result<CommitId, Cause> {
    Ok(resolve(workspace.store(), &revision(workspace, text)?)?.commit)
}
