//! Who alone keeps what: why it is not collected, and what would be collected without it.
//!
//! Keepers are followed one after the other. What was met for one of them, and is met again for another, is theirs together, with all that it leads
//! to, which is followed once more for that. What several of one repo keep is the repo's, and what several repos keep is nobody's alone. Operations that can
//! be undone count only where nobody else keeps a thing: they lead to nearly all that came lately. So each object is met three times at most,
//! however many keepers there are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::Error;
use super::roots::Roots;
use crate::history::LetGo;
use crate::object::{AccessError, CommitId, Digest, ObjectRead};
use crate::pack::{Catalogue, Packs, Stock};
use crate::progress::{Amount, Progress};
use crate::reach::{self, Holder, Met, Named, Visit};

/// Who keeps something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeper {
    /// A branch of a repo.
    Branch(String, String),
    /// A tag of a repo.
    Tag(String, String),
    /// The pins of a repo.
    Pins(String),
    /// The branches of a repo as they were seen in other stores.
    Seen(String),
    /// The merge into a branch of a repo that waits for a person.
    Merge(String, String),
    /// The results of the stage that writes a repo.
    Results(String),
    /// Several of these of one repo.
    Repo(String),
    /// Jobs, with their logs.
    Jobs,
    /// The versions of pipelines, and how far their inputs are.
    Pipelines,
    /// Workspaces, whose files come from commits.
    Workspaces,
    /// What is known of files that were let go.
    Rules,
    /// The records of purges.
    Purges,
    /// Operations that can be undone.
    Operations,
}

impl Keeper {
    fn of(holder: &Holder, names: &BTreeMap<u64, String>) -> Self {
        let repo = |id: &u64| names.get(id).cloned().unwrap_or_else(|| format!("repo {id}"));
        match holder {
            Holder::Branch(id, name) => Self::Branch(repo(id), name.to_string()),
            Holder::Tag(id, name) => Self::Tag(repo(id), name.to_string()),
            Holder::Pin(id) => Self::Pins(repo(id)),
            Holder::Remote(id) => Self::Seen(repo(id)),
            Holder::Merge(id, name) => Self::Merge(repo(id), name.to_string()),
            Holder::Results(id) => Self::Results(repo(id)),
            Holder::Jobs => Self::Jobs,
            Holder::Pipelines => Self::Pipelines,
            Holder::Workspaces => Self::Workspaces,
            Holder::Rules => Self::Rules,
            Holder::Purges => Self::Purges,
        }
    }

    fn repo(&self) -> Option<&String> {
        match self {
            Self::Branch(repo, _)
            | Self::Tag(repo, _)
            | Self::Pins(repo)
            | Self::Seen(repo)
            | Self::Merge(repo, _)
            | Self::Results(repo)
            | Self::Repo(repo) => Some(repo),
            Self::Jobs
            | Self::Pipelines
            | Self::Workspaces
            | Self::Rules
            | Self::Purges
            | Self::Operations => None,
        }
    }
}

/// Nobody has met it yet.
const NOBODY: u32 = 0;

/// Operations that can be undone.
const OPERATIONS: u32 = 1;

/// Several repos, or several that are of none, have.
const MANY: u32 = u32::MAX;

/// All keepers by number, and to which of them, a repo, each belongs.
#[derive(Debug)]
struct Keepers {
    numbers: BTreeMap<Keeper, u32>,
    repos: Vec<u32>,
}

impl Keepers {
    fn new() -> Self {
        let numbers = BTreeMap::from([(Keeper::Operations, OPERATIONS)]);
        Self { numbers, repos: vec![MANY] }
    }

    fn number(&mut self, keeper: Keeper) -> u32 {
        if let Some(number) = self.numbers.get(&keeper) {
            return *number;
        }
        let above = match (&keeper, keeper.repo()) {
            (Keeper::Repo(_), _) | (_, None) => MANY,
            (_, Some(repo)) => self.number(Keeper::Repo(repo.clone())),
        };
        self.repos.push(above);
        let number = u32::try_from(self.repos.len()).unwrap_or(MANY);
        self.numbers.insert(keeper, number);
        number
    }

    /// To what a keeper belongs that is not alone.
    fn above(&self, number: u32) -> u32 {
        let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        at.and_then(|at| self.repos.get(at)).copied().unwrap_or(MANY)
    }

    /// Who keeps what these two keep.
    fn together(&self, one: u32, other: u32) -> u32 {
        // Nobody, and operations, come before all others.
        let (less, more) = (one.min(other), one.max(other));
        if less <= OPERATIONS || less == more || self.above(less) == more {
            more
        } else if self.above(more) == less || self.above(more) == self.above(less) {
            self.above(more)
        } else {
            MANY
        }
    }
}

/// Who has met each object.
struct Owners<'a> {
    packs: &'a Packs,
    catalogue: &'a Catalogue,
    keepers: &'a Keepers,
    passed: &'a Passed<'a>,
    entered: Vec<AtomicU32>,
    content: Vec<AtomicU32>,
    /// Who is followed.
    now: u32,
}

impl Owners<'_> {
    fn take(&self, digest: &Digest, owners: &[AtomicU32], is_entered: bool) -> Result<Met, AccessError> {
        // What has come since is looked through each time; there is little of it.
        let Some((number, location)) = self.catalogue.find(digest) else {
            return Ok(Met::First(reach::kind_of_later(self.packs, digest, is_entered)?));
        };
        let Some(owner) = owners.get(number) else { return Ok(Met::Before) };
        let before = owner.load(Ordering::Relaxed);
        let after = self.keepers.together(before, self.now);
        owner.store(after, Ordering::Relaxed);
        Ok(if before == after { Met::Before } else { Met::First(location.at.kind) })
    }
}

impl Visit for Owners<'_> {
    fn meet(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.take(digest, &self.entered, true)
    }

    fn meet_content(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.take(digest, &self.content, false)
    }

    fn passes(&self, commit: &CommitId) -> bool {
        self.passed.files.contains_key(commit)
    }

    fn passes_results(&self) -> bool {
        self.passed.results
    }
}

/// What is about to be let go.
pub(super) struct Passed<'a> {
    /// The commits whose files are.
    pub(super) files: &'a BTreeMap<CommitId, LetGo>,
    /// Whether the tables of results that commits name are.
    pub(super) results: bool,
}

/// What each keeper keeps alone, the most first. What nobody alone keeps is not among it.
pub(super) fn measure(
    (packs, objects): (&Packs, &dyn ObjectRead),
    catalogue: &Catalogue,
    roots: Roots,
    passed: &Passed<'_>,
    progress: &dyn Progress,
) -> Result<Vec<(Keeper, Stock)>, Error> {
    let Roots { named, undoable, names, .. } = roots;
    let mut keepers = Keepers::new();
    let mut all: Vec<(u32, Named)> = Vec::new();
    for named in named {
        all.push((keepers.number(Keeper::of(&named.holder, &names)), named));
    }
    all.extend(undoable.into_iter().map(|named| (OPERATIONS, named)));
    let none = || (0..catalogue.len()).map(|_| AtomicU32::new(NOBODY)).collect();
    let mut owners =
        Owners { packs, catalogue, keepers: &keepers, passed, entered: none(), content: none(), now: NOBODY };
    progress.begin("finding who keeps what", Amount::Steps(Some(all.len() as u64)));
    for (number, named) in all {
        owners.now = number;
        named.roots.into_iter().try_for_each(|root| reach::visit(objects, root, &owners))?;
        progress.advance(1);
    }
    progress.end();
    let mut stocks: BTreeMap<u32, Stock> = BTreeMap::new();
    for (number, location) in catalogue.iter() {
        let owner = |owners: &[AtomicU32]| owners.get(number).map_or(NOBODY, |o| o.load(Ordering::Relaxed));
        let owner = keepers.together(owner(&owners.entered), owner(&owners.content));
        let (bytes, stored) = (u64::from(location.at.len), location.at.footprint());
        stocks.entry(owner).or_default().join(Stock { objects: 1, bytes, stored });
    }
    Ok(told(&keepers, &stocks))
}

/// The keepers with what is theirs; a repo's is what it and all of it keep.
fn told(keepers: &Keepers, stocks: &BTreeMap<u32, Stock>) -> Vec<(Keeper, Stock)> {
    let mut told: Vec<(Keeper, Stock)> = Vec::new();
    for (keeper, number) in &keepers.numbers {
        let mut sum = stocks.get(number).copied().unwrap_or_default();
        if matches!(keeper, Keeper::Repo(_)) {
            let own = stocks.iter().filter(|(other, _)| keepers.above(**other) == *number);
            own.for_each(|(_, stock)| sum.join(*stock));
        }
        if sum.objects > 0 {
            told.push((keeper.clone(), sum));
        }
    }
    told.sort_by(|(a, one), (b, other)| (other.stored, a).cmp(&(one.stored, b)));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_keep_is_their_repos_and_what_two_repos_keep_is_nobodys() {
        let mut keepers = Keepers::new();
        let branch = |repo: &str, name: &str| Keeper::Branch(repo.to_owned(), name.to_owned());
        let [here, beside, there] =
            [branch("r", "a"), branch("r", "b"), branch("s", "c")].map(|k| keepers.number(k));
        let [one_repo, other_repo] = ["r", "s"].map(|repo| keepers.number(Keeper::Repo(repo.to_owned())));
        let ops = OPERATIONS;
        for (one, other, want) in [
            (NOBODY, here, here),
            (here, here, here),
            (here, beside, one_repo),
            (one_repo, beside, one_repo),
            (here, there, MANY),
            (one_repo, there, MANY),
            (one_repo, other_repo, MANY),
            (ops, here, here),
            (ops, ops, ops),
            (MANY, here, MANY),
            (MANY, ops, MANY),
            (NOBODY, ops, ops),
            (NOBODY, NOBODY, NOBODY),
        ] {
            assert_eq!(keepers.together(one, other), want, "{one} {other}");
            assert_eq!(keepers.together(other, one), want, "{other} {one}");
        }
    }
}
