//! Making a tree from sorted entries.

use rayon::prelude::*;

use super::cut::Cut;
use super::error::Error;
use super::leaf::Leaf;
use super::node::{Child, MAX_KEY, Node, write_inner, write_leaf};
use super::value::Value;
use crate::object::{NodeId, ObjectWrite};

/// How many leaves wait to be listed at most; those that are new are written on as many threads as there are.
const TOGETHER: usize = 64;

/// How many leaves are written quicker than other threads are told of them.
const FEW: usize = 4;

/// The tree without entries.
pub fn empty(sink: &dyn ObjectWrite) -> Result<NodeId, Error> {
    Ok(write_leaf::<super::Raw>(sink, &Leaf::default())?.id)
}

/// The tree of these entries, which must come in strictly ascending order of their keys. Memory holds some
/// dozens of leaves, and one unfinished node a level.
pub fn build<V: Value>(
    sink: &dyn ObjectWrite,
    entries: impl IntoIterator<Item = (Vec<u8>, V)>,
) -> Result<NodeId, Error> {
    let mut builder = Builder::new(sink);
    for (key, value) in entries {
        builder.push(&key, value)?;
    }
    builder.finish()
}

/// Takes entries, or whole unchanged subtrees, in order, and writes nodes.
pub(super) struct Builder<'a, V> {
    sink: &'a dyn ObjectWrite,
    leaf: Leaf<V>,
    leaf_cut: Cut,
    /// The last key before the leaf.
    before: Option<Vec<u8>>,
    /// What follows in the node above the leaves.
    waiting: Vec<Waiting<V>>,
    inner: Vec<Open>,
}

/// What an inner node is to list.
enum Waiting<V> {
    /// A leaf that is to be written.
    Leaf(Leaf<V>),
    /// A leaf of another tree.
    Whole(Child),
}

/// The unfinished node of a level above the leaves.
#[derive(Default)]
struct Open {
    children: Vec<Child>,
    cut: Cut,
}

impl<'a, V: Value> Builder<'a, V> {
    pub(super) fn new(sink: &'a dyn ObjectWrite) -> Self {
        Self {
            sink,
            leaf: Leaf::default(),
            leaf_cut: Cut::default(),
            before: None,
            waiting: Vec::new(),
            inner: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, key: &[u8], value: V) -> Result<(), Error> {
        self.check(key)?;
        let ends = self.leaf_cut.ends_after(0, key);
        self.leaf.push(key, value);
        if ends { self.end_leaf() } else { Ok(()) }
    }

    /// Takes an entry with which no leaf ends, as is known.
    pub(super) fn push_on(&mut self, key: &[u8], value: V) -> Result<(), Error> {
        self.check(key)?;
        self.leaf_cut.goes_on_after(key);
        self.leaf.push(key, value);
        Ok(())
    }

    fn check(&self, key: &[u8]) -> Result<(), Error> {
        if self.leaf.last_key().or(self.before.as_deref()).is_some_and(|last| last >= key) {
            return Err(Error::Unsorted);
        }
        if key.len() > MAX_KEY { Err(Error::LongKey { len: key.len() }) } else { Ok(()) }
    }

    /// Whether a node of `level` would begin here, so that an unchanged one can be taken as it is.
    pub(super) fn is_aligned(&mut self, level: u8) -> Result<bool, Error> {
        if !self.leaf.is_empty() || level == 0 {
            return Ok(self.leaf.is_empty());
        }
        self.list_waiting()?;
        Ok(self.inner.iter().take(usize::from(level)).all(|open| open.children.is_empty()))
    }

    /// Takes a whole node of `level` from another tree. The builder must be aligned, and the node must have ended by
    /// the rule or be followed by nothing.
    pub(super) fn push_subtree(&mut self, level: u8, child: Child) -> Result<(), Error> {
        self.before = Some(child.last.clone());
        if level > 0 {
            return self.push_child(usize::from(level), child);
        }
        self.wait(Waiting::Whole(child))
    }

    fn end_leaf(&mut self) -> Result<(), Error> {
        let leaf = std::mem::take(&mut self.leaf);
        self.before = leaf.last_key().map(<[u8]>::to_vec);
        self.wait(Waiting::Leaf(leaf))
    }

    fn wait(&mut self, next: Waiting<V>) -> Result<(), Error> {
        self.waiting.push(next);
        if self.waiting.len() < TOGETHER { Ok(()) } else { self.list_waiting() }
    }

    /// Writes the leaves that wait, and lists what waits in the nodes above.
    fn list_waiting(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let list = |next| match next {
            Waiting::Leaf(leaf) => write_leaf(self.sink, &leaf),
            Waiting::Whole(child) => Ok(child),
        };
        let leaves = waiting.iter().filter(|next| matches!(next, Waiting::Leaf(_))).count();
        let children: Result<Vec<Child>, Error> = if leaves <= FEW {
            waiting.into_iter().map(list).collect()
        } else {
            waiting.into_par_iter().map(list).collect()
        };
        children?.into_iter().try_for_each(|child| self.push_child(0, child))
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
        if self.inner.is_empty() && self.waiting.is_empty() {
            return Ok(write_leaf(self.sink, &self.leaf)?.id);
        }
        if !self.leaf.is_empty() {
            self.end_leaf()?;
        }
        self.list_waiting()?;
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
