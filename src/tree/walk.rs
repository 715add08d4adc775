//! Visiting every node of a tree: what reachability and verification are made of.

use super::error::Error;
use super::node::{Child, Node};
use super::value::Value;
use crate::object::{NodeId, ObjectRead};

/// Visits all nodes of the tree `root`, parents before their children, and all entries, in order of their keys.
///
/// `enter` is asked of each node before it is read; on `false` the node and all below it are passed over. So a walk over
/// many trees that share most of their nodes costs what differs, when `enter` remembers what it has seen. `entry` is
/// given each key and value of the leaves that were entered. Memory holds one node a level.
pub fn walk<V: Value, E: From<Error>>(
    source: &dyn ObjectRead,
    root: NodeId,
    mut enter: impl FnMut(NodeId) -> bool,
    mut entry: impl FnMut(Vec<u8>, V) -> Result<(), E>,
) -> Result<(), E> {
    if !enter(root) {
        return Ok(());
    }
    // What is still to be visited, each with the last key before it; the next is the last.
    let mut waiting: Vec<(u8, Child, Option<Vec<u8>>)> = Vec::new();
    let mut node = Node::<V>::root(source, root)?;
    let mut before = None;
    loop {
        match node {
            Node::Leaf(leaf) => {
                leaf.iter().try_for_each(|(key, value)| entry(key.to_vec(), value.clone()))?;
            }
            Node::Inner { level, children } => {
                let start = waiting.len();
                for child in children {
                    let next = Some(child.last.clone());
                    waiting.push((level - 1, child, std::mem::replace(&mut before, next)));
                }
                if let Some(new) = waiting.get_mut(start..) {
                    new.reverse();
                }
            }
        }
        let (level, child, after) = loop {
            match waiting.pop() {
                None => return Ok(()),
                Some(next) if enter(next.1.id) => break next,
                Some(_) => {}
            }
        };
        node = Node::child(source, level, &child, after.as_deref())?;
        before = after;
    }
}
