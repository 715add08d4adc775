//! What differs between two trees.

use super::error::Error;
use super::leaf::Leaf;
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
    let side = |id| Side::new(source, prefix, id);
    Diff { left: side(before), right: side(after), failed: false }
}

/// An iterator over changes.
#[derive(Debug)]
pub struct Diff<'a, V> {
    left: Side<'a, V>,
    right: Side<'a, V>,
    failed: bool,
}

/// What one tree still has to show: the rest of a leaf, and then nodes.
#[derive(Debug)]
struct Side<'a, V> {
    source: &'a dyn ObjectRead,
    prefix: Vec<u8>,
    leaf: Leaf<V>,
    /// Which of the leaf's entries is the next.
    at: usize,
    /// The next node is the last.
    nodes: Vec<Unread>,
    /// Everything up to this key had been shown before the leaf.
    passed: Option<Vec<u8>>,
}

/// A node that was not looked into.
#[derive(Debug)]
enum Unread {
    Root(NodeId),
    Child(u8, Child),
}

/// What a side shows next.
enum Front<'s, V> {
    Node(&'s Unread),
    Entry(&'s [u8], &'s V),
}

impl<V> Front<'_, V> {
    fn id(&self) -> Option<NodeId> {
        match self {
            Self::Node(Unread::Root(id)) => Some(*id),
            Self::Node(Unread::Child(_, child)) => Some(child.id),
            Self::Entry(..) => None,
        }
    }

    /// How much it holds, as far as one knows without reading it.
    fn rank(&self) -> u8 {
        match self {
            Self::Node(Unread::Root(_)) => u8::MAX,
            Self::Node(Unread::Child(level, _)) => level + 1,
            Self::Entry(..) => 0,
        }
    }

    fn last(&self) -> Option<&[u8]> {
        match self {
            Self::Node(Unread::Root(_)) => None,
            Self::Node(Unread::Child(_, child)) => Some(&child.last),
            Self::Entry(key, _) => Some(key),
        }
    }
}

impl<'a, V: Value> Side<'a, V> {
    fn new(source: &'a dyn ObjectRead, prefix: &[u8], root: NodeId) -> Self {
        let (leaf, nodes) = (Leaf::default(), vec![Unread::Root(root)]);
        Self { source, prefix: prefix.to_vec(), leaf, at: 0, nodes, passed: None }
    }

    fn front(&self) -> Option<Front<'_, V>> {
        match self.leaf.get(self.at) {
            Some((key, value)) => Some(Front::Entry(key, value)),
            None => self.nodes.last().map(Front::Node),
        }
    }

    /// Everything up to this key has been shown.
    fn passed(&self) -> Option<&[u8]> {
        self.at.checked_sub(1).map_or(self.passed.as_deref(), |at| self.leaf.key(at))
    }

    /// Passes over what is at the front.
    fn pass(&mut self) {
        if self.at < self.leaf.len() {
            self.at += 1;
        } else if let Some(node) = self.pop_node()
            && let Unread::Child(_, child) = node
        {
            self.passed = Some(child.last);
        }
    }

    /// Takes the next node, after the leaf.
    fn pop_node(&mut self) -> Option<Unread> {
        if let Some(last) = self.leaf.last_key() {
            self.passed = Some(last.to_vec());
        }
        self.leaf.clear();
        self.at = 0;
        self.nodes.pop()
    }

    /// Drops what lies before the prefix, and everything once it has been passed.
    fn trim(&mut self) {
        if self.prefix.is_empty() {
            return;
        }
        let before = |last: &[u8], prefix: &[u8]| last < prefix && !last.starts_with(prefix);
        while self.front().and_then(|front| front.last().map(|last| before(last, &self.prefix))) == Some(true)
        {
            self.pass();
        }
        let beyond = |key: &[u8]| key > self.prefix.as_slice() && !key.starts_with(&self.prefix);
        let next = self.leaf.key(self.at);
        if next.is_some_and(beyond) || self.passed().is_some_and(beyond) {
            self.at = self.leaf.len();
            self.nodes.clear();
        }
    }

    /// Replaces the node at the front by what it holds.
    fn open(&mut self) -> Result<(), Error> {
        if self.at < self.leaf.len() {
            return Ok(());
        }
        let node = match self.pop_node() {
            Some(Unread::Root(id)) => Node::root(self.source, id)?,
            Some(Unread::Child(level, child)) => {
                Node::child(self.source, level, &child, self.passed.as_deref())?
            }
            None => return Ok(()),
        };
        match node {
            Node::Leaf(leaf) => self.leaf = leaf,
            Node::Inner { level, children } => {
                let children = children.into_iter().rev();
                self.nodes.extend(children.map(|child| Unread::Child(level - 1, child)));
            }
        }
        Ok(())
    }

    /// Whether nothing that is still to come can have `key` or one before it.
    fn is_past(&self, key: &[u8]) -> bool {
        self.front().is_none() || self.passed().is_some_and(|passed| passed >= key)
    }

    fn take_entry(&mut self) -> Option<(Vec<u8>, V)> {
        let (key, value) = self.leaf.get(self.at)?;
        let entry = (key.to_vec(), value.clone());
        self.at += 1;
        Some(entry)
    }
}

impl<V: Value> Diff<'_, V> {
    fn step(&mut self) -> Result<Option<Change<V>>, Error> {
        loop {
            self.left.trim();
            self.right.trim();
            let (left, right) = match (self.left.front(), self.right.front()) {
                (None, None) => return Ok(None),
                (Some(Front::Entry(key, _)), _) if self.right.is_past(key) => return Ok(self.removed()),
                (_, Some(Front::Entry(key, _))) if self.left.is_past(key) => return Ok(self.added()),
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
            if let (Front::Entry(a, x), Front::Entry(b, y)) = (&left, &right) {
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
        self.left.pass();
        self.right.pass();
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
