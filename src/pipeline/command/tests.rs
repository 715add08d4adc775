//! Planning and putting together: the change is what it costs, and the result is that of a full run.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::datum::plan;
use super::merge::{self, Merged};
use crate::content;
use crate::object::access::memory::Objects;
use crate::object::{Entry, FileKind, NodeId};
use crate::pipeline::Error;
use crate::pipeline::spec::{Input, OnConflict, Spec};
use crate::snapshot::Snapshot;
use crate::tree;

const INPUTS: [&str; 11] = [
    "'a:/*'",
    "{ cross = [ { name = 'a', from = 'a:/*' }, { name = 'b', from = 'b:/*' } ] }",
    "{ union = [ { name = 'a', from = 'a:/*' }, { name = 'b', from = 'b:/x*' } ] }",
    "{ join = [ { name = 'a', from = 'a:/*/(*)', join_on = '$1' }, { name = 'b', from = 'b:/(?)*/(*)', join_on = '$2' } ] }",
    "{ join = [ { name = 'a', from = 'a:/(*)/', join_on = '$1', outer_join = true }, { name = 'b', from = 'b:/(*)', join_on = '$1' }, { name = 'c', from = 'b:/**/(1|2)', join_on = '$1' } ] }",
    "{ group = [ { name = 'a', from = 'a:/*/(*)', group_by = '$1' }, { name = 'b', from = 'b:/**/(*)', group_by = '$1' } ] }",
    "{ union = [ { group = [ { name = 'a', from = 'a:/(*)/*', group_by = '$1' } ] }, { cross = [ { name = 'b', from = 'b:/*' }, { join = [ { name = 'c', from = 'a:/(*)', join_on = '$1', outer_join = true }, { name = 'd', from = 'b:/(*)', join_on = '$1', outer_join = true } ] } ] } ] }",
    "{ union = [ { name = 'a', from = 'a:/*' }, { name = 'a', from = 'b:/x*' } ] }",
    "{ cross = [ { name = 'b', from = 'b:/' }, { union = [ { name = 'a', from = 'a:/*/*' }, { join = [ { name = 'a', from = 'a:/(*)', join_on = '$1' }, { name = 'c', from = 'b:/(*)', join_on = '$1' } ] } ] } ] }",
    "{ name = 'a', from = 'a:/*', except = ['/x', '/**/1'] }",
    "{ cross = [ { name = 'b', from = 'b:/' }, { union = [ { name = 'a', from = 'a:/*/*' }, { name = 'c', from = 'a:/**/1' } ] } ] }",
];

const RULES: [OnConflict; 3] = [OnConflict::Error, OnConflict::Concat, OnConflict::Last];

fn input(text: &str) -> Input {
    let file = format!("pipeline = 'p'\n[stage.s]\ninput = {text}\ncommand = ['true']\n");
    Spec::parse("p.toml", &file).unwrap().stages.into_values().next().unwrap().input
}

fn keep(objects: &Objects, text: &str) -> Entry {
    let kept = content::keep_bytes(objects, text.as_bytes()).unwrap();
    Entry { kind: FileKind::File, blob: kept.blob, size: kept.size }
}

fn grow(objects: &Objects, files: &BTreeMap<String, String>) -> NodeId {
    tree::build(objects, files.iter().map(|(path, text)| (path.clone().into_bytes(), keep(objects, text))))
        .unwrap()
}

/// What a program would do: each file says which path to write.
fn program(objects: &Objects, datum: &super::datum::Datum) -> NodeId {
    let mut out = BTreeMap::new();
    for (path, entry) in datum.parts.iter().flat_map(|part| &part.files) {
        let text = String::from_utf8(content::load(objects, entry.blob).unwrap()).unwrap();
        for target in text.split(' ') {
            out.insert(target.to_owned(), format!("{} read {path}\n", datum.name));
        }
    }
    grow(objects, &out)
}

/// One job: from what an earlier one read and left to what this one does, and how many datums it ran.
fn job(
    objects: &Objects,
    input: &Input,
    rule: OnConflict,
    base: Option<(&[NodeId], Merged)>,
    now: &[NodeId],
) -> Result<(Merged, usize), Error> {
    let empty = tree::empty(objects).unwrap();
    let nothing = vec![empty; now.len()];
    let (then, before) = base.unwrap_or((&nothing, Merged { output: empty, state: empty }));
    let plan = plan(objects, input, then, now)?;
    let outputs: Vec<_> =
        plan.datums.iter().map(|datum| Some(merge::Run::Output(program(objects, datum)))).collect();
    let merged = merge::merge(objects, rule, before, &plan.gone, &merge::finished(&plan, &outputs))?;
    Ok((merged, plan.datums.len()))
}

/// A change of one file: which repo, which file, and what it says, if it is to be there.
fn change() -> impl Strategy<Value = (bool, String, Option<String>)> {
    let path = prop::sample::select(vec!["x/1", "x/2", "y/1", "z", "xx/1/1", "x.d/2", "w"]);
    let text = prop::sample::select(vec!["p", "q", "p q", "r/s", "t u v", "x y z"]);
    (any::<bool>(), path, prop::option::weighted(0.7, text))
        .prop_map(|(first, path, text)| (first, path.to_owned(), text.map(str::to_owned)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_job_leaves_what_a_full_run_leaves(
        commits in prop::collection::vec(prop::collection::vec(change(), 1..4), 1..10),
        form in 0_usize..INPUTS.len(),
        rule in 0_usize..RULES.len(),
    ) {
        let (objects, input, rule) = (Objects::default(), input(INPUTS[form]), RULES[rule]);
        let sources: Vec<String> = input.sources().iter().map(|(_, source)| source.repo.to_string()).collect();
        let mut trees = [BTreeMap::new(), BTreeMap::new()];
        let mut base: Option<(Vec<NodeId>, Merged)> = None;
        for changes in commits {
            for (first, path, text) in changes {
                let tree: &mut BTreeMap<String, String> = &mut trees[usize::from(!first)];
                match text {
                    Some(text) => tree.insert(path, text),
                    None => tree.remove(&path),
                };
            }
            let roots: Vec<NodeId> =
                sources.iter().map(|repo| grow(&objects, &trees[usize::from(repo == "b")])).collect();
            let from = base.as_ref().map(|(then, merged)| (then.as_slice(), *merged));
            let step = job(&objects, &input, rule, from, &roots);
            let full = job(&objects, &input, rule, None, &roots);
            match (step, full) {
                (Ok((step, _)), Ok((full, _))) => {
                    prop_assert_eq!(step, full);
                    base = Some((roots, step));
                }
                (Err(step), Err(full)) => prop_assert_eq!(step.to_string(), full.to_string()),
                (step, full) => prop_assert!(false, "{step:?} but in full {full:?}"),
            }
        }
    }
}

#[test]
fn a_new_datum_among_many_costs_itself() {
    let objects = Objects::default();
    let input = input(INPUTS[0]);
    let mut files: BTreeMap<String, String> =
        (0..2000).map(|n| (format!("{n:04}/file"), format!("out/{n:04}"))).collect();
    let then = [grow(&objects, &files)];
    let (before, planned) = job(&objects, &input, OnConflict::Error, None, &then).unwrap();
    assert_eq!(planned, 2000);
    files.insert("1000x/file".to_owned(), "out/new".to_owned());
    let now = [grow(&objects, &files)];
    objects.take_counts();
    let (after, planned) = job(&objects, &input, OnConflict::Error, Some((&then, before)), &now).unwrap();
    let (read, written) = objects.take_counts();
    assert_eq!(planned, 1);
    assert!(read < 60 && written < 20, "{read} objects read, {written} written");
    let texts = |root| Snapshot::new(&objects, root).scan("").unwrap().count();
    assert_eq!(texts(after.output), 2001);
}

#[test]
fn a_clash_is_told_with_both_datums_and_what_they_read() {
    let objects = Objects::default();
    let check = |first: &str, second: &str, want: &str| {
        let files = BTreeMap::from([
            ("one/a".to_owned(), first.to_owned()),
            ("one/b".to_owned(), first.to_owned()),
            ("two/c".to_owned(), second.to_owned()),
        ]);
        let roots = [grow(&objects, &files)];
        for rule in RULES {
            let done = job(&objects, &input("'a:/*'"), rule, None, &roots);
            match done {
                Err(error) => assert_eq!(error.to_string(), want),
                Ok((merged, _)) => {
                    assert!(rule != OnConflict::Error && !want.contains("below"));
                    let text = Snapshot::new(&objects, merged.output).find("p").unwrap().unwrap();
                    let text = String::from_utf8(content::load(&objects, text.blob).unwrap()).unwrap();
                    let last = rule == OnConflict::Last;
                    assert_eq!(
                        text,
                        if last { "two read two/c\n" } else { "one read one/b\ntwo read two/c\n" }
                    );
                }
            }
        }
    };
    check("p", "p", "two datums wrote p: one (from one/a and 1 more) and two (from two/c)");
    check(
        "p",
        "p/q",
        "two datums wrote the file p and the file p/q below it: one (from one/a and 1 more) and two (from two/c)",
    );
    check(
        "p/q/r",
        "p",
        "two datums wrote the file p and the file p/q/r below it: two (from two/c) and one (from one/a and 1 more)",
    );
}
