//! How many entries a tree has and what they weigh, without looking at them.

use super::error::Error;
use super::node::Node;
use super::value::Value;
use crate::object::{NodeId, ObjectRead};

/// A number of entries and the sum of their weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many entries.
    pub count: u64,
    /// The sum of their weights; for files, bytes.
    pub weight: u64,
}

impl Totals {
    /// Adds so many entries that weigh so much together.
    pub fn add(&mut self, count: u64, weight: u64) {
        self.count = self.count.saturating_add(count);
        self.weight = self.weight.saturating_add(weight);
    }
}

/// The totals of a whole tree; reads its root.
pub fn totals<V: Value>(source: &dyn ObjectRead, root: NodeId) -> Result<Totals, Error> {
    totals_in::<V>(source, root, b"")
}

/// The totals of the entries whose keys start with `prefix`; reads the nodes at its two edges.
pub fn totals_in<V: Value>(source: &dyn ObjectRead, root: NodeId, prefix: &[u8]) -> Result<Totals, Error> {
    let mut totals = Totals::default();
    add::<V>(source, Node::root(source, root)?, None, prefix, &mut totals)?;
    Ok(totals)
}

/// Whether `key` lies before, among or after the keys that start with `prefix`.
fn side(key: &[u8], prefix: &[u8]) -> std::cmp::Ordering {
    if key.starts_with(prefix) { std::cmp::Ordering::Equal } else { key.cmp(prefix) }
}

/// Adds what lies in `node`, whose keys follow the key `before`.
fn add<V: Value>(
    source: &dyn ObjectRead,
    node: Node<V>,
    before: Option<&[u8]>,
    prefix: &[u8],
    totals: &mut Totals,
) -> Result<(), Error> {
    match node {
        Node::Leaf(leaf) => {
            for (_, value) in leaf.iter().filter(|(key, _)| key.starts_with(prefix)) {
                totals.add(1, value.weight());
            }
        }
        Node::Inner { level, children } => {
            let mut before = before;
            for child in &children {
                // The keys of a child lie after the last key of the node before it.
                let inside = before.map_or(prefix.is_empty(), |before| side(before, prefix).is_eq());
                if inside && side(&child.last, prefix).is_eq() {
                    totals.add(child.count, child.weight);
                } else if side(&child.last, prefix).is_ge() {
                    add(source, Node::<V>::child(source, level - 1, child, before)?, before, prefix, totals)?;
                }
                if side(&child.last, prefix).is_gt() {
                    break;
                }
                before = Some(&child.last);
            }
        }
    }
    Ok(())
}
