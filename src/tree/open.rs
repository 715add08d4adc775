//! A tree a node at a time, for who must go on where a node cannot be read.

use super::error::Error;
use super::node::{Child, Node};
use super::value::Value;
use crate::object::{NodeId, ObjectRead};

/// A node as it was found.
#[derive(Debug)]
pub enum Opened<V> {
    /// Entries, in order of their keys.
    Leaf(Vec<(Vec<u8>, V)>),
    /// What lies below it, in order.
    Inner(Vec<Below>),
}

/// A node that another one lists, not read yet.
#[derive(Debug, Clone)]
pub struct Below {
    level: u8,
    child: Child,
    before: Option<Vec<u8>>,
}

/// The root of a tree.
pub fn open<V: Value>(source: &dyn ObjectRead, root: NodeId) -> Result<Opened<V>, Error> {
    Ok(opened(Node::root(source, root)?, None))
}

/// The node with these bytes, for who has nothing that it could be checked against; `None` if they are none.
pub fn peek<V: Value>(bytes: &[u8]) -> Option<Opened<V>> {
    Node::decode(bytes).ok().map(|node| opened(node, None))
}

fn opened<V: Value>(node: Node<V>, before: Option<&[u8]>) -> Opened<V> {
    match node {
        Node::Leaf(leaf) => {
            Opened::Leaf(leaf.iter().map(|(key, value)| (key.to_vec(), value.clone())).collect())
        }
        Node::Inner { level, children } => {
            let mut before = before.map(<[u8]>::to_vec);
            let below = children.into_iter().map(|child| {
                let next = Some(child.last.clone());
                Below { level: level - 1, child, before: std::mem::replace(&mut before, next) }
            });
            Opened::Inner(below.collect())
        }
    }
}

impl Below {
    /// Its id.
    pub fn id(&self) -> NodeId {
        self.child.id
    }

    /// How many entries lie below it, as its parent says.
    pub fn count(&self) -> u64 {
        self.child.count
    }

    /// The last key below it, as its parent says.
    pub fn last(&self) -> &[u8] {
        &self.child.last
    }

    /// The node; an error if it is not what its parent says of it.
    pub fn open<V: Value>(&self, source: &dyn ObjectRead) -> Result<Opened<V>, Error> {
        let node = Node::child(source, self.level, &self.child, self.before.as_deref())?;
        Ok(opened(node, self.before.as_deref()))
    }
}
