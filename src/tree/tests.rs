//! The promises of a tree, against a sorted map.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::node::Node;
use super::{Cursor, Raw, Totals, build, diff, diff_in, edit, empty, totals, totals_in};
use crate::object::access::memory::Objects;
use crate::object::{BlobId, Entry, FileKind, NodeId};

type Map = BTreeMap<Vec<u8>, Entry>;

fn entry(n: u32) -> Entry {
    Entry { kind: FileKind::File, blob: BlobId::of(&n.to_le_bytes()), size: u64::from(n) }
}

fn path(n: u32) -> Vec<u8> {
    format!("2024/{:02}/{:02}/{:02}/{:02}.csv", n / 43_200, n / 1440 % 30, n / 60 % 24, n % 60).into_bytes()
}

fn days(count: u32) -> Map {
    (0..count).map(|n| (path(n), entry(n))).collect()
}

fn built(objects: &Objects, map: &Map) -> NodeId {
    build(objects, map.clone()).unwrap()
}

fn read(objects: &Objects, root: NodeId) -> Map {
    Cursor::new(objects, root).unwrap().map(Result::unwrap).collect()
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0_u32..3000).prop_map(path),
        1 => vec(any::<u8>(), 0..40),
        1 => (0_u8..30, 900_usize..4000).prop_map(|(n, len)| vec![n; len]),
    ]
}

fn map() -> impl Strategy<Value = Map> {
    prop_oneof![btree_map(key(), any::<u32>().prop_map(entry), 0..300), (0_u32..3000).prop_map(days),]
}

fn edits() -> impl Strategy<Value = BTreeMap<Vec<u8>, Option<Entry>>> {
    let value = prop::option::of(any::<u32>().prop_map(entry));
    prop_oneof![
        btree_map(key(), value, 0..60),
        (0_u32..2500, 1_u32..1500)
            .prop_map(|(from, len)| (from..from + len).map(|n| (path(n), None)).collect()),
        (0_u32..2500, 1_u32..900)
            .prop_map(|(from, len)| (from..from + len).map(|n| (path(n), Some(entry(n + 1)))).collect()),
    ]
}

fn applied(map: &Map, edits: &BTreeMap<Vec<u8>, Option<Entry>>) -> Map {
    let mut map = map.clone();
    for (key, value) in edits {
        match value {
            Some(value) => map.insert(key.clone(), *value),
            None => map.remove(key),
        };
    }
    map
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn an_edited_tree_is_the_tree_of_the_edited_entries(map in map(), rounds in vec(edits(), 1..4)) {
        let objects = Objects::default();
        let (mut map, mut root) = (map.clone(), built(&objects, &map));
        for edits in rounds {
            let before = (map.clone(), root);
            map = applied(&map, &edits);
            root = edit(&objects, root, edits).unwrap();
            prop_assert_eq!(root, built(&objects, &map));
            prop_assert_eq!(&read(&objects, root), &map);
            let back = diff::<Entry>(&objects, root, before.1).map(|change| change.map(|c| (c.key, c.after)));
            let back: BTreeMap<_, _> = back.collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(edit(&objects, root, back).unwrap(), before.1);
        }
    }

    #[test]
    fn a_diff_is_what_differs(a in map(), b in edits(), prefix in prop::sample::select(vec!["", "2024/00/01", "2024/00/01/1", "x"])) {
        let objects = Objects::default();
        let b = applied(&a, &b);
        let (x, y) = (built(&objects, &a), built(&objects, &b));
        let found: Vec<_> = diff_in(&objects, x, y, prefix.as_bytes()).map(|c| { let c = c.unwrap(); (c.key, c.before, c.after) }).collect();
        let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        let want: Vec<_> = keys.into_iter()
            .filter(|key| a.get(*key) != b.get(*key) && key.starts_with(prefix.as_bytes()))
            .map(|key| (key.clone(), a.get(key).copied(), b.get(key).copied()))
            .collect();
        prop_assert_eq!(found, want);
    }

    #[test]
    fn seeks_and_totals_agree_with_the_map(map in map(), probes in vec(key(), 0..30)) {
        let objects = Objects::default();
        let root = built(&objects, &map);
        let mut probes = probes;
        probes.sort();
        let mut cursor = Cursor::<Entry>::new(&objects, root).unwrap();
        for key in &probes {
            prop_assert_eq!(cursor.get(key).unwrap(), map.get(key).copied());
            let prefix = &key[..key.len().min(12)];
            let under = map.iter().filter(|(key, _)| key.starts_with(prefix));
            let want = under.fold(Totals::default(), |t, (_, e)| Totals { count: t.count + 1, weight: t.weight + e.size });
            prop_assert_eq!(totals_in::<Entry>(&objects, root, prefix).unwrap(), want);
        }
        prop_assert_eq!(totals::<Entry>(&objects, root).unwrap().count, map.len() as u64);
    }

    #[test]
    fn bytes_that_are_no_node_are_refused(at in 0_usize..2000, bit in 0_u8..8, noise in vec(any::<u8>(), 0..200)) {
        let objects = Objects::default();
        let root = build(&objects, days(40)).unwrap();
        let mut bytes = crate::object::ObjectRead::read_object(&objects, root.digest()).unwrap().bytes.to_vec();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        // It may still be a node, but never the same one, and it never panics.
        let _ = Node::<Entry>::decode(&bytes);
        let _ = Node::<Raw>::decode(&noise);
        prop_assert!(Node::<Entry>::decode(&bytes[..at]).is_err());
    }
}

#[test]
fn the_ids_of_trees_never_change() {
    let objects = Objects::default();
    let ids: Vec<String> =
        [0, 1, 100, 20_000].map(|count| built(&objects, &days(count)).to_string()).to_vec();
    assert_eq!(ids.join("\n"), include_str!("golden/trees-v1.txt").trim());
    assert_eq!(empty(&objects).unwrap().to_string(), ids[0]);
}

#[test]
fn the_cost_of_an_edit_is_that_of_its_path() {
    let objects = Objects::default();
    let map = days(200_000);
    let root = built(&objects, &map);
    for n in (0..200_000).step_by(7919) {
        objects.take_counts();
        let edited = edit(&objects, root, [(path(n), Some(entry(1)))]).unwrap();
        let (reads, writes) = objects.take_counts();
        assert!(reads <= 6 && writes <= 5, "{reads} nodes read, {writes} written");
        assert_eq!(diff::<Entry>(&objects, root, edited).count(), 1);
        assert!(objects.take_counts().0 <= 8);
        totals_in::<Entry>(&objects, root, b"2024/03").unwrap();
        assert!(objects.take_counts().0 <= 8);
    }
}

#[test]
fn nodes_are_about_as_large_as_they_should_be() {
    let objects = Objects::default();
    built(&objects, &days(200_000));
    let (_, nodes) = objects.take_counts();
    let counted = 200_000 * (20 + super::CONSTANT);
    let mean = counted / nodes;
    assert!((7_000..10_000).contains(&mean), "{mean} bytes a node");
}
