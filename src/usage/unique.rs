//! What a repo, a branch or a commit keeps, and what of it nobody else does: what would be gone with it.
//!
//! All that others keep is marked first, then what it keeps itself is walked and counted. So this costs what the store holds, not what is asked
//! about; contents of files are not read, only what they consist of.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Error;
use crate::history;
use crate::object::{AccessError, BranchName, CommitId, Digest};
use crate::pack::{Located, Packs, Stock};
use crate::reach::{self, Holder, Met, Named, Root, Visit};
use crate::store::Store;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The repo of this number: its branches and tags, with their history, and what its stage keeps.
    Repo(u64),
    /// A branch of the repo of this number, with its history.
    Branch(u64, BranchName),
    /// A commit, without those that it follows.
    Commit(CommitId),
}

/// What something keeps in the packs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// All of it.
    pub all: Stock,
    /// What nothing else keeps.
    pub unique: Stock,
}

/// Measures what `subject` keeps.
pub fn share(store: &Store, subject: &Subject) -> Result<Share, Error> {
    let packs = store.objects();
    let (mut own, mut others) = split(named(store)?, subject);
    let (mine, theirs) = (Marks::default(), Marks::default());
    if let Subject::Commit(id) = subject {
        let parents = history::load(packs, *id)?.parents;
        // Others come past it to what it follows, and it is measured without that.
        theirs.see(id.digest(), Role::Named);
        parents.iter().for_each(|parent| mine.see(parent.digest(), Role::Named));
        others.extend(parents.into_iter().map(Root::Commit));
        own.push(Root::Commit(*id));
    }
    let marking = Walker { packs, marks: &theirs, count: &|_| {} };
    for root in others {
        reach::visit(packs, root, &marking)?;
    }
    if let Subject::Commit(id) = subject {
        theirs.forget(id.digest(), Role::Named);
    }
    let share = Mutex::new(Share::default());
    let counting = Walker {
        packs,
        marks: &mine,
        count: &|at| {
            let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
            share.all.add(at.len, at.stored);
            if !theirs.has_in_any_role(&at.digest) {
                share.unique.add(at.len, at.stored);
            }
        },
    };
    for root in own {
        reach::visit(packs, root, &counting)?;
    }
    Ok(*share.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What all facts name.
fn named(store: &Store) -> Result<Vec<Named>, Error> {
    let facts = store.session()?;
    let (mut all, mut failed) = (Vec::new(), None);
    facts.scan(b"", &mut |key, value| match reach::named_by(key, value) {
        Ok(named) => {
            all.extend(named);
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(all), |error| Err(error.into()))
}

/// What is named on behalf of the subject, and on behalf of others. A commit has nothing of its own.
fn split(named: Vec<Named>, subject: &Subject) -> (Vec<Root>, Vec<Root>) {
    let is_own = |holder: &Holder| match (subject, holder) {
        (
            Subject::Repo(id),
            Holder::Branch(of, _)
            | Holder::Tag(of, _)
            | Holder::Remote(of)
            | Holder::Merge(of, _)
            | Holder::Results(of),
        ) => id == of,
        (Subject::Branch(id, name), Holder::Branch(of, branch)) => id == of && name == branch,
        _ => false,
    };
    let (own, others): (Vec<Named>, Vec<Named>) = named.into_iter().partition(|named| is_own(&named.holder));
    let roots = |all: Vec<Named>| all.into_iter().flat_map(|named| named.roots).collect();
    (roots(own), roots(others))
}

/// As what an object is met: a file may have the bytes of a node, and lead to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Named,
    Content,
}

/// What was met. Half of a digest is enough to tell a store's objects apart, and there may be millions.
#[derive(Debug, Default)]
struct Marks(Mutex<HashSet<(u128, bool)>>);

impl Marks {
    fn all(&self) -> MutexGuard<'_, HashSet<(u128, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(digest: &Digest, role: Role) -> (u128, bool) {
        let half = digest.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
        (u128::from_le_bytes(half), role == Role::Content)
    }

    fn see(&self, digest: &Digest, role: Role) {
        self.all().insert(Self::key(digest, role));
    }

    fn forget(&self, digest: &Digest, role: Role) {
        self.all().remove(&Self::key(digest, role));
    }

    fn has(&self, digest: &Digest, role: Role) -> bool {
        self.all().contains(&Self::key(digest, role))
    }

    fn has_in_any_role(&self, digest: &Digest) -> bool {
        self.has(digest, Role::Named) || self.has(digest, Role::Content)
    }
}

/// Marks what it meets, and has what is new counted once.
struct Walker<'a> {
    packs: &'a Packs,
    marks: &'a Marks,
    count: &'a (dyn Fn(&Located) + Sync),
}

impl Walker<'_> {
    fn take(&self, digest: &Digest, role: Role) -> Result<Met, AccessError> {
        if self.marks.has(digest, role) {
            return Ok(Met::Before);
        }
        let found = self.packs.find(digest)?.ok_or(AccessError::Missing { digest: *digest })?;
        if !self.marks.has_in_any_role(digest) {
            (self.count)(&found.at);
        }
        self.marks.see(digest, role);
        Ok(Met::First(found.at.kind))
    }
}

impl Visit for Walker<'_> {
    fn meet(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.take(digest, Role::Named)
    }

    fn meet_content(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.take(digest, Role::Content)
    }
}
