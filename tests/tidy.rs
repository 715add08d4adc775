//! The house rules that a compiler does not check: rooms use lower floors only, door plates hold no logic, and files say why
//! they exist and have one subject.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines, with its tests. Past that it has two subjects.
const LONGEST: usize = 400;

/// The floor of each room, from the groups of `pub mod` in `lib.rs`.
fn floors(plan: &str) -> BTreeMap<String, usize> {
    let mut floors = BTreeMap::new();
    for (floor, group) in plan.split("\n\n").enumerate() {
        let rooms = group.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        floors.extend(rooms.map(|room| (room.to_owned(), floor)));
    }
    floors
}

/// A source without its comments.
fn code(source: &str) -> String {
    source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// What stands in the braces that `text` begins with, cut at the commas outside inner braces.
fn group(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 1);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            parts.push(text[start..at].trim());
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    parts
}

/// The name that a path begins with.
fn head(path: &str) -> &str {
    &path[..path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len())]
}

/// The rooms that a source names: as `crate::room`, within `crate::{..}` at any depth, or as `super::room` from the top of a
/// room that is one file.
fn uses(source: &str, is_file: bool) -> Vec<String> {
    let code = code(source);
    let mut rooms = Vec::new();
    let roots: &[&str] = if is_file { &["crate::", "super::"] } else { &["crate::"] };
    for root in roots {
        for (at, _) in code.match_indices(root) {
            let rest = &code[at + root.len()..];
            let paths = if rest.starts_with('{') { group(rest) } else { vec![rest] };
            rooms.extend(paths.into_iter().map(|path| head(path).to_owned()));
        }
    }
    rooms
}

/// What a source of `room` uses from its own floor or above.
fn climbs(floors: &BTreeMap<String, usize>, room: &str, source: &str, is_file: bool) -> Vec<String> {
    let Some(own) = floors.get(room) else { return Vec::new() };
    let other = |used: &String| used != room && floors.get(used).is_some_and(|floor| floor >= own);
    uses(source, is_file).into_iter().filter(other).collect()
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
    let plan = fs::read_to_string(src.join("lib.rs")).unwrap();
    let floors = floors(&plan);
    let rooms = plan.lines().filter(|line| line.starts_with("pub mod ")).count();
    assert_eq!(floors.len(), rooms, "{floors:?}");
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        let room = inside.iter().next().unwrap().to_str().unwrap();
        let is_file = room.ends_with(".rs");
        let room = room.trim_end_matches(".rs");
        assert!(floors.contains_key(room) || room == "lib" || room == "main", "{room} is not in the plan");
        let climbs = climbs(&floors, room, &fs::read_to_string(&path).unwrap(), is_file);
        assert!(climbs.is_empty(), "{} uses {climbs:?}, which are not on a lower floor", inside.display());
    }
}

#[test]
fn a_climb_is_noticed() {
    let floors = floors("//! Plan.\n\n// Ground.\npub mod a;\npub mod b;\n\n// First.\npub mod c;\n");
    let check = |room: &str, source: &str, want: &[&str]| {
        assert_eq!(climbs(&floors, room, source, true), want, "{source}");
    };
    check("a", "use crate::c::X;", &["c"]);
    check("a", "use crate::{b, c::X};", &["b", "c"]);
    check("a", "use crate::{\n    a::{self, x::{Y, Z}},\n    c::{X, W},\n};", &["c"]);
    check("a", "use crate::{a::{b, c}, b as d};", &["b"]);
    check("a", "fn f() { crate::c::g() }", &["c"]);
    check("a", "use super::b::X;", &["b"]);
    check("c", "use crate::a::X;\nuse crate::c::Y;\n// crate::d", &[]);
}

/// Whether an item of a door plate only says what there is: a module, what it gives out, or a constant of the whole room.
fn is_plate(item: &str) -> bool {
    ["mod ", "pub mod ", "pub use ", "pub(crate) use ", "pub(super) use ", "pub(in ", "use ", "pub const "]
        .iter()
        .any(|start| item.starts_with(start))
}

#[test]
fn door_plates_hold_no_logic() {
    let plates = sources(&root().join("src")).into_iter().filter(|path| path.ends_with("mod.rs"));
    for path in plates {
        let text = fs::read_to_string(&path).unwrap();
        let items = text.lines().filter(|line| !line.starts_with([' ', '}', ')']) && !line.is_empty());
        for item in items.filter(|line| !line.starts_with("//") && !line.starts_with("#[")) {
            assert!(is_plate(item), "{} is a door plate and holds {item:?}", path.display());
        }
    }
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
