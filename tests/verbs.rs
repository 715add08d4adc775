//! The verbs as a person uses them: one page a verb in `tests/cli`, run, and compared whole.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod transcript;

use transcript::{Page, check, executed};

/// A test for each page, and one that no page is forgotten.
macro_rules! pages {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                check(concat!("tests/cli/", stringify!($name), ".md"), |page| executed(page, Page::Test));
            }
        )+

        #[test]
        fn every_page_is_run() {
            let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli")).unwrap();
            for page in pages {
                let name = page.unwrap().file_name().into_string().unwrap();
                assert!([$(concat!(stringify!($name), ".md")),+].contains(&name.as_str()), "{name}");
            }
        }
    };
}

pages! { backup blame branch bundle cat checkout clone commit completion config cp datum df diff du errors fetch gc import init job log ls merge migrate mv op output paths pin pipeline pull purge push rebuild remote repair repo rerun reset resolve restore retain revisions rm run show sparse_checkout status switch tag trigger undo verify watch why }
