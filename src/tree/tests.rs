//! The promises of a tree, against a sorted map.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::node::Node;
use super::{Cursor, Error, Raw, Totals, build, diff, diff_in, edit, empty, totals, totals_in, walk};
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

/// A tree's nodes by level, leaves first, each with its length in bytes.
fn nodes(objects: &Objects, root: NodeId) -> Vec<Vec<usize>> {
    let mut levels = Vec::new();
    let enter = |id: NodeId| {
        let bytes = crate::object::ObjectRead::read_object(objects, id.digest()).unwrap().bytes;
        let level = usize::from(bytes[5]);
        levels.resize(levels.len().max(level + 1), Vec::new());
        levels[level].push(bytes.len());
        true
    };
    walk::<Entry, Error>(objects, root, enter, |_, _| Ok(())).unwrap();
    levels
}

#[test]
fn the_ids_of_trees_never_change() {
    let objects = Objects::default();
    let line = |what: &str, root: NodeId| {
        let levels: Vec<_> = nodes(&objects, root).iter().map(|level| level.len().to_string()).collect();
        format!("{what}: {} {root}\n", levels.join("+"))
    };
    let mut found = String::new();
    for count in [0, 1, 2, 100, 1000, 20_000, 100_000] {
        found += &line(&format!("{count} files"), built(&objects, &days(count)));
    }
    let long = (0..200_u32).map(|n| (vec![b'x'; n as usize * 20], entry(n)));
    found += &line("200 long names", build(&objects, long).unwrap());
    assert_eq!(found, include_str!("golden/trees-v1.txt"));
    let raw = (0..5000_u32)
        .map(|n| (blake3::hash(&n.to_le_bytes()).as_bytes().to_vec(), Raw(vec![7; n as usize % 90])));
    let raw: BTreeMap<_, _> = raw.collect();
    let table = build(&objects, raw).unwrap().to_string();
    assert_eq!(table, include_str!("golden/table-v1.txt").trim());
    assert_eq!(empty(&objects).unwrap(), built(&objects, &days(0)));
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
fn the_cost_of_many_edits_is_that_of_the_leaves_they_touch() {
    let objects = Objects::default();
    let root = built(&objects, &days(200_000));
    let cost = |edits: BTreeMap<Vec<u8>, Option<Entry>>| {
        objects.take_counts();
        edit(&objects, root, edits).unwrap();
        objects.take_counts()
    };
    // A day of 1,440 files is some 13 leaves; before, behind and among the rest.
    for from in [0, 100_800, 198_560, 200_000] {
        let (reads, writes) = cost((from..from + 1440).map(|n| (path(n), Some(entry(n + 1)))).collect());
        assert!(reads <= 25 && writes <= 25, "a day from {from}: {reads} read, {writes} written");
        let (reads, writes) = cost((from..from + 1440).map(|n| (path(n), None)).collect());
        assert!(reads <= 25 && writes <= 9, "a day removed from {from}: {reads} read, {writes} written");
    }
    let (reads, writes) = cost((0..200_000).step_by(10_000).map(|n| (path(n), Some(entry(1)))).collect());
    assert!(reads <= 20 * 4 && writes <= 20 * 4, "20 scattered: {reads} read, {writes} written");
    assert_eq!(cost((0..20).map(|n| (format!("absent/{n:02}").into_bytes(), None)).collect()).1, 0);
}

#[test]
fn the_order_of_edits_does_not_matter() {
    let objects = Objects::default();
    let base = built(&objects, &days(2000));
    let edits: Vec<_> = (0..60_u32).map(|n| (path(n * 37), (n % 3 > 0).then(|| entry(n)))).collect();
    let at_once = edit(&objects, base, edits.clone()).unwrap();
    // Strides that share no factor with 60, so that each leaves none out.
    for stride in [1, 7, 23, 59] {
        let in_turn = (0..60).map(|n| n * stride % 60).map(|n| edits[n].clone());
        let one_by_one = in_turn.fold(base, |root, change| edit(&objects, root, [change]).unwrap());
        assert_eq!(one_by_one, at_once, "every {stride}th");
    }
}

#[test]
fn a_tree_that_grows_beside_its_old_root_keeps_that_roots_entries() {
    let objects = Objects::default();
    // Find a root leaf that the rule happens to end, so that it stays whole when the tree grows above it.
    let ended = (20..300).find(|count| {
        let (root, grown) = (built(&objects, &days(*count)), built(&objects, &days(count + 1)));
        nodes(&objects, root).len() == 1
            && nodes(&objects, grown).len() == 2
            && edit::<Entry>(&objects, grown, [(path(*count), None)]).unwrap() == root
    });
    let count = ended.expect("some leaf ends within 300 files");
    let root = built(&objects, &days(count));
    for more in [1, 2, 1000] {
        let map = days(count + more);
        let added = map.range(path(count)..).map(|(key, value)| (key.clone(), Some(*value)));
        let grown = edit(&objects, root, added).unwrap();
        assert_eq!(grown, built(&objects, &map));
        assert_eq!(read(&objects, grown), map);
        assert_eq!(totals::<Entry>(&objects, grown).unwrap().count, u64::from(count + more));
    }
}

#[test]
fn a_walk_sees_every_node_and_entry_and_passes_over_what_it_may() {
    let objects = Objects::default();
    let root = built(&objects, &days(20_000));
    let edited = edit(&objects, root, [(path(10_000), Some(entry(1)))]).unwrap();
    let mut seen = std::collections::HashSet::new();
    let mut visit = |root| {
        objects.take_counts();
        let (mut files, mut new) = (Vec::new(), 0);
        let enter = |id| {
            seen.insert(id) && {
                new += 1;
                true
            }
        };
        walk::<Entry, Error>(&objects, root, enter, |key, _| {
            files.push(key);
            Ok(())
        })
        .unwrap();
        assert_eq!(objects.take_counts().0, new);
        assert!(files.is_sorted());
        (new, files.len())
    };
    let (all, files) = visit(root);
    assert_eq!(files, 20_000);
    let (new, files) = visit(edited);
    assert!(new <= 4 && new < all && files < 400, "{new} nodes with {files} files");
    assert_eq!(visit(root), (0, 0));
    let failed = walk::<Entry, Error>(&objects, root, |_| true, |_, _| Err(Error::Unsorted));
    assert!(matches!(failed, Err(Error::Unsorted)));
}

/// Sizes as counted by the rule: its promise is of these, whatever the values are.
#[test]
fn nodes_are_about_as_large_as_they_should_be() {
    let objects = Objects::default();
    let levels = nodes(&objects, built(&objects, &days(200_000)));
    let counted = 200_000 * (20 + super::CONSTANT);
    let mean = counted / levels[0].len() as u64;
    assert!((7_000..10_000).contains(&mean), "{mean} bytes a leaf");
    let largest = levels[0].iter().max().unwrap();
    assert!(*largest < 2 * 8192, "a leaf of {largest} bytes");
    assert_eq!(levels.len(), 3);
}
