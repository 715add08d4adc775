//! Walking back through history.

use std::collections::{BinaryHeap, HashMap};

use super::{Error, commit};
use crate::object::{Commit, CommitId, ObjectRead};

/// All ancestors of some commits, themselves included, newest generation first; a commit never comes before one that
/// follows it.
#[derive(Debug)]
pub struct Log<'a> {
    objects: &'a dyn ObjectRead,
    waiting: BinaryHeap<Waiting>,
    /// What was met, and whether it is to be shown.
    seen: HashMap<CommitId, Sight>,
    pending: Vec<(CommitId, Sight)>,
    /// How many of those that wait are to be shown; without one the walk is over.
    shown: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Shown,
    Hidden,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    generation: u64,
    time: i64,
    id: CommitId,
    commit: Boxed,
}

/// A commit that takes no part in the order of the heap.
#[derive(Debug)]
struct Boxed(Box<Commit>);

impl PartialEq for Boxed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Boxed {}
impl PartialOrd for Boxed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Boxed {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl<'a> Log<'a> {
    /// The history of `heads`.
    pub fn new(objects: &'a dyn ObjectRead, heads: impl IntoIterator<Item = CommitId>) -> Self {
        let pending = heads.into_iter().map(|id| (id, Sight::Shown)).collect();
        Self { objects, waiting: BinaryHeap::new(), seen: HashMap::new(), pending, shown: 0 }
    }

    /// The same without `known` and its history.
    #[must_use]
    pub fn without(mut self, known: CommitId) -> Self {
        self.pending.push((known, Sight::Hidden));
        self
    }

    /// Of the parents of the commit that was told last, goes on with these only.
    pub fn follow_only(&mut self, parents: &[CommitId]) {
        // What is pending are those parents: all others have been admitted before the commit was told.
        self.pending.retain(|(id, _)| parents.contains(id));
    }

    fn admit(&mut self) -> Result<(), Error> {
        while let Some((id, sight)) = self.pending.pop() {
            match self.seen.get(&id) {
                None => {
                    let commit = commit::load(self.objects, id)?;
                    let (generation, time) = (commit.generation, commit.time);
                    self.waiting.push(Waiting { generation, time, id, commit: Boxed(Box::new(commit)) });
                    self.seen.insert(id, sight);
                    self.shown += usize::from(sight == Sight::Shown);
                }
                // It still waits: whatever follows a commit comes before it.
                Some(Sight::Shown) if sight == Sight::Hidden => {
                    self.seen.insert(id, sight);
                    self.shown -= 1;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

impl Iterator for Log<'_> {
    type Item = Result<(CommitId, Commit), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Err(error) = self.admit() {
                return Some(Err(error));
            }
            if self.shown == 0 {
                return None;
            }
            let Waiting { id, commit, .. } = self.waiting.pop()?;
            let sight = self.seen.get(&id).copied().unwrap_or(Sight::Shown);
            self.pending.extend(commit.0.parents.iter().map(|parent| (*parent, sight)));
            if sight == Sight::Shown {
                self.shown -= 1;
                return Some(Ok((id, *commit.0)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Draft;
    use crate::ledger::{Origin, OriginKind};
    use crate::object::NodeId;
    use crate::object::access::memory::Objects;

    /// Reads `"a b<a c<a d<b,c | d -b -> d c"`: commits with their parents, heads, what to leave out, and what is shown.
    #[track_caller]
    fn check(case: &str) {
        let (commits, rest) = case.split_once(" | ").unwrap();
        let (heads, want) = rest.split_once(" -> ").unwrap();
        let objects = Objects::default();
        let mut ids: HashMap<&str, CommitId> = HashMap::new();
        for commit in commits.split_whitespace() {
            let (name, parents) = commit.split_once('<').unwrap_or((commit, ""));
            let parents = parents.split(',').filter(|p| !p.is_empty()).map(|p| ids[p]).collect();
            let (author, command) = ("Ann".to_owned(), String::new());
            let origin = Origin { time: 0, offset: 0, author, command, kind: OriginKind::Operation };
            let draft = Draft { parents, tree: NodeId::of(b""), message: name.to_owned(), provenance: None };
            ids.insert(name, super::commit::write(&objects, draft, &origin).unwrap().0);
        }
        let mut log = Log::new(&objects, heads.split_whitespace().filter_map(|h| ids.get(h).copied()));
        for known in heads.split_whitespace().filter_map(|head| head.strip_prefix('-')) {
            log = log.without(ids[known]);
        }
        let got: Vec<String> = log.map(|item| item.unwrap().1.message).collect();
        assert_eq!(got.join(" "), want, "{case}");
    }

    #[test]
    fn history_goes_from_the_newest_back_and_stops_at_what_is_known() {
        check("a b<a c<b | c -> c b a");
        check("a b<a c<b | c -a -> c b");
        check("a b<a c<b | c -c -> ");
        check("a b<a c<b | a -c -> ");
        check("a b<a c<a d<c e<b,d | e -b -> e d c");
        check("a b<a c<a d<c e<b,d | e -d -> e b");
        check("a x b<a,x | b -a -> b x");
    }
}
