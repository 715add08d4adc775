//! How two commits are related: which ancestors they share.
//!
//! Commits are visited newest generation first, so a commit is looked at only when everything that follows it has been, and what
//! is then known of it is final. The walk ends at the generation of the oldest answer, however long history is.

use std::collections::{BinaryHeap, HashMap};

use super::{Error, commit};
use crate::object::{AccessError, Commit, CommitId, Lineage, ObjectRead};

/// So many records are read before what is known of history without them is looked at.
const SHORT: usize = 64;

/// Of which of the two sides something is an ancestor; a commit is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Reach {
    one: bool,
    other: bool,
    /// It is an ancestor of a common one, so it is no answer.
    surpassed: bool,
}

impl Reach {
    fn join(&mut self, from: Self) {
        self.one |= from.one;
        self.other |= from.other;
        self.surpassed |= from.surpassed;
    }

    fn is_common(self) -> bool {
        self.one && self.other
    }
}

/// A walk back through history that marks what it meets. What it has passed it need not remember: nothing leads there again.
struct Walk<'a> {
    objects: &'a dyn ObjectRead,
    waiting: BinaryHeap<Waiting>,
    /// Those that wait.
    met: HashMap<CommitId, Reach>,
    /// How many of those may still lead to an answer.
    open: usize,
    /// How many were met.
    count: usize,
    /// What the records that were read said.
    read: Vec<(CommitId, Lineage)>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    generation: u64,
    id: CommitId,
    parents: Vec<CommitId>,
}

impl<'a> Walk<'a> {
    fn new(objects: &'a dyn ObjectRead) -> Self {
        let (waiting, met) = (BinaryHeap::new(), HashMap::new());
        Self { objects, waiting, met, open: 0, count: 0, read: Vec::new() }
    }

    /// Marks a commit, which is of a generation below `limit` unless its record or the one that led here lies.
    fn mark(&mut self, id: CommitId, reach: Reach, limit: u64) -> Result<(), Error> {
        if let Some(met) = self.met.get_mut(&id) {
            let was = met.surpassed;
            met.join(reach);
            self.open -= usize::from(!was && met.surpassed);
            return Ok(());
        }
        let Lineage { generation, parents } = self.lineage(id)?;
        if generation >= limit {
            let (place, reason) =
                ("its record".to_owned(), format!("it says to be of generation {generation}"));
            return Err(AccessError::Damaged { digest: *id.digest(), place, reason }.into());
        }
        self.waiting.push(Waiting { generation, id, parents });
        self.met.insert(id, reach);
        self.open += usize::from(!reach.surpassed);
        self.count += 1;
        Ok(())
    }

    /// What the commit comes from. A short walk reads records, so that it need not load what is known of a long history.
    fn lineage(&mut self, id: CommitId) -> Result<Lineage, Error> {
        let known = if self.count < SHORT { None } else { self.objects.lineage(id) };
        if let Some(lineage) = known {
            return Ok(lineage);
        }
        let Commit { generation, parents, .. } = commit::load(self.objects, id)?;
        let lineage = Lineage { generation, parents };
        self.read.push((id, lineage.clone()));
        Ok(lineage)
    }

    /// The next commit, of which everything is known; `None` when no answer can follow.
    fn next(&mut self) -> Result<Option<(CommitId, Reach)>, Error> {
        if self.open == 0 {
            return Ok(None);
        }
        let Some(Waiting { generation, id, parents }) = self.waiting.pop() else { return Ok(None) };
        let Some(reach) = self.met.remove(&id) else { return Ok(None) };
        self.open -= usize::from(!reach.surpassed);
        let passed_on = Reach { surpassed: reach.is_common(), ..reach };
        for parent in parents {
            self.mark(parent, passed_on, generation)?;
        }
        Ok(Some((id, reach)))
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        self.objects.learn(&self.read);
    }
}

/// The best common ancestors of two commits: those that are not ancestors of another one, newest generation first. None if
/// the histories are unrelated, several after merges in both directions (criss-cross). Several commits on one side stand for a
/// merge of them that was not made.
pub fn merge_bases(
    objects: &dyn ObjectRead,
    one: &[CommitId],
    other: &[CommitId],
) -> Result<Vec<CommitId>, Error> {
    let mut walk = Walk::new(objects);
    for id in one {
        walk.mark(*id, Reach { one: true, ..Reach::default() }, u64::MAX)?;
    }
    for id in other {
        walk.mark(*id, Reach { other: true, ..Reach::default() }, u64::MAX)?;
    }
    let mut bases = Vec::new();
    while let Some((id, reach)) = walk.next()? {
        if reach.is_common() && !reach.surpassed {
            bases.push(id);
        }
    }
    Ok(bases)
}

/// Whether `ancestor` is `commit` or in its history. The walk ends at the generation of `ancestor`.
pub fn is_ancestor(objects: &dyn ObjectRead, ancestor: CommitId, commit: CommitId) -> Result<bool, Error> {
    let mut walk = Walk::new(objects);
    walk.mark(commit, Reach { one: true, ..Reach::default() }, u64::MAX)?;
    walk.mark(ancestor, Reach { other: true, ..Reach::default() }, u64::MAX)?;
    while let Some((id, reach)) = walk.next()? {
        if id == ancestor {
            return Ok(reach.one);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::{Origin, OriginKind};
    use crate::object::access::memory::Objects;
    use crate::object::{ObjectKind, ObjectWrite};
    use crate::tree;

    /// Makes commits, each with the parents that are named by their places in the list.
    fn history(objects: &Objects, parents: &[Vec<usize>]) -> Vec<CommitId> {
        let tree = tree::empty(objects).unwrap();
        let mut ids: Vec<CommitId> = Vec::new();
        for (at, parents) in parents.iter().enumerate() {
            let parents = parents.iter().map(|at| ids[*at]).collect();
            let message = at.to_string();
            let draft = commit::Draft { parents, tree, message, provenance: None };
            let origin = Origin {
                time: 0,
                offset: 0,
                author: "a".to_owned(),
                command: String::new(),
                kind: OriginKind::Operation,
            };
            ids.push(commit::write(objects, draft, &origin).unwrap().0);
        }
        ids
    }

    /// Reads `"0; 1:0; 2:0; 3:1,2 | 3 2 -> 2"`: commits with their parents, two of them, and their bases.
    #[track_caller]
    fn check(case: &str) {
        let (graph, rest) = case.split_once(" | ").unwrap();
        let (pair, want) = rest.split_once(" -> ").unwrap();
        let numbers =
            |text: &str| -> Vec<usize> { text.split_terminator(',').map(|n| n.parse().unwrap()).collect() };
        let parents: Vec<Vec<usize>> = graph
            .split("; ")
            .map(|c| c.split_once(':').map_or(Vec::new(), |(_, list)| numbers(list)))
            .collect();
        let objects = Objects::default();
        let ids = history(&objects, &parents);
        let (one, other) = pair.split_once(' ').unwrap();
        let at = |text: &str| ids[text.parse::<usize>().unwrap()];
        let mut got = merge_bases(&objects, &[at(one)], &[at(other)]).unwrap();
        let mut want: Vec<CommitId> = numbers(want).into_iter().map(|at| ids[at]).collect();
        got.sort();
        want.sort();
        assert_eq!(got, want, "{case}");
    }

    #[test]
    fn the_best_common_ancestors() {
        check("0; 1:0; 2:0 | 1 2 -> 0");
        check("0; 1:0; 2:1 | 2 1 -> 1");
        check("0; 1:0 | 1 1 -> 1");
        check("0; 1 | 0 1 -> ");
        // The branch was merged before: its merged part is the base, not where it began.
        check("0; 1:0; 2:0; 3:1,2; 4:2; 5:3 | 5 4 -> 2");
        // Criss-cross.
        check("0; 1:0; 2:0; 3:1,2; 4:2,1 | 3 4 -> 1,2");
        // A long way round to the same ancestor.
        check("0; 1:0; 2:1; 3:2; 4:0; 5:3,4; 6:4 | 5 6 -> 4");
    }

    fn graph() -> impl Strategy<Value = Vec<Vec<usize>>> {
        vec(vec(any::<prop::sample::Index>(), 0..3), 1..24).prop_map(|all| {
            let parents = |(at, of): (usize, Vec<prop::sample::Index>)| -> Vec<usize> {
                let some = of.iter().filter(|_| at > 0).map(|index| index.index(at));
                some.collect::<BTreeSet<_>>().into_iter().collect()
            };
            all.into_iter().enumerate().map(parents).collect()
        })
    }

    #[test]
    fn a_generation_that_cannot_be_is_an_error() {
        let objects = Objects::default();
        let [first, second] = history(&objects, &[vec![], vec![0]])[..] else { unreachable!() };
        let honest = commit::load(&objects, second).unwrap();
        let bytes = Commit { generation: 0, ..honest }.to_bytes().unwrap();
        let liar = CommitId::of(&bytes);
        objects.write_object(ObjectKind::Commit, liar.digest(), &bytes).unwrap();
        let error = merge_bases(&objects, &[liar], &[second]).unwrap_err();
        assert!(matches!(error, Error::Object(AccessError::Damaged { .. })), "{error}");
        assert_eq!(merge_bases(&objects, &[first], &[second]).unwrap(), [first]);
    }

    proptest! {
        #[test]
        fn they_are_what_the_definition_says(parents in graph(), pick in any::<[prop::sample::Index; 2]>()) {
            let objects = Objects::default();
            let ids = history(&objects, &parents);
            let mut above: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
            for (at, parents) in parents.iter().enumerate() {
                let mut all: BTreeSet<usize> = parents.iter().flat_map(|p| above[p].clone()).collect();
                all.insert(at);
                above.insert(at, all);
            }
            let [one, other] = pick.map(|index| index.index(ids.len()));
            let common: BTreeSet<usize> = above[&one].intersection(&above[&other]).copied().collect();
            let best = common.iter().filter(|at| !common.iter().any(|c| c != *at && above[c].contains(at)));
            let mut want: Vec<CommitId> = best.map(|at| ids[*at]).collect();
            let mut got = merge_bases(&objects, &[ids[one]], &[ids[other]]).unwrap();
            want.sort();
            got.sort();
            prop_assert_eq!(got, want);
            prop_assert_eq!(is_ancestor(&objects, ids[one], ids[other]).unwrap(), above[&other].contains(&one));
        }
    }
}
