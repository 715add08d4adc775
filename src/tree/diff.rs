//! What differs between two trees.

use super::error::Error;
use super::node::{Child, Node};
use super::value::Value;
use crate::object::{NodeId, ObjectRead};

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<V> {
    /// The key.
    pub key: Vec<u8>,
    /// Its value in the first tree.
    pub before: Option<V>,
    /// Its value in the second.
    pub after: Option<V>,
}

/// The changes that lead from the tree `before` to the tree `after`, in order of their keys. Subtrees that are equal
/// are not read.
pub fn diff<V: Value>(source: &dyn ObjectRead, before: NodeId, after: NodeId) -> Diff<'_, V> {
    diff_in(source, before, after, b"")
}

/// Like [`diff`], only for keys that start with `prefix`.
pub fn diff_in<'a, V: Value>(
    source: &'a dyn ObjectRead,
    before: NodeId,
    after: NodeId,
    prefix: &[u8],
) -> Diff<'a, V> {
    let side = |id| Side { source, prefix: prefix.to_vec(), stack: vec![Item::Root(id)], passed: None };
    Diff { left: side(before), right: side(after), failed: false }
}

/// An iterator over changes.
#[derive(Debug)]
pub struct Diff<'a, V> {
    left: Side<'a, V>,
    right: Side<'a, V>,
    failed: bool,
}

/// What one tree still has to show; the next item is the last.
#[derive(Debug)]
struct Side<'a, V> {
    source: &'a dyn ObjectRead,
    prefix: Vec<u8>,
    stack: Vec<Item<V>>,
    /// Everything up to this key has been shown.
    passed: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Item<V> {
    Root(NodeId),
    Child(u8, Child),
    Entry(Vec<u8>, V),
}

impl<V: Value> Item<V> {
    fn id(&self) -> Option<NodeId> {
        match self {
            Self::Root(id) => Some(*id),
            Self::Child(_, child) => Some(child.id),
            Self::Entry(..) => None,
        }
    }

    /// How much a node holds, as far as one knows without reading it.
    fn rank(&self) -> u8 {
        match self {
            Self::Root(_) => u8::MAX,
            Self::Child(level, _) => level + 1,
            Self::Entry(..) => 0,
        }
    }

    fn last(&self) -> Option<&[u8]> {
        match self {
            Self::Root(_) => None,
            Self::Child(_, child) => Some(&child.last),
            Self::Entry(key, _) => Some(key),
        }
    }
}

impl<V: Value> Side<'_, V> {
    fn pop(&mut self) -> Option<Item<V>> {
        let item = self.stack.pop()?;
        if let Some(last) = item.last() {
            let passed = self.passed.get_or_insert_default();
            passed.clear();
            passed.extend_from_slice(last);
        }
        Some(item)
    }

    /// Drops what lies before the prefix, and everything once it has been passed.
    fn trim(&mut self) {
        if self.prefix.is_empty() {
            return;
        }
        let before =
            |item: &Item<V>, prefix: &[u8]| item.last().is_some_and(|l| l < prefix && !l.starts_with(prefix));
        while self.stack.last().is_some_and(|item| before(item, &self.prefix)) {
            self.pop();
        }
        let beyond = |key: &[u8]| key > self.prefix.as_slice() && !key.starts_with(&self.prefix);
        let entry_beyond = matches!(self.stack.last(), Some(Item::Entry(key, _)) if beyond(key));
        if entry_beyond || self.passed.as_deref().is_some_and(beyond) {
            self.stack.clear();
        }
    }

    /// Replaces the node at the front by what it holds.
    fn open(&mut self) -> Result<(), Error> {
        let node = match self.stack.pop() {
            Some(Item::Root(id)) => Node::root(self.source, id)?,
            Some(Item::Child(level, child)) => {
                Node::child(self.source, level, &child, self.passed.as_deref())?
            }
            Some(Item::Entry(..)) | None => return Ok(()),
        };
        match node {
            Node::Leaf(entries) => {
                self.stack.extend(entries.into_iter().rev().map(|(key, value)| Item::Entry(key, value)));
            }
            Node::Inner { level, children } => {
                self.stack.extend(children.into_iter().rev().map(|child| Item::Child(level - 1, child)));
            }
        }
        Ok(())
    }

    /// Whether nothing that is still to come can have `key` or one before it.
    fn is_past(&self, key: &[u8]) -> bool {
        self.stack.is_empty() || self.passed.as_deref().is_some_and(|passed| passed >= key)
    }

    fn take_entry(&mut self) -> Option<(Vec<u8>, V)> {
        match self.pop() {
            Some(Item::Entry(key, value)) => Some((key, value)),
            _ => None,
        }
    }
}

impl<V: Value> Diff<'_, V> {
    fn step(&mut self) -> Result<Option<Change<V>>, Error> {
        loop {
            self.left.trim();
            self.right.trim();
            let (left, right) = match (self.left.stack.last(), self.right.stack.last()) {
                (None, None) => return Ok(None),
                (Some(Item::Entry(key, _)), _) if self.right.is_past(key) => return Ok(self.removed()),
                (_, Some(Item::Entry(key, _))) if self.left.is_past(key) => return Ok(self.added()),
                (Some(_), None) => {
                    self.left.open()?;
                    continue;
                }
                (None, Some(_)) => {
                    self.right.open()?;
                    continue;
                }
                (Some(left), Some(right)) => (left, right),
            };
            if let (Item::Entry(a, x), Item::Entry(b, y)) = (left, right) {
                match a.cmp(b) {
                    std::cmp::Ordering::Less => return Ok(self.removed()),
                    std::cmp::Ordering::Greater => return Ok(self.added()),
                    std::cmp::Ordering::Equal if x != y => return Ok(self.modified()),
                    std::cmp::Ordering::Equal => self.pass(),
                }
            } else if left.id().is_some() && left.id() == right.id() {
                self.pass();
            } else {
                let (l, r) = (left.rank(), right.rank());
                if l >= r {
                    self.left.open()?;
                }
                if r >= l {
                    self.right.open()?;
                }
            }
        }
    }

    fn pass(&mut self) {
        self.left.pop();
        self.right.pop();
    }

    fn removed(&mut self) -> Option<Change<V>> {
        let (key, value) = self.left.take_entry()?;
        Some(Change { key, before: Some(value), after: None })
    }

    fn added(&mut self) -> Option<Change<V>> {
        let (key, value) = self.right.take_entry()?;
        Some(Change { key, before: None, after: Some(value) })
    }

    fn modified(&mut self) -> Option<Change<V>> {
        let (key, before) = self.left.take_entry()?;
        let (_, after) = self.right.take_entry()?;
        Some(Change { key, before: Some(before), after: Some(after) })
    }
}

impl<V: Value> Iterator for Diff<'_, V> {
    type Item = Result<Change<V>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
