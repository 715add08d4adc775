//! Making a tree from sorted entries.

use super::cut::Cut;
use super::error::Error;
use super::node::{Child, MAX_KEY, Node, write_inner, write_leaf};
use super::value::Value;
use crate::object::{NodeId, ObjectWrite};

/// The tree without entries.
pub fn empty(sink: &dyn ObjectWrite) -> Result<NodeId, Error> {
    Ok(write_leaf::<super::Raw>(sink, &[])?.id)
}

/// The tree of these entries, which must come in strictly ascending order of their keys. Memory holds one unfinished
/// node a level.
pub fn build<V: Value>(
    sink: &dyn ObjectWrite,
    entries: impl IntoIterator<Item = (Vec<u8>, V)>,
) -> Result<NodeId, Error> {
    let mut builder = Builder::new(sink);
    for (key, value) in entries {
        builder.push(key, value)?;
    }
    builder.finish()
}

/// Takes entries, or whole unchanged subtrees, in order, and writes nodes.
pub(super) struct Builder<'a, V> {
    sink: &'a dyn ObjectWrite,
    leaf: Vec<(Vec<u8>, V)>,
    leaf_cut: Cut,
    last: Option<Vec<u8>>,
    inner: Vec<Open>,
}

/// The unfinished node of a level above the leaves.
#[derive(Default)]
struct Open {
    children: Vec<Child>,
    cut: Cut,
}

impl<'a, V: Value> Builder<'a, V> {
    pub(super) fn new(sink: &'a dyn ObjectWrite) -> Self {
        Self { sink, leaf: Vec::new(), leaf_cut: Cut::default(), last: None, inner: Vec::new() }
    }

    pub(super) fn push(&mut self, key: Vec<u8>, value: V) -> Result<(), Error> {
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(Error::Unsorted);
        }
        if key.len() > MAX_KEY {
            return Err(Error::LongKey { len: key.len() });
        }
        let ends = self.leaf_cut.ends_after(0, &key);
        self.last = Some(key.clone());
        self.leaf.push((key, value));
        if ends { self.end_leaf() } else { Ok(()) }
    }

    /// Whether a node of `level` would begin here, so that an unchanged one can be taken as it is.
    pub(super) fn is_aligned(&self, level: u8) -> bool {
        self.leaf.is_empty()
            && self.inner.iter().take(usize::from(level)).all(|open| open.children.is_empty())
    }

    /// Takes a whole node of `level` from another tree. The builder must be aligned, and the node must have ended by
    /// the rule or be followed by nothing.
    pub(super) fn push_subtree(&mut self, level: u8, child: Child) -> Result<(), Error> {
        self.last = Some(child.last.clone());
        self.push_child(usize::from(level), child)
    }

    fn end_leaf(&mut self) -> Result<(), Error> {
        let child = write_leaf(self.sink, &self.leaf)?;
        self.leaf.clear();
        self.push_child(0, child)
    }

    /// Lists `child`, a node of level `at`, in the node above.
    fn push_child(&mut self, at: usize, child: Child) -> Result<(), Error> {
        while self.inner.len() <= at {
            self.inner.push(Open::default());
        }
        let Some(open) = self.inner.get_mut(at) else { return Ok(()) };
        let level = u8::try_from(at + 1).unwrap_or(u8::MAX);
        let ends = open.cut.ends_after(level, &child.last);
        open.children.push(child);
        if ends { self.end_inner(at) } else { Ok(()) }
    }

    fn end_inner(&mut self, at: usize) -> Result<(), Error> {
        let Some(open) = self.inner.get_mut(at) else { return Ok(()) };
        let children = std::mem::take(&mut open.children);
        let level = u8::try_from(at + 1).unwrap_or(u8::MAX);
        let child = write_inner(self.sink, level, &children)?;
        self.push_child(at + 1, child)
    }

    /// Ends all unfinished nodes; the topmost is the root.
    pub(super) fn finish(mut self) -> Result<NodeId, Error> {
        if self.inner.is_empty() {
            return Ok(write_leaf(self.sink, &self.leaf)?.id);
        }
        if !self.leaf.is_empty() {
            self.end_leaf()?;
        }
        let mut at = 0;
        loop {
            let top = at + 1 == self.inner.len();
            match self.inner.get(at).map_or(&[][..], |open| &open.children) {
                [only] if top => return self.collapse(at, only.clone()),
                [] if top => return empty(self.sink),
                [] => {}
                _ => self.end_inner(at)?,
            }
            at += 1;
        }
    }

    /// A root has no single child: what is below it is the tree. `top` is a node of level `at`.
    fn collapse(&self, at: usize, mut top: Child) -> Result<NodeId, Error> {
        for at in (1..=at).rev() {
            let level = u8::try_from(at).unwrap_or(u8::MAX);
            match Node::<V>::child(self.sink, level, &top, None)? {
                Node::Inner { children, .. } if children.len() == 1 => {
                    top = children.into_iter().next().unwrap_or(top);
                }
                _ => break,
            }
        }
        Ok(top.id)
    }
}
