//! Reading entries in order, from anywhere.

use std::vec;

use super::error::Error;
use super::leaf::Leaf;
use super::node::{Child, Node};
use super::value::Value;
use crate::object::{NodeId, ObjectRead};

/// A place in a tree that moves forward. Seeking ahead reads only what lies between; entries come from [`Iterator`].
#[derive(Debug)]
pub struct Cursor<'a, V> {
    source: &'a dyn ObjectRead,
    /// What is still to be visited, the lowest level last.
    above: Vec<Siblings>,
    leaf: Leaf<V>,
    /// Which of the leaf's entries is the next.
    at: usize,
    /// The last key before the leaf.
    before: Option<Vec<u8>>,
}

/// The children of one node that are still to be visited.
#[derive(Debug)]
struct Siblings {
    level: u8,
    rest: vec::IntoIter<Child>,
    /// The last key before them.
    before: Option<Vec<u8>>,
}

impl<'a, V: Value> Cursor<'a, V> {
    /// A cursor before the first entry.
    pub fn new(source: &'a dyn ObjectRead, root: NodeId) -> Result<Self, Error> {
        let mut cursor = Self { source, above: Vec::new(), leaf: Leaf::default(), at: 0, before: None };
        cursor.enter(Node::root(source, root)?, None);
        Ok(cursor)
    }

    /// Stands before the first entry of `node`, which follows the key `before`.
    fn enter(&mut self, node: Node<V>, before: Option<Vec<u8>>) {
        match node {
            Node::Leaf(leaf) => (self.leaf, self.at, self.before) = (leaf, 0, before),
            Node::Inner { level, children } => {
                self.above.push(Siblings { level: level - 1, rest: children.into_iter(), before });
            }
        }
    }

    /// Moves ahead to the first entry whose key is at least `key`. It never moves back.
    pub fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        loop {
            self.at = self.leaf.seek(self.at, key);
            if self.at < self.leaf.len() || !self.descend(Some(key))? {
                return Ok(());
            }
        }
    }

    /// The entry at `key`, after a move there.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<V>, Error> {
        self.seek(key)?;
        Ok(self.leaf.get(self.at).filter(|(at, _)| *at == key).map(|(_, value)| value.clone()))
    }

    /// The key of the next entry.
    pub fn peek(&mut self) -> Result<Option<&[u8]>, Error> {
        while self.at >= self.leaf.len() && self.descend(None)? {}
        Ok(self.leaf.key(self.at))
    }

    /// The key of the entry just before the next one. It is known without reading anything.
    pub fn before(&self) -> Option<&[u8]> {
        self.at.checked_sub(1).map_or(self.before.as_deref(), |at| self.leaf.key(at))
    }

    /// Enters the next node to the right, passing over those that end before `key`. False at the end.
    fn descend(&mut self, key: Option<&[u8]>) -> Result<bool, Error> {
        while let Some(siblings) = self.above.last_mut() {
            let Some(child) = siblings.rest.next() else {
                self.above.pop();
                continue;
            };
            if key.is_some_and(|key| child.last.as_slice() < key) {
                self.leaf.clear();
                (self.at, self.before) = (0, Some(child.last.clone()));
                siblings.before = Some(child.last);
                continue;
            }
            let before = siblings.before.replace(child.last.clone());
            match Node::child(self.source, siblings.level, &child, before.as_deref()) {
                Ok(node) => self.enter(node, before),
                Err(error) => {
                    // Whatever follows is not to be trusted to be all.
                    self.above.clear();
                    return Err(error);
                }
            }
            return Ok(true);
        }
        Ok(false)
    }
}

impl<V: Value> Iterator for Cursor<'_, V> {
    type Item = Result<(Vec<u8>, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.peek() {
            return Some(Err(error));
        }
        let (key, value) = self.leaf.get(self.at)?;
        let entry = (key.to_vec(), value.clone());
        self.at += 1;
        Some(Ok(entry))
    }
}
