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
    /// What is still to be visited: of each level the children to the right, the lowest level last.
    above: Vec<vec::IntoIter<Child>>,
    leaf: std::iter::Peekable<vec::IntoIter<(Vec<u8>, V)>>,
}

impl<'a, V: Value> Cursor<'a, V> {
    /// A cursor before the first entry.
    pub fn new(source: &'a dyn ObjectRead, root: NodeId) -> Result<Self, Error> {
        let mut cursor = Self { source, above: Vec::new(), leaf: Vec::new().into_iter().peekable() };
        cursor.enter(root)?;
        Ok(cursor)
    }

    fn enter(&mut self, id: NodeId) -> Result<(), Error> {
        match Node::load(self.source, id)? {
            Node::Leaf(entries) => self.leaf = entries.into_iter().peekable(),
            Node::Inner { children, .. } => self.above.push(children.into_iter()),
        }
        Ok(())
    }

    /// Moves ahead to the first entry whose key is at least `key`. It never moves back.
    pub fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        loop {
            while self.leaf.next_if(|(at, _)| at.as_slice() < key).is_some() {}
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

    /// Enters the next node to the right, passing over those that end before `key`. False at the end.
    fn descend(&mut self, key: Option<&[u8]>) -> Result<bool, Error> {
        while let Some(children) = self.above.last_mut() {
            match children.find(|child| key.is_none_or(|key| child.last.as_slice() >= key)) {
                Some(child) => {
                    self.enter(child.id)?;
                    return Ok(true);
                }
                None => {
                    self.above.pop();
                }
            }
        }
        Ok(false)
    }
}

impl<V: Value> Iterator for Cursor<'_, V> {
    type Item = Result<(Vec<u8>, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.peek() {
            Err(error) => {
                // Whatever follows is not to be trusted to be all.
                self.above.clear();
                Some(Err(error))
            }
            Ok(_) => self.leaf.next().map(Ok),
        }
    }
}
