//! What a stage is given and what it gives.

use std::collections::BTreeMap;

use crate::fault::Cause;
use crate::object::{Digest, Entry, TreePath};

/// One version of a file tree, read only.
pub trait Files: Sync {
    /// The file at `path`.
    fn find(&self, path: &str) -> Result<Option<Entry>, Error>;

    /// The files at `paths`, which are in byte order; an implementation may look for all of them in one pass.
    fn find_each(&self, paths: &[String]) -> Result<Vec<Option<Entry>>, Error> {
        paths.iter().map(|path| self.find(path)).collect()
    }

    /// Calls `visit` for each file whose path starts with the text `prefix`, in byte order of the paths.
    fn scan(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(&TreePath, &Entry) -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// The whole content of a file.
    fn read(&self, entry: &Entry) -> Result<Vec<u8>, Error>;
}

/// A path that differs between two versions of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: TreePath,
    /// What was there.
    pub before: Option<Entry>,
    /// What is there now.
    pub after: Option<Entry>,
}

/// What one file of an output was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// How to speak of the part of the work that made it: a day, a bucket, `all`.
    pub datum: String,
    /// The files, for each input in its order.
    pub files: Vec<Vec<(TreePath, Entry)>>,
}

/// Where a stage puts its result: edits on top of the earlier result, or on nothing when there is none.
pub trait Output {
    /// Puts an existing file at `path`; no content is read or written.
    fn put_entry(&mut self, path: TreePath, entry: Entry) -> Result<(), Error>;

    /// Puts a file with these bytes at `path`.
    fn put_bytes(&mut self, path: TreePath, bytes: &[u8]) -> Result<Entry, Error>;

    /// Removes the file at `path`, if it is there.
    fn remove(&mut self, path: TreePath) -> Result<(), Error>;
}

/// What parts of a stage's work came to before, on whatever branch. A part is found by the digest of all that it is made from,
/// besides the stage's parameters.
pub trait Memo {
    /// The files that were made from this, if that was done before.
    fn find(&self, of: &Digest) -> Result<Option<BTreeMap<String, Vec<u8>>>, Error>;

    /// Keeps the files that were made from this.
    fn keep(&mut self, of: Digest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error>;
}

/// One input of a stage in this run: its tree, and how it differs from the earlier run's.
pub struct Input<'a> {
    /// The tree as it is now.
    pub now: &'a dyn Files,
    /// The tree that the earlier run saw; empty when there was none.
    pub before: &'a dyn Files,
    /// Every path that differs between the two, in byte order.
    pub changes: &'a [Change],
}

/// What an earlier run of the same stage, with the same parameters, left behind.
#[derive(Clone, Copy)]
pub struct Earlier<'a> {
    /// Its output.
    pub output: &'a dyn Files,
    /// Its private state.
    pub state: &'a dyn Files,
}

/// What a stage has to tell besides its output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines for the job's log, in a fixed order: counts of what was skipped, and warnings.
    pub lines: Vec<String>,
    /// Whether all that is new was found, and only put together.
    pub effort: Effort,
}

/// What a run had to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effort {
    /// Some of the work was done anew.
    #[default]
    Made,
    /// What each part of the input comes to was known.
    Found,
}

impl Report {
    /// Adds a line that a person should see.
    pub(super) fn warn(&mut self, text: impl std::fmt::Display) {
        self.lines.push(format!("{WARNING}{text}"));
    }
}

/// `1 row`, `2 rows`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// How a line of a log begins that a person should see.
pub const WARNING: &str = "warning: ";

/// A stage could not finish.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The data does not allow a result; running it again changes nothing.
    #[error("{reason}")]
    Data { reason: String, hint: Option<String> },
    /// The store failed underneath.
    #[error("cannot {verb} {path}: {cause}")]
    Storage { verb: &'static str, path: String, cause: Cause },
}
