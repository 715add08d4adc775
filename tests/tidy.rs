//! The house rules that a compiler does not check: rooms use lower floors only, and files say why they exist.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines. Past some 400 it has two subjects.
const LONGEST: usize = 620;

/// The floor of each room, from the groups of `pub mod` in `lib.rs`.
fn floors(plan: &str) -> BTreeMap<String, usize> {
    let mut floors = BTreeMap::new();
    for (floor, group) in plan.split("\n\n").enumerate() {
        let rooms = group.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        floors.extend(rooms.map(|room| (room.to_owned(), floor)));
    }
    floors
}

/// The rooms that a source names as `crate::room`.
fn uses(source: &str) -> Vec<String> {
    let code =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let group = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let names: Vec<&str> = match group {
            Some((inside, _)) => inside.split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        for name in names {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            rooms.push(name[..end].to_owned());
        }
    }
    rooms
}

/// What a source of `room` imports from its own floor or above.
fn climbs(floors: &BTreeMap<String, usize>, room: &str, source: &str) -> Vec<String> {
    let Some(own) = floors.get(room) else { return Vec::new() };
    let other = |used: &String| used != room && floors.get(used).is_some_and(|floor| floor >= own);
    uses(source).into_iter().filter(other).collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn rooms_use_lower_floors_only() {
    let src = root().join("src");
    let floors = floors(&fs::read_to_string(src.join("lib.rs")).unwrap());
    assert!(floors.len() > 15, "{floors:?}");
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let climbs = climbs(&floors, room, &fs::read_to_string(&path).unwrap());
        assert!(climbs.is_empty(), "{} uses {climbs:?}, which are not on a lower floor", inside.display());
    }
}

#[test]
fn a_climb_is_noticed() {
    let floors = floors("//! Plan.\n\n// Ground.\npub mod a;\npub mod b;\n\n// First.\npub mod c;\n");
    assert_eq!(climbs(&floors, "a", "use crate::c::X;"), ["c"]);
    assert_eq!(climbs(&floors, "a", "use crate::{b, c::X};"), ["b", "c"]);
    assert!(climbs(&floors, "c", "use crate::a::X;\nuse crate::c::Y;\n// crate::d").is_empty());
}

#[test]
fn every_file_says_why_it_exists_and_is_not_crowded() {
    for path in sources(&root().join("src")).into_iter().chain(sources(&root().join("tests"))) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.display();
        assert!(text.starts_with("//!"), "{name} does not say why it exists");
        assert!(
            text.lines().count() <= LONGEST,
            "{name} has grown past {LONGEST} lines: it has two subjects"
        );
        for unfinished in [concat!("todo", "!("), concat!("unimpl", "emented!("), concat!("dbg", "!(")] {
            assert!(!text.contains(unfinished), "{name} has {unfinished}");
        }
    }
}
