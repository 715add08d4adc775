//! What a store takes as a whole, and what its repos hold.
//!
//! What a branch holds is the sum in the root of its tree, so two objects are read for each head, however large it is; what packs hold is in the
//! index; and the rest is a handful of files.

use std::collections::{BTreeMap, HashMap};
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::Error;
use super::files::{self, Places};
use super::growth::Growth;
use crate::history;
use crate::object::{CommitId, Entry, ObjectKind, ObjectRead, RepoName};
use crate::pack::{Disk, Stock};
use crate::store::Store;
use crate::tree::{self, Totals};

/// What a store takes.
#[derive(Debug, Clone)]
pub struct Usage {
    /// What repos hold, the one that holds the most first.
    pub repos: Vec<Held>,
    /// What packs hold, by kind.
    pub stock: BTreeMap<ObjectKind, Stock>,
    /// What lies in the store's directory.
    pub places: Places,
    /// How fast it grows.
    pub growth: Growth,
    /// Its disk, if that can be told.
    pub disk: Option<Disk>,
}

/// What the branches of a repo hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The repo.
    pub repo: RepoName,
    /// The pipeline and stage whose output it is, if it is one.
    pub output_of: Option<(String, String)>,
    /// How many branches it has.
    pub branches: u64,
    /// Their files, each branch for itself.
    pub totals: Totals,
}

/// Looks at the whole store.
pub fn survey(store: &Store) -> Result<Usage, Error> {
    let heads = heads(store)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (places, growth) = files::count(store.root(), i64::try_from(now.as_millis()).unwrap_or(i64::MAX))?;
    Ok(Usage {
        repos: weigh(store.objects(), heads)?,
        stock: store.objects().stock()?,
        places,
        growth,
        disk: store.disk(),
    })
}

/// What the branches of the repo hold, and its number.
pub fn held(store: &Store, name: &RepoName) -> Result<(u64, Held), Error> {
    let (repo, heads) = {
        let facts = store.session()?;
        let repo = history::load_repo(&facts, name)?;
        let branches = history::branches(&facts, &repo)?;
        (repo, branches.into_iter().map(|(_, head)| head).collect::<Vec<_>>())
    };
    Ok((repo.id, weigh_one(store.objects(), repo, &heads, &mut HashMap::new())?))
}

/// All repos with where their branches stand, in one session.
fn heads(store: &Store) -> Result<Vec<(history::Repo, Vec<CommitId>)>, Error> {
    let facts = store.session()?;
    let repos = history::list(&facts)?.into_iter();
    repos
        .map(|repo| {
            let branches = history::branches(&facts, &repo)?;
            Ok((repo, branches.into_iter().map(|(_, head)| head).collect()))
        })
        .collect()
}

/// What each repo holds, the most first. Branches at one commit are looked at once.
fn weigh(objects: &dyn ObjectRead, repos: Vec<(history::Repo, Vec<CommitId>)>) -> Result<Vec<Held>, Error> {
    let mut known = HashMap::new();
    let all = repos.into_iter().map(|(repo, heads)| weigh_one(objects, repo, &heads, &mut known));
    let mut all = all.collect::<Result<Vec<Held>, Error>>()?;
    all.sort_by(|a, b| (b.totals.weight, &a.repo).cmp(&(a.totals.weight, &b.repo)));
    Ok(all)
}

fn weigh_one(
    objects: &dyn ObjectRead,
    repo: history::Repo,
    heads: &[CommitId],
    known: &mut HashMap<CommitId, Totals>,
) -> Result<Held, Error> {
    let mut totals = Totals::default();
    for head in heads {
        let of = match known.get(head) {
            Some(of) => *of,
            None => tree::totals::<Entry>(objects, history::load(objects, *head)?.tree)?,
        };
        known.insert(*head, of);
        totals.add(of.count, of.weight);
    }
    let history::Repo { name, output_of, .. } = repo;
    Ok(Held { repo: name, output_of, branches: heads.len() as u64, totals })
}

impl Usage {
    /// What all branches of all repos hold.
    pub fn held(&self) -> Totals {
        self.repos.iter().fold(Totals::default(), |mut sum, held| {
            sum.add(held.totals.count, held.totals.weight);
            sum
        })
    }

    /// The contents of files in the packs.
    pub fn contents(&self) -> Stock {
        self.stock.get(&ObjectKind::Chunk).copied().unwrap_or_default()
    }

    /// How often the contents that are stored would fit into themselves before compression; `None` if there are none.
    pub fn compression(&self) -> Option<f64> {
        ratio(self.contents().bytes, self.contents().stored)
    }

    /// How much more the branches hold than is stored of contents, before compression. Less than one where the past holds more
    /// than is still on a branch.
    pub fn deduplication(&self) -> Option<f64> {
        ratio(self.held().weight, self.contents().bytes)
    }

    /// In how many days only what is kept free is left, at this week's growth; `None` if nothing grows, or nothing is known of the disk.
    pub fn days_until_full(&self) -> Option<u64> {
        let Disk { free, reserve, .. } = self.disk?;
        self.growth.days_until(free.saturating_sub(reserve))
    }
}

fn ratio(whole: u64, part: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    (part > 0).then(|| whole as f64 / part as f64)
}
