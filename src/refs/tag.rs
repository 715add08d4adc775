//! Tags.

use super::commit::commit;
use super::error::Error;
use crate::change::Changed;
use crate::history::{self, Author};
use crate::meta::Batch;
use crate::object::{CommitId, RepoName, TagName};
use crate::pipeline::trigger::Caused;
use crate::store::Store;

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
    history::check_current(&facts, store.objects(), &repo, commit_id)?;
    let mut batch = Batch::default();
    history::hold(&mut batch, &repo)?;
    history::create_tag(&mut batch, &repo, name, commit_id);
    history::check_whole(&facts, store.objects(), commit_id)?;
    // It may have been forgotten since it was looked up.
    history::record_commit(&mut batch, &repo, &commit_id);
    let operation = commit(&mut facts, author, &batch, &repo.name)?;
    Ok(Changed { operation, before: None, after: Some(commit_id), caused: Caused::default() })
}

/// Deletes a tag.
pub fn delete_tag(store: &Store, author: &Author, repo: &RepoName, name: &TagName) -> Result<Changed, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, repo)?;
    let id = history::load_tag(&facts, &repo, name)?;
    let mut batch = Batch::default();
    history::delete_tag(&mut batch, &repo, name, id);
    let operation = commit(&mut facts, author, &batch, &repo.name)?;
    Ok(Changed { operation, before: Some(id), after: None, caused: Caused::default() })
}
