//! Trees that somebody made to mislead: each lie is an error that names its node, whoever reads.

use proptest::prelude::*;

use super::leaf::Leaf;
use super::node::{Child, MAX_KEY, Node, write_inner, write_leaf};
use super::{Cursor, Error, Raw, build, diff, edit, totals_in, walk};
use crate::object::access::memory::Objects;
use crate::object::{
    AccessError, BlobId, Digest, Entry, FileKind, NodeId, ObjectKind, ObjectRead, ObjectWrite,
};

fn entry(size: u64) -> Entry {
    Entry { kind: FileKind::File, blob: BlobId::of(&size.to_le_bytes()), size }
}

fn leaf(objects: &Objects, keys: &[&str]) -> Child {
    let mut leaf = Leaf::default();
    keys.iter().for_each(|key| leaf.push(key.as_bytes(), entry(1)));
    write_leaf(objects, &leaf).unwrap()
}

/// What goes wrong when the tree is read in each of the ways there are, all of which look at what follows `"c"`.
fn readings(objects: &Objects, root: NodeId) -> Vec<Result<(), Error>> {
    let all = Cursor::<Entry>::new(objects, root).and_then(|mut cursor| cursor.try_for_each(|e| e.map(drop)));
    let sought = Cursor::<Entry>::new(objects, root).and_then(|mut cursor| cursor.get(b"c").map(drop));
    let other = build(objects, [(b"z".to_vec(), entry(1))]).unwrap();
    let differed = diff::<Entry>(objects, root, other).try_for_each(|change| change.map(drop));
    let edited = edit(objects, root, [(b"c".to_vec(), Some(entry(9)))]).map(drop);
    let added = totals_in::<Entry>(objects, root, b"c").map(drop);
    let walked = walk::<Entry, Error>(objects, root, |_| true, |_, _| Ok(()));
    vec![all, sought, differed, edited, added, walked]
}

/// Reads a tree of a leaf up to `"b"` and of `second`, in which `lie` is told of the second.
#[track_caller]
fn check(objects: &Objects, mut second: Child, lie: impl FnOnce(&mut Child), reason: &str) {
    lie(&mut second);
    let root = write_inner(objects, 1, &[leaf(objects, &["a", "b"]), second.clone()]).unwrap().id;
    for (way, read) in readings(objects, root).into_iter().enumerate() {
        match read {
            Err(Error::Malformed { node, reason: found }) => {
                assert!(
                    node == second.id && found.contains(reason),
                    "way {way}: {node} {found}, not {reason}"
                );
            }
            other => panic!("way {way}: {other:?}, not {reason}"),
        }
    }
}

#[test]
fn what_a_parent_says_of_its_child_must_be_so() {
    let objects = Objects::default();
    let honest = leaf(&objects, &["c", "d"]);
    check(&objects, honest.clone(), |child| child.count += 1, "not as many");
    check(&objects, honest.clone(), |child| child.weight -= 1, "do not weigh");
    check(&objects, honest.clone(), |child| child.last = b"da".to_vec(), "last key");
    check(&objects, honest.clone(), |child| child.last = b"c".to_vec(), "last key");
    check(&objects, leaf(&objects, &["a", "d"]), |_| {}, "does not follow");
    check(&objects, leaf(&objects, &["b", "d"]), |_| {}, "does not follow");
    check(&objects, leaf(&objects, &[]), |child| child.last = b"d".to_vec(), "last key");
    let deeper = write_inner(&objects, 1, &[honest.clone(), leaf(&objects, &["e"])]).unwrap();
    check(&objects, deeper, |_| {}, "level");
}

#[test]
fn a_root_is_whole_too() {
    let objects = Objects::default();
    let single = write_inner(&objects, 1, &[leaf(&objects, &["a", "c"])]).unwrap().id;
    for read in readings(&objects, single) {
        assert!(matches!(read, Err(Error::Malformed { node, .. }) if node == single), "{read:?}");
    }
    let empty = leaf(&objects, &[]).id;
    assert!(readings(&objects, empty).iter().all(Result::is_ok));
}

#[test]
fn bytes_that_are_not_canonical_are_no_node() {
    let check = |what: &str, bytes: &[u8]| assert!(Node::<Raw>::decode(bytes).is_err(), "{what}");
    let head = |level: u8, count: u8| [b"vdst\x01".as_slice(), &[level, count, 0, 0, 0]].concat();
    let leaf = |count: u8, rest: &[u8]| [head(0, count).as_slice(), rest].concat();
    assert!(Node::<Raw>::decode(&leaf(2, b"\x00\x01a\x01x\x00\x01b\x01y")).is_ok());
    check("something behind the last entry", &leaf(1, b"\x00\x01a\x01x!"));
    check("fewer entries than it says", &leaf(2, b"\x00\x01a\x01x"));
    check("a key twice", &leaf(2, b"\x00\x01a\x01x\x01\x00\x01y"));
    check("keys that descend", &leaf(2, b"\x00\x01b\x01x\x00\x01a\x01y"));
    check("a prefix shorter than it could be", &leaf(2, b"\x00\x02ab\x01x\x00\x02ac\x01y"));
    check("a prefix longer than the key before", &leaf(2, b"\x00\x01a\x01x\x02\x01b\x01y"));
    check("a varint with a byte too many", &leaf(1, b"\x80\x00\x01a\x01x"));
    check("a varint of five bytes", &leaf(1, b"\xff\xff\xff\xff\x01\x01a\x01x"));
    check("a value longer than the node", &leaf(1, b"\x00\x01a\x7fx"));
    check("a level of an absurd tree", &head(33, 0));
    check("an inner node without children", &head(1, 0));
    check("four billion entries", b"vdst\x01\x00\xff\xff\xff\xff\x00\x01a\x01x");
    check("a later version", b"vdst\x02\x00\x00\x00\x00\x00");
    let mut long = leaf(1, &[0x00, 0x81, 0x80, 0x01]);
    long.extend(vec![b'k'; MAX_KEY + 1]);
    long.push(0);
    check("a key beyond the longest", &long);
}

#[test]
fn a_key_beyond_the_longest_is_not_taken() {
    let objects = Objects::default();
    let tree = |len: usize| build(&objects, [(vec![b'k'; len], entry(1))]);
    assert!(tree(MAX_KEY).is_ok());
    assert!(matches!(tree(MAX_KEY + 1), Err(Error::LongKey { .. })));
    let root = tree(1).unwrap();
    let edited = edit(&objects, root, [(vec![b'k'; MAX_KEY + 1], Some(entry(1)))]);
    assert!(matches!(edited, Err(Error::LongKey { .. })));
}

#[test]
fn a_list_of_chunks_cannot_pass_for_a_node() {
    let objects = Objects::default();
    let bytes = b"vdst\x01\x00\x00\x00\x00\x00";
    let forged = Digest::of(b"another tree");
    objects.write_object(ObjectKind::Manifest, &forged, bytes).unwrap();
    for read in readings(&objects, NodeId::new(forged)) {
        assert!(matches!(read, Err(Error::Object(AccessError::Damaged { .. }))), "{read:?}");
    }
}

/// The tree `root` with bit `bit` of its `at`-th node changed, and all above it made to fit by id alone.
fn forged(objects: &Objects, root: NodeId, at: &mut usize, bit: usize) -> NodeId {
    let bytes = objects.read_object(root.digest()).unwrap().bytes.to_vec();
    let keep = |bytes: &[u8]| {
        let id = NodeId::of(bytes);
        objects.write_object(ObjectKind::Node, id.digest(), bytes).unwrap();
        id
    };
    if *at == 0 {
        let mut bytes = bytes;
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        *at = usize::MAX;
        return keep(&bytes);
    }
    *at -= 1;
    let Ok(Node::<Entry>::Inner { level, mut children }) = Node::decode(&bytes) else { return root };
    for child in &mut children {
        if *at < usize::MAX / 2 {
            child.id = forged(objects, child.id, at, bit);
        }
    }
    write_inner(objects, level, &children).unwrap().id
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_forged_node_is_an_error_or_another_tree_but_never_a_panic(
        count in 1_u32..3000, at in 0_usize..40, bit in any::<usize>()
    ) {
        let objects = Objects::default();
        let entries = (0..count).map(|n| (format!("{:02}/{:05}", n / 500, n * 7).into_bytes(), entry(u64::from(n))));
        let root = build(&objects, entries).unwrap();
        let forged = forged(&objects, root, &mut { at }, bit);
        for read in readings(&objects, forged) {
            prop_assert!(matches!(read, Ok(()) | Err(Error::Malformed { .. } | Error::Object(_))), "{read:?}");
        }
    }
}
