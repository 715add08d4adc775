//! The documents against the program: what they say it prints is what it prints.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod transcript;

use transcript::{Page, check, executed, lasting};

#[test]
fn what_differs_from_run_to_run_is_left_out() {
    assert_eq!(lasting("[r@main 4c9f21ab03de] day 2"), "[r@main ID] day 2");
    assert_eq!(lasting("1 datum processed in 12 ms"), "1 datum processed in N ms");
    assert_eq!(lasting("date   2024-05-01T14:30:00+02:00 and 2024-05-01"), "date   TIME and 2024-05-01");
    assert_eq!(lasting("1440 files, \"milliseconds\": 12"), "1440 files, \"milliseconds\":");
}

#[test]
fn the_reference_is_what_the_verbs_say() {
    check("docs/cli.md", |_| vds::cli::reference());
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
fn the_operations_page_is_true() {
    check("docs/operations.md", |page| executed(page, Page::Document));
}
