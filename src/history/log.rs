//! Walking back through history.

use std::collections::{BinaryHeap, HashSet};

use super::{Error, commit};
use crate::object::{Commit, CommitId, ObjectRead};

/// All ancestors of some commits, themselves included, newest generation first; a commit never comes before one that
/// follows it.
#[derive(Debug)]
pub struct Log<'a> {
    objects: &'a dyn ObjectRead,
    waiting: BinaryHeap<Waiting>,
    seen: HashSet<CommitId>,
    pending: Vec<CommitId>,
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
        let pending = heads.into_iter().collect();
        Self { objects, waiting: BinaryHeap::new(), seen: HashSet::new(), pending }
    }

    fn admit(&mut self) -> Result<(), Error> {
        while let Some(id) = self.pending.pop() {
            if self.seen.insert(id) {
                let commit = commit::load(self.objects, id)?;
                let (generation, time) = (commit.generation, commit.time);
                self.waiting.push(Waiting { generation, time, id, commit: Boxed(Box::new(commit)) });
            }
        }
        Ok(())
    }
}

impl Iterator for Log<'_> {
    type Item = Result<(CommitId, Commit), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.admit() {
            return Some(Err(error));
        }
        let Waiting { id, commit, .. } = self.waiting.pop()?;
        self.pending.extend(&commit.0.parents);
        Some(Ok((id, *commit.0)))
    }
}
