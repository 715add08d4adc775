//! What was found and holds no data to store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Why something was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    Socket,
    Pipe,
    Device,
    /// A directory of another store.
    Store,
    /// A directory that is a workspace of its own.
    Workspace,
    /// A directory without files: trees hold files only.
    NoFiles,
    /// It was there when the directory was listed, and gone when it was to be read.
    Vanished,
}

impl Why {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Socket => ("socket", "sockets"),
            Self::Pipe => ("named pipe", "named pipes"),
            Self::Device => ("device", "devices"),
            Self::Store => ("other store", "other stores"),
            Self::Workspace => ("other workspace", "other workspaces"),
            Self::NoFiles => ("directory without files", "directories without files"),
            Self::Vanished => ("file that went away meanwhile", "files that went away meanwhile"),
        }
    }
}

/// All that was passed over.
#[derive(Debug, Default)]
pub(super) struct Passed(BTreeMap<Why, BTreeSet<PathBuf>>);

impl Passed {
    pub(super) fn add(&mut self, why: Why, path: PathBuf) {
        self.0.entry(why).or_default().insert(path);
    }

    pub(super) fn add_all(&mut self, other: Self) {
        for (why, paths) in other.0 {
            self.0.entry(why).or_default().extend(paths);
        }
    }

    /// One line for each reason; apart from the rest, that of directories, with which no data is passed over.
    pub(super) fn lines(&self) -> (Vec<String>, Vec<String>) {
        let line = |why: &Why| {
            let paths = self.0.get(why)?;
            let (one, several) = why.words();
            let first = paths.first()?.display();
            Some(match paths.len() {
                1 => format!("passed over 1 {one}: {first}"),
                count => format!("passed over {count} {several}, such as {first}"),
            })
        };
        let data = self.0.keys().filter(|why| **why != Why::NoFiles);
        (data.filter_map(line).collect(), line(&Why::NoFiles).into_iter().collect())
    }
}
