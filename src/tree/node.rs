//! One node, and its canonical bytes.
//!
//! Layout: `vdst`, version 1 (u8), level (u8, 0 for leaves), number of entries (u32), then the entries in order of
//! their keys. An entry is the number of bytes its key shares with the key before (varint), the number of further
//! bytes (varint), these bytes, and then in a leaf the value's length (varint) and bytes, in an inner node the child's
//! id (32 bytes), number of entries (u64) and weight (u64); there the key is the last one below the child. Integers are
//! little-endian; a varint is LEB128 of the shortest form.

use super::error::Error;
use super::value::Value;
use crate::object::{Digest, NodeId, ObjectKind, ObjectRead, ObjectWrite};

const HEAD: &[u8] = b"vdst\x01";

/// The deepest tree, far beyond what can be stored.
const MAX_LEVEL: u8 = 32;

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
    Leaf(Vec<(Vec<u8>, V)>),
    Inner { level: u8, children: Vec<Child> },
}

impl<V: Value> Node<V> {
    pub(super) fn load(source: &dyn ObjectRead, id: NodeId) -> Result<Self, Error> {
        let payload = source.read_object(id.digest())?;
        Self::decode(&payload.bytes).map_err(|reason| Error::Malformed { node: id, reason })
    }

    pub(super) fn level(&self) -> u8 {
        match self {
            Self::Leaf(_) => 0,
            Self::Inner { level, .. } => *level,
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let rest = bytes.strip_prefix(HEAD).ok_or("it does not start as a node of version 1")?;
        let (&level, rest) = rest.split_first().ok_or("it ends too early")?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or("it ends too early")?;
        if level > MAX_LEVEL {
            return Err("its level is absurd");
        }
        let mut input = Input { rest, key: Vec::new(), first: true };
        let count = u32::from_le_bytes(*count);
        let node = if level == 0 {
            Self::Leaf(
                (0..count)
                    .map(|_| input.leaf_entry())
                    .collect::<Option<_>>()
                    .ok_or("an entry is malformed")?,
            )
        } else {
            let children: Option<Vec<_>> = (0..count).map(|_| input.child()).collect();
            Self::Inner { level, children: children.filter(|c| !c.is_empty()).ok_or("a child is malformed")? }
        };
        if input.rest.is_empty() { Ok(node) } else { Err("something follows its last entry") }
    }
}

/// Writes a leaf and returns how its parent lists it.
pub(super) fn write_leaf<V: Value>(sink: &dyn ObjectWrite, entries: &[(Vec<u8>, V)]) -> Result<Child, Error> {
    let mut out = head(0, entries.len());
    let mut before: &[u8] = &[];
    let mut value_bytes = Vec::new();
    for (key, value) in entries {
        put_key(&mut out, before, key);
        value_bytes.clear();
        value.encode(&mut value_bytes);
        put_varint(&mut out, value_bytes.len() as u64);
        out.extend(&value_bytes);
        before = key;
    }
    let id = write(sink, &out)?;
    let weight = entries.iter().map(|(_, value)| value.weight()).fold(0, u64::saturating_add);
    Ok(Child { last: before.to_vec(), id, count: entries.len() as u64, weight })
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
    let sum = |of: fn(&Child) -> u64| children.iter().map(of).fold(0, u64::saturating_add);
    Ok(Child { last: before.to_vec(), id, count: sum(|c| c.count), weight: sum(|c| c.weight) })
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
    key: Vec<u8>,
    first: bool,
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

    /// The next key, which must follow the one before and be written in the shortest way.
    fn key(&mut self) -> Option<Vec<u8>> {
        let common = self.varint()?;
        let len = self.varint()?;
        let suffix = self.take(len)?;
        let mut key = self.key.get(..common)?.to_vec();
        key.extend(suffix);
        let canonical = self.first || (key > self.key && shared(&self.key, &key) == common);
        self.first = false;
        self.key.clone_from(&key);
        canonical.then_some(key)
    }

    fn leaf_entry<V: Value>(&mut self) -> Option<(Vec<u8>, V)> {
        let key = self.key()?;
        let len = self.varint()?;
        Some((key, V::decode(self.take(len)?)?))
    }

    fn child(&mut self) -> Option<Child> {
        let last = self.key()?;
        let id = NodeId::new(Digest::from_bytes(self.take(32)?.try_into().ok()?));
        Some(Child { last, id, count: self.number()?, weight: self.number()? })
    }
}
