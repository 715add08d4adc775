//! Pins.

use super::commit::commit;
use super::error::Error;
use crate::history::{self, Author};
use crate::meta::Batch;
use crate::object::{CommitId, RepoName};
use crate::store::Store;

/// Pins `id`, so that it stays with all that it holds. The operation; `None` if it is pinned already.
pub fn pin(store: &Store, author: &Author, repo: &RepoName, id: CommitId) -> Result<Option<u64>, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, repo)?;
    if history::is_pinned(&facts, &repo, &id)? {
        return Ok(None);
    }
    let mut batch = Batch::default();
    history::hold(&mut batch, &repo)?;
    history::create_pin(&mut batch, &repo, id);
    history::check_whole(&facts, store.objects(), id)?;
    history::check_current(&facts, store.objects(), &repo, id)?;
    // It may have been forgotten since it was looked up.
    history::record_commit(&mut batch, &repo, &id);
    commit(&mut facts, author, &batch, &repo.name).map(Some)
}

/// Takes the pin of `id` away. The operation.
pub fn unpin(store: &Store, author: &Author, repo: &RepoName, id: CommitId) -> Result<u64, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, repo)?;
    if !history::is_pinned(&facts, &repo, &id)? {
        return Err(Error::NotPinned { repo: repo.name, commit: id });
    }
    let mut batch = Batch::default();
    history::remove_pin(&mut batch, &repo, id);
    commit(&mut facts, author, &batch, &repo.name)
}
