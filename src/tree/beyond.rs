//! What a tree has beyond another: what must be copied, or checked, where the other is there already.

use super::cursor::Cursor;
use super::error::Error;
use super::node::{Child, Node};
use super::value::Value;
use crate::object::{NodeId, ObjectRead};

/// Something that one tree has and the other has not.
#[derive(Debug, Clone, Copy)]
pub enum Novel<'a, V> {
    /// An entry that the other tree does not have, or not with this value.
    Entry(Site<'a, V>),
    /// A node that the other tree does not have in this place. All that is new below it has been told.
    Node(NodeId),
}

/// A new entry among its neighbours.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a, V> {
    /// The key before it in its tree.
    pub before: Option<&'a [u8]>,
    /// Its key.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a V,
    /// The key after it, unless that lies in another node or there is none.
    pub after: Option<&'a [u8]>,
    /// What the other tree has under the key.
    pub earlier: Option<&'a V>,
}

/// Visits what the tree `root` has beyond the tree `base`, children before their parents, entries in order of their keys.
///
/// Nodes that both have in the same place are not read, so this costs what differs. What is read is checked as everywhere;
/// so a tree whose visit succeeds is whole and in order if `base` is. Memory holds a few nodes a level.
pub fn beyond<V: Value, E: From<Error>>(
    source: &dyn ObjectRead,
    base: Option<NodeId>,
    root: NodeId,
    visit: &mut dyn FnMut(Novel<'_, V>) -> Result<(), E>,
) -> Result<(), E> {
    if base == Some(root) {
        return Ok(());
    }
    let base = match base {
        Some(id) => Some(Base { entries: Cursor::new(source, id)?, nodes: Nodes::open::<V>(source, id)? }),
        None => None,
    };
    let node = Node::root(source, root)?;
    Visitor { source, base, visit }.node(node, root, None)
}

/// The tree that is there already.
struct Base<'a, V> {
    entries: Cursor<'a, V>,
    nodes: Nodes<'a>,
}

struct Visitor<'a, 'v, V, E> {
    source: &'a dyn ObjectRead,
    base: Option<Base<'a, V>>,
    visit: &'v mut dyn FnMut(Novel<'_, V>) -> Result<(), E>,
}

impl<V: Value, E: From<Error>> Visitor<'_, '_, V, E> {
    /// Visits what is new in `node`, which follows the key `before`, and then the node.
    fn node(&mut self, node: Node<V>, id: NodeId, before: Option<&[u8]>) -> Result<(), E> {
        match node {
            Node::Leaf(leaf) => {
                let mut before = before;
                for (at, (key, value)) in leaf.iter().enumerate() {
                    let earlier = self.base.as_mut().map_or(Ok(None), |base| base.entries.get(key))?;
                    if earlier.as_ref() != Some(value) {
                        let (after, earlier) = (leaf.key(at + 1), earlier.as_ref());
                        (self.visit)(Novel::Entry(Site { before, key, value, after, earlier }))?;
                    }
                    before = Some(key);
                }
            }
            Node::Inner { level, children } => {
                let mut before = before;
                for child in &children {
                    if !self.is_there(level - 1, child, before)? {
                        let node = Node::child(self.source, level - 1, child, before)?;
                        self.node(node, child.id, before)?;
                    }
                    before = Some(&child.last);
                }
            }
        }
        (self.visit)(Novel::Node(id))
    }

    /// Whether the base has this node, and says the same of it.
    fn is_there(&mut self, level: u8, child: &Child, before: Option<&[u8]>) -> Result<bool, Error> {
        let Some(base) = &mut self.base else { return Ok(false) };
        let Some((there, after)) = base.nodes.find::<V>(level, &child.last)? else { return Ok(false) };
        if there != *child {
            return Ok(false);
        }
        // In the base it follows another key, so that its first one may not follow here.
        if before > after.as_deref() {
            check_first::<V>(self.source, level, child, before)?;
        }
        Ok(true)
    }
}

/// An error if the first key below `child` does not follow the key `before`.
fn check_first<V: Value>(
    source: &dyn ObjectRead,
    level: u8,
    child: &Child,
    before: Option<&[u8]>,
) -> Result<(), Error> {
    match Node::<V>::child(source, level, child, before)? {
        Node::Leaf(_) => Ok(()),
        Node::Inner { level, children } => {
            children.first().map_or(Ok(()), |first| check_first::<V>(source, level - 1, first, before))
        }
    }
}

/// A node, and the last key before it.
type Placed = (Child, Option<Vec<u8>>);

/// The inner nodes of a tree on the way to one place, so that the next place near by is found without reading much.
struct Nodes<'a> {
    source: &'a dyn ObjectRead,
    level: u8,
    root: Child,
    /// The open nodes, from the root down.
    open: Vec<Open>,
}

/// The children of one node.
struct Open {
    id: NodeId,
    level: u8,
    /// The last key before them.
    before: Option<Vec<u8>>,
    children: Vec<Child>,
}

impl<'a> Nodes<'a> {
    fn open<V: Value>(source: &'a dyn ObjectRead, id: NodeId) -> Result<Self, Error> {
        let node = Node::<V>::root(source, id)?;
        let root = node.listed(id);
        let mut nodes = Self { source, level: 0, root, open: Vec::new() };
        if let Node::Inner { level, children } = node {
            nodes.level = level;
            nodes.open.push(Open { id, level: level - 1, before: None, children });
        }
        Ok(nodes)
    }

    /// The node of `level` in which `key` would lie, and the last key before it.
    fn find<V: Value>(&mut self, level: u8, key: &[u8]) -> Result<Option<Placed>, Error> {
        if level >= self.level {
            return Ok((level == self.level).then(|| (self.root.clone(), None)));
        }
        let mut depth = 0;
        loop {
            let Some(open) = self.open.get(depth) else { return Ok(None) };
            let at = open.children.partition_point(|child| child.last.as_slice() < key);
            let Some(child) = open.children.get(at).cloned() else { return Ok(None) };
            let left = at.checked_sub(1).and_then(|left| open.children.get(left));
            let before = left.map(|left| left.last.clone()).or_else(|| open.before.clone());
            if open.level == level {
                return Ok(Some((child, before)));
            }
            let below = open.level;
            depth += 1;
            if self.open.get(depth).is_none_or(|open| open.id != child.id) {
                self.open.truncate(depth);
                let node = Node::<V>::child(self.source, below, &child, before.as_deref())?;
                let Node::Inner { level, children } = node else { return Ok(None) };
                self.open.push(Open { id: child.id, level: level - 1, before, children });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::{Raw, build, diff, edit, walk};
    use super::*;
    use crate::object::access::memory::Objects;

    type Entries = BTreeMap<Vec<u8>, Raw>;

    fn entry(n: u32, value: u8) -> (Vec<u8>, Raw) {
        (format!("{:03}/{}", n % 997, n.wrapping_mul(2_654_435_761)).into_bytes(), Raw(vec![value; 20]))
    }

    fn nodes(objects: &Objects, root: NodeId) -> BTreeSet<NodeId> {
        let mut nodes = BTreeSet::new();
        walk::<Raw, Error>(objects, root, |id| nodes.insert(id), |_, _| Ok(())).unwrap();
        nodes
    }

    /// The keys and nodes that are visited; no node before one below it.
    fn visited(objects: &Objects, base: Option<NodeId>, root: NodeId) -> (Vec<Vec<u8>>, BTreeSet<NodeId>) {
        let (mut keys, mut seen) = (Vec::new(), Vec::new());
        beyond::<Raw, Error>(objects, base, root, &mut |novel| {
            match novel {
                Novel::Entry(site) => {
                    assert!(site.before.is_none_or(|before| before < site.key));
                    assert!(site.after.is_none_or(|after| after > site.key));
                    assert_ne!(site.earlier, Some(site.value));
                    keys.push(site.key.to_vec());
                }
                Novel::Node(id) => seen.push(id),
            }
            Ok(())
        })
        .unwrap();
        if !seen.is_empty() {
            assert_eq!(seen.last(), Some(&root));
        }
        (keys, seen.into_iter().collect())
    }

    fn check(first: &Entries, edits: &BTreeMap<Vec<u8>, Option<Raw>>) {
        let objects = Objects::default();
        let base = build(&objects, first.clone()).unwrap();
        let root = edit(&objects, base, edits.clone()).unwrap();
        let (keys, seen) = visited(&objects, Some(base), root);
        let changes = diff::<Raw>(&objects, base, root).map(Result::unwrap);
        let want: Vec<Vec<u8>> =
            changes.filter(|change| change.after.is_some()).map(|change| change.key).collect();
        assert_eq!(keys, want);
        let (old, new) = (nodes(&objects, base), nodes(&objects, root));
        assert!(seen.is_subset(&new));
        assert!(seen.is_superset(&new.difference(&old).copied().collect()));
        let (all, every) = visited(&objects, None, root);
        assert_eq!((all.len(), every), (diff_len(first, edits), new));
    }

    fn diff_len(first: &Entries, edits: &BTreeMap<Vec<u8>, Option<Raw>>) -> usize {
        let mut all: BTreeMap<_, _> =
            first.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        all.extend(edits.clone());
        all.values().flatten().count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn all_that_is_new_is_visited_and_nothing_else(
            count in 0_u32..6000,
            edits in proptest::collection::btree_map(0_u32..8000, proptest::option::of(0_u8..3), 0..60),
        ) {
            let first: Entries = (0..count).map(|n| entry(n, 0)).collect();
            let edits = edits.into_iter().map(|(n, value)| {
                let (key, raw) = entry(n, value.unwrap_or(0));
                (key, value.map(|_| raw))
            });
            check(&first, &edits.collect());
        }
    }

    #[test]
    fn what_both_have_is_not_read() {
        let objects = Objects::default();
        let base = build(&objects, (0..100_000).map(|n| entry(n, 0)).collect::<Entries>()).unwrap();
        let root = edit(&objects, base, [(entry(50_000, 0).0, Some(Raw(vec![1])))]).unwrap();
        objects.take_counts();
        let (keys, seen) = visited(&objects, Some(base), root);
        // The path in each of the trees, and the base once more for its entries.
        let (reads, _) = objects.take_counts();
        assert_eq!((keys.len(), seen.len() <= 4), (1, true), "{seen:?}");
        assert!(reads <= 16, "{reads} nodes were read");
        assert_eq!(visited(&objects, Some(root), root).1.len(), 0);
    }
}
