//! What a collection would do.

use super::alone::{self, Keeper, Passed};
use super::collect::{Collected, Collection, Options};
use super::error::Error;
use super::plan::decide;
use super::roots;
use crate::history::Author;
use crate::pack::Stock;
use crate::progress::Progress;
use crate::store::Store;

/// What a collection would do.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// What it would find and do.
    pub collected: Collected,
    /// Who keeps what alone, the most first. What operations keep is only what nobody else does.
    pub alone: Vec<(Keeper, Stock)>,
}

/// Finds out what a collection would do, and changes nothing.
pub fn foresee(
    store: &Store,
    author: &Author,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Foreseen, Error> {
    let rehearsal = store.rehearsal();
    let collection = Collection::look(store, Some(&rehearsal), author, options, progress)?;
    let facts = store.session()?;
    let dead = roots::dead(&facts, &collection.repos, &|id| collection.marks.has_entered(id), usize::MAX)?;
    let plan = decide(&collection.shares());
    let let_go = collection.letting.goes().len() as u64;
    drop(facts);
    let (results, logs) = collection.aging.counts();
    let sums = collection.sums();
    let commits = sums.commits.max(dead.commits.len() as u64);
    let collected = Collected { commits, let_go, results, logs, plan, ..sums };
    let passed = Passed { files: collection.letting.goes(), results: collection.aging.told().is_some() };
    let mut roots = roots::now(store, author, &options.rules)?.1;
    roots.named.extend(collection.aging.ruled(&collection.repos)?);
    let objects = (store.objects(), collection.objects);
    let alone = alone::measure(objects, &collection.marks.catalogue, roots, &passed, progress)?;
    Ok(Foreseen { collected, alone })
}
