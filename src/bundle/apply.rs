//! Taking what is in a bundle.

use super::error::Error;
use super::read::Bundle;
use crate::history;
use crate::object::{CommitId, RemoteName, RepoName};
use crate::store::Store;
use crate::transfer::{
    Delivery, Desk, Gone, Intake, Moved, Name, Names, Noted, RefMove, Relation, note, relation, update,
};

/// What becomes of the names in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landing {
    /// They are made here, or go on.
    Branches,
    /// Branches are known as `REMOTE/BRANCH`, as if they had been fetched.
    Remote(RemoteName),
}

/// A name that a bundle brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The repo.
    pub repo: RepoName,
    /// The branch or tag.
    pub name: Name,
    /// Where it stood here.
    pub before: Option<CommitId>,
    /// Where it stands in the bundle.
    pub theirs: CommitId,
    /// How they stood to each other.
    pub relation: Relation,
}

/// A bundle that was taken.
#[derive(Debug)]
pub enum Applied {
    /// Names here were made, or went on.
    Branches(Vec<Landed>, Moved),
    /// Names are known.
    Remote(RemoteName, Noted),
}

/// Takes all that is in the bundle: its objects first, then its names in one step. If one of them does not follow what is here,
/// none is moved.
pub fn apply(desk: &Desk<'_>, bundle: &Bundle, into: Landing) -> Result<Applied, Error> {
    let store = desk.store;
    let missing = bundle.missing(Some(store.objects()))?;
    if !missing.is_empty() {
        return Err(Error::Needs { path: bundle.path().to_owned(), missing });
    }
    if into == Landing::Branches {
        writable(store, bundle)?;
    }
    let mut intake = Box::new(Intake::into(store, desk.author)?);
    bundle.send(&mut *intake, desk.progress)?;
    intake.finish()?;
    match into {
        Landing::Remote(remote) => {
            let names: Vec<Names> = bundle.head.names().collect();
            let names: Vec<(&Names, Gone)> = names.iter().map(|names| (names, Gone::Keep)).collect();
            let noted = note(desk, &remote, &names, &desk.author.now())?;
            Ok(Applied::Remote(remote, noted))
        }
        Landing::Branches => {
            let mut landed = Vec::new();
            for names in bundle.head.names() {
                landed.extend(land(store, &names)?);
            }
            let moved = update(store, desk.author, &moves(bundle, &landed)?)?;
            Ok(Applied::Branches(landed, moved))
        }
    }
}

/// An error if a stage writes one of the repos here.
fn writable(store: &Store, bundle: &Bundle) -> Result<(), Error> {
    let facts = store.session()?;
    for names in bundle.head.names() {
        if let Some(repo) = history::find(&facts, &names.repo)? {
            repo.writable()?;
        }
    }
    Ok(())
}

/// How the names of a repo stand to those here.
fn land(store: &Store, names: &Names) -> Result<Vec<Landed>, Error> {
    let ours: Vec<(Name, CommitId)> = {
        let facts = store.session()?;
        match history::find(&facts, &names.repo)? {
            None => Vec::new(),
            Some(repo) => {
                let branches = history::branches(&facts, &repo)?.into_iter();
                let tags = history::tags(&facts, &repo)?.into_iter();
                let tags = tags.map(|(name, id)| (Name::Tag(name), id));
                branches.map(|(name, id)| (Name::Branch(name), id)).chain(tags).collect()
            }
        }
    };
    let mut landed = Vec::new();
    for (name, theirs) in names.all() {
        let before = ours.iter().find(|(ours, _)| *ours == name).map(|(_, id)| *id);
        let relation = match (&name, before) {
            (Name::Tag(_), Some(before)) if before != theirs => Relation::Apart,
            _ => relation(store, before, theirs)?,
        };
        landed.push(Landed { repo: names.repo.clone(), name, before, theirs, relation });
    }
    Ok(landed)
}

fn moves(bundle: &Bundle, landed: &[Landed]) -> Result<Vec<RefMove>, Error> {
    let mut moves = Vec::new();
    for Landed { repo, name, before, theirs, relation } in landed {
        match relation {
            Relation::Apart => return Err(Error::Apart { repo: repo.clone(), name: name.to_string() }),
            Relation::Same | Relation::Ahead => {}
            Relation::Absent | Relation::Behind => {
                let found = bundle.head.repos.iter().find(|found| found.name == *repo);
                let description = found.map(|found| found.description.clone()).unwrap_or_default();
                let (repo, name) = (repo.clone(), name.clone());
                moves.push(RefMove { repo, description, name, before: *before, after: Some(*theirs) });
            }
        }
    }
    Ok(moves)
}
