//! What a repo, a branch or a commit keeps, and what of it nobody else does: what would be gone with it.
//!
//! All that others keep is marked first, then what it keeps itself is walked and counted. So this costs what the store holds, not what is asked
//! about; contents of files are not read, only what they consist of.

use super::error::Error;
use crate::history;
use crate::object::{BranchName, CommitId};
use crate::pack::Stock;
use crate::progress::{Amount, Progress};
use crate::reach::{self, Holder, Marks, Named, Root, Visit as _};
use crate::store::Store;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The repo of this number: its branches, tags and pins, with their history, and what its stage keeps.
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
pub fn share(store: &Store, subject: &Subject, progress: &dyn Progress) -> Result<Share, Error> {
    let packs = store.objects();
    let (mut own, mut others) = split(reach::named(&store.session()?)?, subject);
    let catalogue = packs.catalogue()?;
    let (mine, theirs) = (Marks::new(packs, catalogue.clone()), Marks::new(packs, catalogue));
    let mut followed = Vec::new();
    if let Subject::Commit(id) = subject {
        followed = history::load(packs, *id)?.parents;
        // Others come past it to what it follows, and it is measured without that.
        theirs.meet(id.digest())?;
        followed.iter().try_for_each(|parent| mine.meet(parent.digest()).map(drop))?;
        others.extend(followed.iter().map(|parent| Root::Commit(*parent)));
        own.push(Root::Commit(*id));
    }
    let follow = |root, marks: &Marks<'_>| {
        progress.advance(1);
        reach::visit(packs, root, marks)
    };
    progress.begin("finding who keeps what", Amount::Steps(Some((others.len() + own.len()) as u64)));
    others.into_iter().try_for_each(|root| follow(root, &theirs))?;
    if let Subject::Commit(id) = subject {
        theirs.forget(id.digest());
    }
    own.into_iter().try_for_each(|root| follow(root, &mine))?;
    progress.end();
    followed.iter().for_each(|parent| mine.forget(parent.digest()));
    let mut share = Share::default();
    for (number, found) in mine.met() {
        share.all.add(found.at.len, found.at.stored);
        if !theirs.has(number) {
            share.unique.add(found.at.len, found.at.stored);
        }
    }
    Ok(share)
}

/// What is named on behalf of the subject, and on behalf of others. A commit has nothing of its own.
fn split(named: Vec<Named>, subject: &Subject) -> (Vec<Root>, Vec<Root>) {
    let is_own = |holder: &Holder| match (subject, holder) {
        (
            Subject::Repo(id),
            Holder::Branch(of, _)
            | Holder::Tag(of, _)
            | Holder::Pin(of)
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
