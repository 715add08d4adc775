//! Reading entries in order, from anywhere.

use std::vec;

use super::error::Error;
use super::node::{Child, Node};
use super::value::Value;
use crate::object::{NodeId, ObjectRead};

/// A place in a tree that moves forward. Seeking ahead reads only what lies between; entries come from [`Iterator`].
#[derive(Debug)]
pub struct Cursor<'a, V> {
    source: &'a dyn ObjectRead,
    /// What is still to be visited, the lowest level last.
    above: Vec<Siblings>,
    leaf: std::iter::Peekable<vec::IntoIter<(Vec<u8>, V)>>,
    /// The last key that lies behind.
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
        let leaf = Vec::new().into_iter().peekable();
        let mut cursor = Self { source, above: Vec::new(), leaf, before: None };
        cursor.enter(Node::root(source, root)?, None);
        Ok(cursor)
    }

    /// Stands before the first entry of `node`, which follows the key `before`.
    fn enter(&mut self, node: Node<V>, before: Option<Vec<u8>>) {
        match node {
            Node::Leaf(entries) => self.leaf = entries.into_iter().peekable(),
            Node::Inner { level, children } => {
                self.above.push(Siblings { level: level - 1, rest: children.into_iter(), before });
            }
        }
    }

    /// Moves ahead to the first entry whose key is at least `key`. It never moves back.
    pub fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        loop {
            while let Some((passed, _)) = self.leaf.next_if(|(at, _)| at.as_slice() < key) {
                self.before = Some(passed);
            }
            if self.leaf.peek().is_some() || !self.descend(Some(key))? {
                return Ok(());
            }
        }
    }

    /// The entry at `key`, after a move there.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<V>, Error> {
        self.seek(key)?;
        Ok(self.leaf.peek().filter(|(at, _)| at == key).map(|(_, value)| value.clone()))
    }

    /// The key of the next entry.
    pub fn peek(&mut self) -> Result<Option<&[u8]>, Error> {
        while self.leaf.peek().is_none() && self.descend(None)? {}
        Ok(self.leaf.peek().map(|(key, _)| key.as_slice()))
    }

    /// The key of the entry just before the next one. It is known without reading anything.
    pub fn before(&self) -> Option<&[u8]> {
        self.before.as_deref()
    }

    /// Enters the next node to the right, passing over those that end before `key`. False at the end.
    fn descend(&mut self, key: Option<&[u8]>) -> Result<bool, Error> {
        while let Some(siblings) = self.above.last_mut() {
            let Some(child) = siblings.rest.next() else {
                self.above.pop();
                continue;
            };
            if key.is_some_and(|key| child.last.as_slice() < key) {
                self.before = Some(child.last.clone());
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
        let entry = self.leaf.next()?;
        self.before.get_or_insert_default().clone_from(&entry.0);
        Some(Ok(entry))
    }
}
