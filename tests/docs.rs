//! The documents against the program: what they say it prints is what it prints.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod transcript;

use std::fs;
use std::path::{Path, PathBuf};

use transcript::{Page, check, executed, lasting};

#[test]
fn what_differs_from_run_to_run_is_left_out() {
    assert_eq!(lasting("[r@main 4c9f21ab03de] day 2"), "[r@main ID] day 2");
    assert_eq!(lasting("1 datum processed in 12 ms"), "1 datum processed in N");
    assert_eq!(lasting("date   2024-05-01T14:30:00+02:00 and 2024-05-01"), "date   TIME and 2024-05-01");
    assert_eq!(lasting("1440 files, \"milliseconds\": 12"), "1440 files, \"milliseconds\":");
}

#[test]
fn the_reference_is_what_the_verbs_say() {
    check("docs/cli.md", |_| vds::cli::reference());
}

/// The words after each `vds` in back quotes, up to the first that is no verb.
fn mentions(text: &str) -> Vec<Vec<&str>> {
    let after = text.split("`vds ").skip(1).filter_map(|rest| rest.split('`').next());
    let verb = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    after.map(|command| command.split(' ').take_while(verb).take(2).collect()).collect()
}

fn texts(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_verb_that_is_advised_exists() {
    let reference = vds::cli::reference();
    let is_verb = |words: &[&str]| {
        reference.lines().any(|line| line.trim_start_matches('#') == format!(" vds {}", words.join(" ")))
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    texts(&root.join("src"), &mut files);
    texts(&root.join("docs"), &mut files);
    for file in files {
        for words in mentions(&fs::read_to_string(&file).unwrap()) {
            let [verb, ..] = words[..] else { continue };
            let group = ["repo", "branch", "tag", "op", "pipeline", "job", "run", "datum"].contains(&verb)
                && words.len() > 1;
            let named = if group { &words[..] } else { &words[..1] };
            assert!(is_verb(named), "{} speaks of `vds {}`", file.display(), words.join(" "));
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    texts(&root.join("docs"), &mut pages);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains(':')) {
            assert!(page.parent().unwrap().join(link).exists(), "{} links to {link}", page.display());
        }
    }
}

#[test]
fn the_readme_is_true() {
    check("README.md", |page| executed(page, Page::Document));
}

#[test]
fn the_shapes_are_true() {
    check("docs/json.md", |page| executed(page, Page::Document));
}

#[test]
fn the_page_about_bringing_data_in_is_true() {
    check("docs/ingest.md", |page| executed(page, Page::Document));
}

#[test]
fn the_operations_page_is_true() {
    check("docs/operations.md", |page| executed(page, Page::Document));
}
