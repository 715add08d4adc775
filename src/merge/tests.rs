//! Merges of whole trees, written out, and what holds for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{Conflict, Labels, Manner, Merger, Renames, Rules, Side, Trees};
use crate::content;
use crate::draft::Draft;
use crate::object::access::memory::Objects;
use crate::object::{Entry, FileKind, NodeId, TreePath};
use crate::owner::Tmp;
use crate::snapshot::Snapshot;
use crate::tree;

/// A tree from `a=1 b/c=2* d=x@`: paths with their content, `*` executable, `@` a link.
fn tree_of(objects: &Objects, text: &str) -> NodeId {
    let mut draft = Draft::new(tree::empty(objects).unwrap());
    for file in text.split_whitespace() {
        let (path, content) = file.split_once('=').unwrap();
        let kind = match content.chars().last() {
            Some('*') => FileKind::Executable,
            Some('@') => FileKind::Symlink,
            _ => FileKind::File,
        };
        let kept =
            content::keep_bytes(objects, content.trim_end_matches(['*', '@']).replace(',', "\n").as_bytes());
        let kept = kept.unwrap();
        draft.put(path.parse().unwrap(), Entry { kind, blob: kept.blob, size: kept.size });
    }
    draft.finish(objects).unwrap().0
}

fn text_of(objects: &Objects, root: NodeId) -> String {
    let show = |(path, entry): (TreePath, Entry)| {
        let content =
            String::from_utf8(content::load(objects, entry.blob).unwrap()).unwrap().replace('\n', ",");
        let sign = match entry.kind {
            FileKind::File => "",
            FileKind::Executable => "*",
            FileKind::Symlink => "@",
        };
        format!("{path}={content}{sign}")
    };
    let files = Snapshot::new(objects, root).scan("").unwrap().map(|file| show(file.unwrap()));
    files.collect::<Vec<_>>().join(" ")
}

fn manner(rules: &[&str], renames: Renames) -> Manner {
    let rules = Rules::new(rules.iter().map(|rule| rule.parse().unwrap()).collect());
    let labels = Labels { ours: "ours".to_owned(), theirs: "theirs".to_owned() };
    Manner { rules, renames, labels, timeout: Duration::from_secs(600) }
}

fn merge(objects: &Objects, trees: Trees, manner: &Manner) -> (NodeId, Vec<Conflict>) {
    let dir = tempfile::tempdir().unwrap();
    let tmp = Tmp::new(dir.path());
    let merger = Merger::new(objects, &tmp, manner, &|_| Ok(Side::Theirs));
    let merged = merger.merge(trees).unwrap();
    let mut draft = Draft::new(trees.ours);
    for (path, entry) in merged.edits {
        match entry {
            Some(entry) => draft.put(path, entry),
            None => draft.remove(path),
        }
    }
    (draft.finish(objects).unwrap().0, merged.conflicts)
}

/// Reads `"base | ours | theirs -> result ! kind path, ..."`.
#[track_caller]
fn check_with(manner: &Manner, case: &str) {
    let (versions, want) = case.split_once(" -> ").unwrap();
    let (files, conflicts) = want.split_once(" ! ").unwrap_or((want, ""));
    let objects = Objects::default();
    let [base, ours, theirs] = *versions.split(" | ").map(|text| tree_of(&objects, text)).collect::<Vec<_>>()
    else {
        panic!("{case}")
    };
    let (result, left) = merge(&objects, Trees { base, ours, theirs }, manner);
    let show = |Conflict { clash, .. }: &Conflict| {
        let renamed = clash.renamed_to.iter().map(|to| format!(" to {to}")).collect::<String>();
        format!("{} {}{renamed}", clash.kind.word(), clash.path)
    };
    assert_eq!(text_of(&objects, result), files.trim_matches('-'), "{case}");
    assert_eq!(left.iter().map(show).collect::<Vec<_>>().join(", "), conflicts, "{case}");
}

#[track_caller]
fn check(case: &str) {
    check_with(&manner(&[], Renames::Tell), case);
}

#[test]
fn changes_at_different_paths_go_together() {
    check("a=1 b=1 | a=2 b=1 | a=1 b=3 -> a=2 b=3");
    check("a=1 | a=1 b=2 | a=1 c/d=3 -> a=1 b=2 c/d=3");
    check("a=1 b=1 | b=1 | a=1 -> -");
    check("a=1 | a=1* | a=2 -> a=2*");
    check("a=1 | b=1 | a=1 c=1 -> b=1 c=1");
}

#[test]
fn changes_at_one_path_are_a_conflict_and_ours_stays() {
    check("a=1 x=1 | a=2 x=1 | a=3 x=2 -> a=2 x=2 ! modify/modify a");
    check("x=1 | a=2 x=1 | a=3 x=1 -> a=2 x=1 ! add/add a");
    check("a=1 | a=2 |  -> a=2 ! modify/delete a");
    check("a=1 | b=1 | a=2 -> b=1 ! modify/delete a to b");
    check("a=1 | a=2 | d/a=1 c=1 -> a=2 c=1 d/a=1 ! modify/delete a to c to d/a");
    check("x=1 | a=1* x=1 | a=1 x=1 -> a=1* x=1 ! mode a");
    check("a=1 | a=2@ | a=3 -> a=2@ ! symlink a");
}

#[test]
fn files_and_directories_of_one_name() {
    check("x=1 | a=1 x=1 | a/b=1 c=1 x=1 -> a=1 c=1 x=1 ! file/directory a");
    check("x=1 | a/b=1 x=1 | a=1 c=1 x=1 -> a/b=1 c=1 x=1 ! file/directory a");
    check("a=1 | a=1 | a/b=1 -> a/b=1");
    check("a=1 | a=2 | a/b=1 -> a=2 ! file/directory a");
    check("a/b=1 a/c=1 | a/b=1 a/c=1 | a=1 -> a=1");
    check("a/b=1 a/c=1 | a/b=2 a/c=1 | a=1 -> a/b=2 a/c=1 ! file/directory a");
    check("a/b=1 a/c=1 | a/c=1 | a=1 -> a=1");
    check("x=1 | a=1 a-b=1 x=1 | a/b/c=1 a/d=2 x=1 -> a=1 a-b=1 x=1 ! file/directory a");
}

#[test]
fn strategies_settle_what_both_changed() {
    check_with(&manner(&["theirs"], Renames::Tell), "a=1 b=1 | a=2 b=2 | a=3 -> a=3");
    check_with(&manner(&["ours"], Renames::Tell), "a=1 b=1 | a=2 | a=3 b=2 -> a=2");
    check_with(&manner(&["newer"], Renames::Tell), "a=1 | a=2 | a=3 -> a=3");
    check_with(
        &manner(&["theirs", "ref/**=ask"], Renames::Tell),
        "a=1 ref/a=1 | a=2 ref/a=2 | a=3 ref/a=3 -> a=3 ref/a=2 ! modify/modify ref/a",
    );
    check_with(&manner(&["theirs"], Renames::Tell), "x=1 | a=1 x=1 | a/b=1 a/c=2 x=1 -> a/b=1 a/c=2 x=1");
    check_with(&manner(&["theirs"], Renames::Tell), "x=1 | a/b=1 a/c=2 x=1 | a=1 x=1 -> a=1 x=1");
    check_with(&manner(&["text"], Renames::Tell), "a=1,2,3, | a=0,2,3, | a=1,2,4,* -> a=0,2,4,*");
    check_with(&manner(&["union"], Renames::Tell), "a=1, | a=1,2, | a=1,3, -> a=1,2,3,");
    check_with(&manner(&["text"], Renames::Tell), "a=1, | a=2, | a=3, -> a=2, ! modify/modify a");
    check_with(&manner(&["text"], Renames::Tell), "a=1, | a=2, |  -> a=2, ! modify/delete a");
    check_with(&manner(&["command:cat %B >> %A"], Renames::Tell), "a=1 | a=2 | a=3 -> a=23");
    check_with(&manner(&["command:exit 200"], Renames::Tell), "a=1 | a=2 | a=3 -> a=2 ! modify/modify a");
}

#[test]
fn changes_follow_renames_when_that_is_asked_for() {
    let follow = manner(&[], Renames::Follow);
    check_with(&follow, "a=1 | b=1 | a=2 -> b=2");
    check_with(&follow, "a=1 | a=2 | d/a=1 -> d/a=2");
    check_with(&follow, "a=1 | b=1* | a=2 -> b=2*");
    check_with(&follow, "a=1 | b=1 | a=2 b=3 -> b=1 ! modify/delete a to b, add/add b");
    // Which of two it was, and where it went of two places, is not guessed.
    check_with(&follow, "a=1 b=1 | c=1 | a=2 b=3 -> c=1 ! modify/delete a to c, modify/delete b to c");
    check_with(&follow, "a=1 | b=1 d/a=1 | a=2 -> b=1 d/a=1 ! modify/delete a to b to d/a");
}

#[test]
fn files_that_got_two_names_are_told() {
    let told = |case: [&str; 3]| {
        let objects = Objects::default();
        let [base, ours, theirs] = case.map(|text| tree_of(&objects, text));
        let plan = super::plan(&objects, Trees { base, ours, theirs }, Renames::Follow).unwrap();
        let names = |paths: &[TreePath]| paths.iter().map(TreePath::as_str).collect::<Vec<_>>().join("+");
        let parted =
            plan.parted.iter().map(|p| format!("{} {} {}", p.from, names(&p.ours), names(&p.theirs)));
        let followed = plan.followed.iter().map(|f| format!("{} to {}", f.from, f.to));
        parted.chain(followed).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(["a=1", "b=1", "c=1"]), "a b c");
    assert_eq!(told(["a=1", "b=1", "b=1 c=1"]), "");
    assert_eq!(told(["a=1", "a=1 b=1", "c=1"]), "");
    assert_eq!(told(["a=1 x=2", "b=1 d=1 x=2", "c=1 x=3"]), "a b+d c");
    assert_eq!(told(["a=1", "b=1", "a=2"]), "a to b");
}

#[test]
fn what_a_strategy_leaves_is_told_with_its_reasons() {
    let objects = Objects::default();
    let [base, ours, theirs] = ["a=1, b=", "a=2, b=x", "a=3, b=y"].map(|text| tree_of(&objects, text));
    let (_, left) =
        merge(&objects, Trees { base, ours, theirs }, &manner(&["text", "b=json"], Renames::Tell));
    let [a, b] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(a.details, ["both changed what is at line 1 of the draft"]);
    let draft = content::load(&objects, a.draft.unwrap().blob).unwrap();
    assert_eq!(String::from_utf8(draft).unwrap(), "<<<<<<< ours\n2\n=======\n3\n>>>>>>> theirs\n");
    assert!(b.draft.is_none() && b.details[0].starts_with("ours cannot be read as JSON: "), "{b:?}");
}

fn any_tree() -> impl Strategy<Value = String> {
    let path = proptest::sample::select(vec!["a", "a/b", "a/c", "b", "b/a", "c", "d/e/f", "d/e"]);
    let content = proptest::sample::select(vec!["1", "2", "3", "1*", "2@"]);
    proptest::collection::btree_map(path, content, 0..6).prop_map(|files| {
        files.iter().map(|(path, content)| format!("{path}={content} ")).collect::<String>()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_algebra_of_merges(b in any_tree(), o in any_tree(), t in any_tree()) {
        let objects = Objects::default();
        let [base, ours, theirs] = [&b, &o, &t].map(|text| tree_of(&objects, text));
        let ask = manner(&[], Renames::Tell);
        // Merged with itself, with what it comes from, and into what it comes from.
        for (trees, want) in [
            (Trees { base, ours, theirs: ours }, ours),
            (Trees { base, ours, theirs: base }, ours),
            (Trees { base, ours: base, theirs }, theirs),
        ] {
            let (result, left) = merge(&objects, trees, &ask);
            prop_assert_eq!(text_of(&objects, result), text_of(&objects, want));
            prop_assert!(left.is_empty());
        }
        // The same conflicts whichever side is called ours, and the same tree where there are none.
        let (one, left) = merge(&objects, Trees { base, ours, theirs }, &ask);
        let (other, mirrored) = merge(&objects, Trees { base, ours: theirs, theirs: ours }, &ask);
        let names = |all: &[Conflict]| all.iter().map(|c| (c.clash.kind, c.clash.path.clone())).collect::<Vec<_>>();
        prop_assert_eq!(names(&left), names(&mirrored));
        if left.is_empty() {
            prop_assert_eq!(one, other);
        }
        // Taking one side everywhere leaves no conflict, and is the other side's merge with the other taken.
        let (ours_wins, left) = merge(&objects, Trees { base, ours, theirs }, &manner(&["ours"], Renames::Tell));
        let (theirs_wins, mirrored) =
            merge(&objects, Trees { base, ours: theirs, theirs: ours }, &manner(&["theirs"], Renames::Tell));
        prop_assert!(left.is_empty() && mirrored.is_empty());
        prop_assert_eq!(text_of(&objects, ours_wins), text_of(&objects, theirs_wins));
        // Nothing that only one side changed is lost, whatever is at odds elsewhere.
        let list = |root: NodeId| -> BTreeMap<TreePath, Entry> {
            Snapshot::new(&objects, root).scan("").unwrap().map(Result::unwrap).collect()
        };
        let (in_base, in_ours, in_theirs, in_one) = (list(base), list(ours), list(theirs), list(one));
        for (path, entry) in &in_theirs {
            let untouched = in_base.get(path) == in_ours.get(path);
            let at_odds = names(&merge(&objects, Trees { base, ours, theirs }, &ask).1)
                .iter()
                .any(|(_, top)| top == path || path.as_str().starts_with(&format!("{top}/")));
            if untouched && !at_odds {
                prop_assert_eq!(in_one.get(path), Some(entry));
            }
        }
    }
}
