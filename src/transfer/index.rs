//! Which commits a repo has: those that came are listed, so that they can be named by their first digits.

use crate::history::{self, Author, Log, Repo};
use crate::meta::Batch;
use crate::object::CommitId;
use crate::store::Store;

use super::error::Error;

/// How many commits are listed in one step.
const TOGETHER: usize = 20_000;

/// Lists the commits `heads` of the repo and their history, as far as that is not known: all but the last few, which go into
/// `list_in`, the batch that names the heads. A commit is listed after those it follows.
pub(super) fn list(
    store: &Store,
    author: &Author,
    list_in: &mut Batch,
    repo: &Repo,
    heads: &[CommitId],
) -> Result<(), Error> {
    let known = known(store, repo)?;
    let mut log = Log::new(store.objects(), heads.iter().copied());
    for id in known {
        log = log.without(id);
    }
    let mut new: Vec<CommitId> = log.map(|item| item.map(|(id, _)| id)).collect::<Result<_, _>>()?;
    while new.len() > TOGETHER {
        let mut batch = Batch::default();
        history::hold(&mut batch, repo)?;
        let oldest = new.split_off(new.len() - TOGETHER);
        oldest.iter().for_each(|id| history::record_commit(&mut batch, repo, id));
        store.session()?.commit(&author.housekeeping(), &batch)?;
    }
    new.iter().for_each(|id| history::record_commit(list_in, repo, id));
    Ok(())
}

/// Whether the commits `heads` have so much history that listing it takes several steps.
pub(super) fn is_long(store: &Store, heads: &[CommitId]) -> Result<bool, Error> {
    let mut count = 0;
    for item in Log::new(store.objects(), heads.iter().copied()).take(TOGETHER + 1) {
        item?;
        count += 1;
    }
    Ok(count > TOGETHER)
}

/// The commits that the repo's names stand for.
fn known(store: &Store, repo: &Repo) -> Result<Vec<CommitId>, Error> {
    let facts = store.session()?;
    let mut known: Vec<CommitId> = history::branches(&facts, repo)?.into_iter().map(|(_, id)| id).collect();
    known.extend(history::tags(&facts, repo)?.into_iter().map(|(_, id)| id));
    known.extend(history::remote_branches(&facts, repo)?.into_iter().map(|(_, id)| id));
    Ok(known)
}
