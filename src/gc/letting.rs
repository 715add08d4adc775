//! Which commits' files the rules let go.
//!
//! Decided from commits alone: their parents and times. A branch about which there are rules keeps the files of the commits that any of them keeps,
//! seen from where it stands and from everywhere it stood in operations that can be undone. A branch without rules keeps those of all
//! its history. What else is named keeps its own. So the files go that only the history of branches with rules leads to, beyond the rules. Whatever is named
//! while this is at work can only keep more.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

use super::error::Error;
use crate::history::{self, LetGo};
use crate::object::{BranchName, Commit, CommitId, ObjectRead};
use crate::setting::{Keep, Rules};

/// Something that is named, and keeps files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keeper {
    /// A place where the branch of the repo of this number stands, or stood.
    Branch(u64, BranchName, CommitId),
    /// A commit that is named otherwise.
    Commit(CommitId),
}

/// The rules about a branch, and what was seen of its history, and that of others about which there are the same.
#[derive(Debug, Default)]
struct Line {
    /// How many commits are kept, counted from where it stands.
    last: u64,
    /// The oldest that is kept for its time, in milliseconds since 1970.
    oldest: Option<i64>,
    /// The commits that were met, each with how many are kept from it on.
    met: HashMap<CommitId, u64>,
}

/// What goes, as far as is known.
#[derive(Debug)]
pub(super) struct Letting<'a> {
    objects: &'a dyn ObjectRead,
    rules: &'a Rules,
    now: i64,
    /// The names of repos.
    names: BTreeMap<u64, String>,
    /// By the rules, as they are written.
    lines: BTreeMap<String, Line>,
    /// The commits that branches without rules lead to.
    whole: HashSet<CommitId>,
    /// Others that keep their files.
    kept: HashSet<CommitId>,
    /// Those that do not, with the rules that let them go.
    goes: BTreeMap<CommitId, LetGo>,
}

impl<'a> Letting<'a> {
    /// What goes when these are all that is named.
    pub(super) fn new(
        objects: &'a dyn ObjectRead,
        rules: &'a Rules,
        now: i64,
        names: BTreeMap<u64, String>,
        keepers: Vec<Keeper>,
    ) -> Result<Self, Error> {
        let (lines, whole, kept, goes) = (BTreeMap::new(), HashSet::new(), HashSet::new(), BTreeMap::new());
        let mut letting = Self { objects, rules, now, names, lines, whole, kept, goes };
        if !rules.are_about_files() {
            return Ok(letting);
        }
        letting.see(keepers)?;
        for (rules, line) in &letting.lines {
            for id in line.met.keys() {
                let keeps = letting.whole.contains(id) || letting.kept.contains(id);
                if !keeps && history::find_let_go(objects, *id)?.is_none() {
                    letting.goes.insert(*id, LetGo { time: now, rules: rules.clone() });
                }
            }
        }
        Ok(letting)
    }

    /// The commits whose files go.
    pub(super) fn goes(&self) -> &BTreeMap<CommitId, LetGo> {
        &self.goes
    }

    /// Takes up what has been named since. The commits whose files do not go after all.
    pub(super) fn keep(&mut self, keepers: Vec<Keeper>) -> Result<Vec<CommitId>, Error> {
        if self.goes.is_empty() {
            return Ok(Vec::new());
        }
        self.see(keepers)?;
        let keeps = |id: &&CommitId| self.whole.contains(*id) || self.kept.contains(*id);
        let stay: Vec<CommitId> = self.goes.keys().filter(keeps).copied().collect();
        for id in &stay {
            self.goes.remove(id);
        }
        Ok(stay)
    }

    fn see(&mut self, keepers: Vec<Keeper>) -> Result<(), Error> {
        let mut governed: BTreeMap<String, BTreeSet<CommitId>> = BTreeMap::new();
        let mut free = Vec::new();
        for keeper in keepers {
            let (repo, branch, id) = match keeper {
                Keeper::Commit(id) => {
                    self.kept.insert(id);
                    continue;
                }
                Keeper::Branch(repo, branch, id) => (repo, branch, id),
            };
            self.kept.insert(id);
            // What its stage goes on from.
            let made = history::load(self.objects, id)?.provenance;
            self.kept.extend(made.iter().flat_map(|made| &made.inputs).map(|input| input.commit));
            match self.line(repo, &branch) {
                Some(rules) => {
                    governed.entry(rules).or_default().insert(id);
                }
                None => free.push(id),
            }
        }
        self.fill(free)?;
        for (rules, heads) in governed {
            if let Some(line) = self.lines.get_mut(&rules) {
                line.follow(self.objects, heads, &mut self.kept)?;
            }
        }
        Ok(())
    }

    /// The rules about the branch, if there are any, as they are written. A repo that has no name any more has none.
    fn line(&mut self, repo: u64, branch: &BranchName) -> Option<String> {
        let name = self.names.get(&repo)?;
        let about: Vec<_> = self.rules.about(name, branch.as_str()).collect();
        if about.is_empty() {
            return None;
        }
        let written = about.iter().map(|(rule, _)| rule.to_string()).collect::<Vec<_>>().join(" ");
        let line = self.lines.entry(written.clone()).or_default();
        for (_, keep) in about {
            match keep {
                Keep::Last(count) => line.last = line.last.max(count),
                Keep::Within(time) => {
                    let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                    let oldest = self.now.saturating_sub(time);
                    line.oldest = Some(line.oldest.map_or(oldest, |other| other.min(oldest)));
                }
            }
        }
        Some(written)
    }

    /// Follows branches without rules.
    fn fill(&mut self, heads: Vec<CommitId>) -> Result<(), Error> {
        let mut waiting = heads;
        while let Some(id) = waiting.pop() {
            if self.whole.insert(id) {
                let parents = match self.objects.lineage(id) {
                    Some(lineage) => lineage.parents,
                    None => history::load(self.objects, id)?.parents,
                };
                waiting.extend(parents);
            }
        }
        Ok(())
    }
}

impl Line {
    /// Follows branches from where they stand, and says what of it stays.
    fn follow(
        &mut self,
        objects: &dyn ObjectRead,
        heads: BTreeSet<CommitId>,
        kept: &mut HashSet<CommitId>,
    ) -> Result<(), Error> {
        // Those from which most is kept come first, so that nearly all are met once.
        let mut waiting: BinaryHeap<(u64, CommitId)> = heads.into_iter().map(|id| (self.last, id)).collect();
        while let Some((left, id)) = waiting.pop() {
            if self.met.get(&id).is_some_and(|before| *before >= left) {
                continue;
            }
            self.met.insert(id, left);
            let Commit { parents, time, .. } = history::load(objects, id)?;
            if left > 0 || self.oldest.is_some_and(|oldest| time >= oldest) {
                kept.insert(id);
            }
            waiting.extend(parents.into_iter().map(|parent| (left.saturating_sub(1), parent)));
        }
        Ok(())
    }
}
