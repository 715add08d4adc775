//! Commits that lie in packs and that nobody names: they become branches of a repo of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::other::packs_of;
use crate::history::{self, Author, NewRepo};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, ObjectKind, RepoName};
use crate::store::Store;

/// The repo that gets them.
const REPO: &str = "recovered";

/// What was found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The repo.
    pub repo: Option<RepoName>,
    /// Its branches, each with the last commit of a line.
    pub branches: Vec<(BranchName, CommitId)>,
    /// How many commits these lead to.
    pub commits: u64,
}

/// Makes a branch of each line of commits that no repo has.
pub(super) fn recover(store: &Store, author: &Author) -> Result<Recovered, Error> {
    let unnamed = unnamed(store)?;
    let followed: BTreeSet<CommitId> = unnamed.values().flatten().copied().collect();
    let heads: Vec<CommitId> = unnamed.keys().filter(|id| !followed.contains(id)).copied().collect();
    if heads.is_empty() {
        return Ok(Recovered::default());
    }
    let name = free_name(store)?;
    let origin = author.now();
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    let new = NewRepo {
        name: name.clone(),
        created: origin.time,
        description: "commits that were found in packs".to_owned(),
        output_of: None,
    };
    let repo = history::create(&facts, &mut batch, new)?;
    let mut branches = Vec::new();
    for head in heads {
        let branch: BranchName = format!("{head:.12}").parse().map_err(history::Error::from)?;
        history::move_head(&mut batch, &repo, &branch, None, Some(head));
        branches.push((branch, head));
    }
    unnamed.keys().for_each(|id| history::record_commit(&mut batch, &repo, id));
    facts.commit(&origin, &batch)?;
    Ok(Recovered { repo: Some(name), branches, commits: unnamed.len() as u64 })
}

/// The commits that no repo has, with what they follow.
fn unnamed(store: &Store) -> Result<BTreeMap<CommitId, Vec<CommitId>>, Error> {
    let mut found = BTreeMap::new();
    for pack in packs_of(store).list()? {
        let Ok(footer) = store.objects().footer(&pack.name, pack.len) else { continue };
        for at in footer.entries.iter().filter(|at| at.kind == ObjectKind::Commit) {
            let id = CommitId::new(at.digest);
            if let Ok(commit) = history::load(store.objects(), id) {
                found.insert(id, commit.parents);
            }
        }
    }
    let facts = store.session()?;
    for repo in history::list(&facts)? {
        let known = history::commits_of(&facts, &repo)?;
        known.iter().for_each(|id| drop(found.remove(id)));
    }
    Ok(found)
}

fn free_name(store: &Store) -> Result<RepoName, Error> {
    let facts = store.session()?;
    let mut n = 1;
    loop {
        let name = if n == 1 { REPO.to_owned() } else { format!("{REPO}-{n}") };
        let name: RepoName = name.parse().map_err(history::Error::from)?;
        if history::find(&facts, &name)?.is_none() {
            return Ok(name);
        }
        n += 1;
    }
}
