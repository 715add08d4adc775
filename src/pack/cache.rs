//! Tree nodes that were read or written a moment ago.
//!
//! One operation looks at the same nodes again and again: each stage compares, looks up and edits what the one before it
//! wrote. To find, read, decompress and hash such a node costs many times what it takes to decode it.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::object::{Digest, ObjectKind, Payload};

/// How much is kept, in bytes: the nodes of two versions of a tree that change in a few thousand places.
const CAPACITY: u64 = 32 << 20;

/// How large a node is expected to be, in bytes.
const NODE: u64 = 4 << 10;

#[derive(Debug, Clone)]
struct ByLength;

impl Weighter<Digest, Arc<[u8]>> for ByLength {
    fn weight(&self, _: &Digest, bytes: &Arc<[u8]>) -> u64 {
        bytes.len() as u64
    }
}

/// The nodes that were used last, within a bound. What is kept was checked against its name.
#[derive(Debug)]
pub(super) struct Nodes(Cache<Digest, Arc<[u8]>, ByLength>);

impl Nodes {
    pub(super) fn new() -> Self {
        let items = usize::try_from(CAPACITY / NODE).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(items, CAPACITY, ByLength))
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Payload> {
        self.0.get(digest).map(|bytes| Payload { kind: ObjectKind::Node, bytes })
    }

    /// Keeps the object if it is a node.
    pub(super) fn keep(&self, kind: ObjectKind, digest: &Digest, bytes: impl Into<Arc<[u8]>>) {
        if kind == ObjectKind::Node {
            self.0.insert(*digest, bytes.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_kept_within_the_bound_and_nothing_else_is() {
        let nodes = Nodes::new();
        let digest = |n: u32| Digest::of(&n.to_le_bytes());
        nodes.keep(ObjectKind::Chunk, &digest(0), vec![0; 10]);
        assert!(nodes.get(&digest(0)).is_none());
        nodes.keep(ObjectKind::Node, &digest(0), b"node".to_vec());
        assert_eq!(&*nodes.get(&digest(0)).unwrap().bytes, b"node");
        for n in 1..100 {
            nodes.keep(ObjectKind::Node, &digest(n), vec![0; 1 << 20]);
        }
        let kept = (0..100).filter(|n| nodes.get(&digest(*n)).is_some()).count() as u64;
        assert!((1..=CAPACITY >> 20).contains(&kept), "{kept}");
    }
}
