//! One node, and its canonical bytes.
//!
//! Layout: `vdst`, version 1 (u8), level (u8, 0 for leaves), number of entries (u32), then the entries in order of
//! their keys. An entry is the number of bytes its key shares with the key before (varint), the number of further
//! bytes (varint), these bytes, and then in a leaf the value's length (varint) and bytes, in an inner node the child's
//! id (32 bytes), number of entries (u64) and weight (u64); there the key is the last one below the child. Integers are
//! little-endian; a varint is LEB128 of the shortest form.
//!
//! Reading trusts nothing: a node must be what its parent says of it, its keys must ascend from where the node before it
//! ended, and only a root may be empty. So a damaged or hostile tree is an error that names the node; levels fall by one
//! from parent to child, so no walk is endless.

use super::error::Error;
use super::leaf::Leaf;
use super::value::Value;
use crate::object::access::read_hashed;
use crate::object::{Digest, NodeId, ObjectKind, ObjectRead, ObjectWrite};

const HEAD: &[u8] = b"vdst\x01";

/// The deepest tree, far beyond what can be stored.
const MAX_LEVEL: u8 = 32;

/// The longest key, in bytes: a path has at most 4,095, and a datum's name may be made of several.
pub const MAX_KEY: usize = 16 << 10;

/// A child as an inner node lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) last: Vec<u8>,
    pub(super) id: NodeId,
    pub(super) count: u64,
    pub(super) weight: u64,
}

/// A decoded node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node<V> {
    Leaf(Leaf<V>),
    Inner { level: u8, children: Vec<Child> },
}

impl<V: Value> Node<V> {
    /// Reads the root `id`.
    pub(super) fn root(source: &dyn ObjectRead, id: NodeId) -> Result<Self, Error> {
        Self::load(source, id, |node| match node {
            Self::Inner { children, .. } if children.len() < 2 => Err("it is a root with a single child"),
            _ => Ok(()),
        })
    }

    /// Reads a node of `level` that its parent lists as `child`, next after one that ended with the key `before`.
    pub(super) fn child(
        source: &dyn ObjectRead,
        level: u8,
        child: &Child,
        before: Option<&[u8]>,
    ) -> Result<Self, Error> {
        Self::load(source, child.id, |node| node.check(level, child, before))
    }

    fn load(
        source: &dyn ObjectRead,
        id: NodeId,
        check: impl FnOnce(&Self) -> Result<(), &'static str>,
    ) -> Result<Self, Error> {
        let payload = read_hashed(source, id.digest())?;
        let malformed = |reason| Error::Malformed { node: id, reason };
        let node = Self::decode(&payload.bytes).map_err(malformed)?;
        check(&node).map_err(malformed)?;
        Ok(node)
    }

    /// How a parent lists the node.
    pub(super) fn listed(&self, id: NodeId) -> Child {
        let (last, count, weight) = match self {
            Self::Leaf(leaf) => (leaf.last_key(), leaf.len() as u64, weight(leaf)),
            Self::Inner { children, .. } => {
                let last = children.last().map(|child| child.last.as_slice());
                (last, sum(children, |c| c.count), sum(children, |c| c.weight))
            }
        };
        Child { last: last.unwrap_or_default().to_vec(), id, count, weight }
    }

    /// Compares the node with what its parent says of it.
    fn check(&self, level: u8, child: &Child, before: Option<&[u8]>) -> Result<(), &'static str> {
        let (own_level, first, last, count, weight) = match self {
            Self::Leaf(leaf) => (0, leaf.key(0), leaf.last_key(), leaf.len() as u64, weight(leaf)),
            Self::Inner { level, children } => {
                let [first, last] = [children.first(), children.last()].map(|c| c.map(|c| c.last.as_slice()));
                (*level, first, last, sum(children, |c| c.count), sum(children, |c| c.weight))
            }
        };
        // The first key of an inner node is the last one below its first child: the child itself is checked in turn.
        let follows = before.is_none_or(|before| first.is_some_and(|first| first > before));
        let rules = [
            (own_level == level, "its level is not the one below its parent's"),
            (last == Some(child.last.as_slice()), "its last key is not the one its parent names"),
            (follows, "its first key does not follow the node before it"),
            (count == child.count, "its entries are not as many as its parent says"),
            (weight == child.weight, "its entries do not weigh what its parent says"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err(*reason))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let rest = bytes.strip_prefix(HEAD).ok_or("it does not start as a node of version 1")?;
        let (&level, rest) = rest.split_first().ok_or("it ends too early")?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or("it ends too early")?;
        if level > MAX_LEVEL {
            return Err("its level is absurd");
        }
        let mut input = Input { rest };
        let count = u32::from_le_bytes(*count);
        let node = if level == 0 {
            let mut leaf = Leaf::default();
            let entries: Option<()> = (0..count).map(|_| input.entry(&mut leaf)).collect();
            entries.ok_or("an entry is malformed")?;
            Self::Leaf(leaf)
        } else {
            let mut keys = Leaf::default();
            let children: Option<Vec<_>> = (0..count).map(|_| input.child(&mut keys)).collect();
            Self::Inner { level, children: children.filter(|c| !c.is_empty()).ok_or("a child is malformed")? }
        };
        if input.rest.is_empty() { Ok(node) } else { Err("something follows its last entry") }
    }
}

/// Writes a leaf and returns how its parent lists it.
pub(super) fn write_leaf<V: Value>(sink: &dyn ObjectWrite, leaf: &Leaf<V>) -> Result<Child, Error> {
    let mut out = head(0, leaf.len());
    let mut before: &[u8] = &[];
    let mut value_bytes = Vec::new();
    for (key, value) in leaf.iter() {
        put_key(&mut out, before, key);
        value_bytes.clear();
        value.encode(&mut value_bytes);
        put_varint(&mut out, value_bytes.len() as u64);
        out.extend(&value_bytes);
        before = key;
    }
    let id = write(sink, &out)?;
    Ok(Child { last: before.to_vec(), id, count: leaf.len() as u64, weight: weight(leaf) })
}

/// Writes an inner node and returns how its parent lists it.
pub(super) fn write_inner(sink: &dyn ObjectWrite, level: u8, children: &[Child]) -> Result<Child, Error> {
    let mut out = head(level, children.len());
    let mut before: &[u8] = &[];
    for child in children {
        put_key(&mut out, before, &child.last);
        out.extend(child.id.digest().as_bytes());
        out.extend(child.count.to_le_bytes());
        out.extend(child.weight.to_le_bytes());
        before = &child.last;
    }
    let id = write(sink, &out)?;
    let (count, weight) = (sum(children, |c| c.count), sum(children, |c| c.weight));
    Ok(Child { last: before.to_vec(), id, count, weight })
}

/// What the entries weigh together; more than a u64 holds stays at its largest.
fn weight<V: Value>(leaf: &Leaf<V>) -> u64 {
    leaf.iter().map(|(_, value)| value.weight()).fold(0, u64::saturating_add)
}

/// The sum over children; one beyond what a u64 holds stays at its largest.
fn sum(children: &[Child], of: fn(&Child) -> u64) -> u64 {
    children.iter().map(of).fold(0, u64::saturating_add)
}

fn head(level: u8, count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 << 10);
    out.extend(HEAD);
    out.push(level);
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    out
}

fn write(sink: &dyn ObjectWrite, bytes: &[u8]) -> Result<NodeId, Error> {
    let id = NodeId::of(bytes);
    if !sink.has_object(id.digest())? {
        sink.write_object(ObjectKind::Node, id.digest(), bytes)?;
    }
    Ok(id)
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

fn put_key(out: &mut Vec<u8>, before: &[u8], key: &[u8]) {
    let shared = shared(before, key);
    let suffix = key.get(shared..).unwrap_or_default();
    put_varint(out, shared as u64);
    put_varint(out, suffix.len() as u64);
    out.extend(suffix);
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time are what is wanted")]
fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    fn number(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// A length, which no node needs more than four bytes for.
    fn varint(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for at in 0..4 {
            let byte = *self.take(1)?.first()?;
            number |= usize::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return (at == 0 || byte != 0).then_some(number);
            }
        }
        None
    }

    /// Puts the next key, which must follow the last one of `keys` and be written in the shortest way, after it, with what
    /// `value` reads.
    fn pair<V>(&mut self, keys: &mut Leaf<V>, value: impl FnOnce(&mut Self) -> Option<V>) -> Option<()> {
        let common = self.varint()?;
        let len = self.varint()?;
        (common + len <= MAX_KEY).then_some(())?;
        let suffix = self.take(len)?;
        // Where they part the new key must be the greater; had they parted later, more would be shared.
        let last = keys.last_key();
        let follows = match (last.and_then(|last| last.get(common)), suffix.first()) {
            (Some(old), Some(new)) => new > old,
            (None, Some(_)) => true,
            (_, None) => last.is_none(),
        };
        follows.then_some(())?;
        let value = value(self)?;
        keys.push_after(common, suffix, value)
    }

    fn entry<V: Value>(&mut self, leaf: &mut Leaf<V>) -> Option<()> {
        self.pair(leaf, |input| {
            let len = input.varint()?;
            V::decode(input.take(len)?)
        })
    }

    fn child(&mut self, keys: &mut Leaf<()>) -> Option<Child> {
        self.pair(keys, |_| Some(()))?;
        let last = keys.last_key()?.to_vec();
        let id = NodeId::new(Digest::from_bytes(self.take(32)?.try_into().ok()?));
        Some(Child { last, id, count: self.number()?, weight: self.number()? })
    }
}
