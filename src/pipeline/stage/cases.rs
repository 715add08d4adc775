//! The worked cases in `tests/stage-cases`, run stage by stage.
//!
//! `cmd` lists the stages and their parameters in the notation `--name value`; `in/` and `truth.csv` go in, `out/` is what
//! must come out, byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::fake::{Remembered, Tree};
use super::{Input, bin, measure, select};

/// Turns `--stats last,mean --where type=TRADE` into a TOML table.
fn params(words: &[&str]) -> String {
    let lists = ["stats", "windows", "align", "where"];
    let bare = ["min-n", "min-coverage", "top", "guard", "jackknife", "decimals"];
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").unwrap();
        let value = words.next_if(|next| !next.starts_with("--"));
        let line = match value {
            None => "true".to_owned(),
            Some(value) if name == "col" => {
                let (role, column) = value.split_once('=').unwrap();
                format!("{{ {role} = {column:?} }}")
            }
            Some(value) if name == "where" => format!("[{value:?}]"),
            Some(value) if lists.contains(&name) => format!("{:?}", value.split(',').collect::<Vec<_>>()),
            Some(value) if bare.contains(&name) => (*value).to_string(),
            Some(value) => format!("{value:?}"),
        };
        if !["in", "out", "bins", "truth", "scores"].contains(&name) {
            lines.insert(name.to_owned(), line);
        }
    }
    lines.iter().map(|(name, line)| format!("{name} = {line}\n")).collect()
}

fn option<'a>(words: &[&'a str], name: &str) -> &'a str {
    words[words.iter().position(|word| *word == name).unwrap() + 1]
}

fn run_stage(case: &Path, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (stage, words) = words.split_first().unwrap();
    let text = params(words);
    let tree = |at: &str| Tree::read(&case.join(at));
    let empty = Tree::default();
    let mut out = Tree::default();
    let mut state = Tree::default();
    let memo = &mut Remembered::default();
    let input_dir = match *stage {
        "bin" => option(words, "--in"),
        "measure" => option(words, "--bins"),
        _ => option(words, "--scores"),
    };
    let now = tree(input_dir);
    let changes = empty.changes_to(&now);
    let input = Input { now: &now, before: &empty, changes: &changes };
    match *stage {
        "bin" => bin::run(&toml::from_str(&text).unwrap(), &input, None, &mut out, &mut state, memo).unwrap(),
        "measure" => {
            let truth = tree("truth.csv");
            let changes = empty.changes_to(&truth);
            let truth = Input { now: &truth, before: &empty, changes: &changes };
            measure::run(&toml::from_str(&text).unwrap(), &input, &truth, None, &mut out, &mut state, memo)
                .unwrap()
        }
        _ => select::run(&toml::from_str(&text).unwrap(), &input, None, &mut out, &mut state).unwrap(),
    };
    let mut want = tree(option(words, "--out"));
    if *stage == "select" {
        // The picture is looked at by people; the cases hold none.
        out.0.retain(|path, _| path.as_str() != "report.svg");
        want.0.retain(|path, _| path.as_str() != "report.svg");
    }
    let name = format!("{}: {line}", case.file_name().unwrap().to_string_lossy());
    assert_eq!(out.0.keys().collect::<Vec<_>>(), want.0.keys().collect::<Vec<_>>(), "{name}");
    for (path, bytes) in &want.0 {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&out.0[path]), text(bytes), "{name}: {path}");
    }
}

#[test]
fn every_worked_case_comes_out_as_written() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stage-cases");
    let mut seen = 0;
    for case in fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        for line in fs::read_to_string(case.join("cmd")).unwrap().lines().filter(|line| !line.is_empty()) {
            run_stage(&case, line);
            seen += 1;
        }
    }
    assert!(seen >= 26, "{seen} stages");
}
