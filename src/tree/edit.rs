//! Making a tree from another one and some changes.

use std::iter::Peekable;

use super::build::Builder;
use super::error::Error;
use super::leaf::Leaf;
use super::node::{Child, Node};
use super::value::Value;
use crate::object::{NodeId, ObjectWrite};

/// The tree `root` after `edits`, which must come in strictly ascending order of their keys: `None` removes an entry
/// if it is there.
///
/// The result is the same as if the edited entries had been built from nothing. Only nodes that the edits touch, and
/// those after them until the cuts fall into step again, are read and written.
pub fn edit<V: Value>(
    sink: &dyn ObjectWrite,
    root: NodeId,
    edits: impl IntoIterator<Item = (Vec<u8>, Option<V>)>,
) -> Result<NodeId, Error> {
    let mut editor = Editor { sink, builder: Builder::new(sink), edits: edits.into_iter().peekable() };
    if editor.edits.peek().is_none() {
        return Ok(root);
    }
    let node = Node::root(sink, root)?;
    editor.feed(node, None, true)?;
    editor.insert_before(None)?;
    editor.builder.finish()
}

struct Editor<'a, V, I: Iterator<Item = (Vec<u8>, Option<V>)>> {
    sink: &'a dyn ObjectWrite,
    builder: Builder<'a, V>,
    edits: Peekable<I>,
}

impl<V: Value, I: Iterator<Item = (Vec<u8>, Option<V>)>> Editor<'_, V, I> {
    /// Feeds the builder with a node that cannot be taken as it is, and that follows the key `before`. `last` says that
    /// nothing follows it in the old tree.
    fn feed(&mut self, node: Node<V>, before: Option<&[u8]>, last: bool) -> Result<(), Error> {
        match node {
            Node::Leaf(leaf) => self.feed_leaf(&leaf),
            Node::Inner { level, children } => {
                let end = children.len();
                let mut before = before.map(<[u8]>::to_vec);
                for (at, child) in children.into_iter().enumerate() {
                    let next = child.last.clone();
                    self.feed_child(level - 1, child, before.as_deref(), last && at + 1 == end)?;
                    before = Some(next);
                }
                Ok(())
            }
        }
    }

    fn feed_child(
        &mut self,
        level: u8,
        child: Child,
        before: Option<&[u8]>,
        last: bool,
    ) -> Result<(), Error> {
        let touched = self.edits.peek().is_some_and(|(key, _)| last || *key <= child.last);
        if !touched && self.builder.is_aligned(level)? {
            return self.builder.push_subtree(level, child);
        }
        let node = Node::child(self.sink, level, &child, before)?;
        self.feed(node, before, last)
    }

    fn feed_leaf(&mut self, leaf: &Leaf<V>) -> Result<(), Error> {
        // As long as the new leaf is the beginning of the old one, it ends nowhere before that does.
        let mut same = self.builder.is_aligned(0)?;
        for (at, (key, value)) in leaf.iter().enumerate() {
            same &= self.edits.peek().is_none_or(|(edited, _)| edited.as_slice() > key);
            if same && at + 1 < leaf.len() {
                self.builder.push_on(key, value.clone())?;
            } else {
                self.feed_entry(key, value)?;
            }
        }
        Ok(())
    }

    fn feed_entry(&mut self, key: &[u8], value: &V) -> Result<(), Error> {
        self.insert_before(Some(key))?;
        match self.edits.next_if(|(edited, _)| edited.as_slice() == key) {
            None => self.builder.push(key, value.clone()),
            Some((_, Some(new))) => self.builder.push(key, new),
            Some((_, None)) => Ok(()),
        }
    }

    /// Feeds the builder with the edits before `key`, or with all that are left.
    fn insert_before(&mut self, key: Option<&[u8]>) -> Result<(), Error> {
        while let Some((edited, value)) =
            self.edits.next_if(|(edited, _)| key.is_none_or(|key| edited.as_slice() < key))
        {
            if let Some(value) = value {
                self.builder.push(&edited, value)?;
            }
        }
        Ok(())
    }
}
