//! How far a verification has come, so that one that was interrupted can go on.
//!
//! `tmp/verify` in the store has a line for each pack that was found whole. It goes when the verification ends. A store that may only
//! be read remembers nothing.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::error::Error;
use crate::object::Digest;
use crate::store::Store;

/// The first line.
const HEAD: &str = "vds verify 1";

/// The packs that were found whole.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    file: Mutex<Option<File>>,
    /// Those of the verification that is gone on with.
    pub(super) done: HashSet<Digest>,
}

impl State {
    fn place(store: &Store) -> PathBuf {
        store.root().join("tmp").join("verify")
    }

    /// Nothing is known, and nothing is remembered; what another one remembers stays.
    pub(super) fn forgetful(store: &Store) -> Self {
        Self { path: Self::place(store), file: Mutex::new(None), done: HashSet::new() }
    }

    /// Nothing is known yet.
    pub(super) fn fresh(store: &Store) -> Self {
        let path = Self::place(store);
        let made = File::create(&path).and_then(|mut file| writeln!(file, "{HEAD}").map(|()| file));
        Self { path, file: Mutex::new(made.ok()), done: HashSet::new() }
    }

    /// What was known when the last one was interrupted.
    pub(super) fn resumed(store: &Store) -> Result<Self, Error> {
        let path = Self::place(store);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::NothingToResume),
            read => read.map_err(|source| Error::Io { verb: "read", path: path.clone(), source })?,
        };
        let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        if lines.next() != Some(HEAD) {
            return Err(Error::NothingToResume);
        }
        let done = lines.filter_map(|line| line.parse().ok()).collect();
        let file = OpenOptions::new().append(true).open(&path).ok();
        Ok(Self { path, file: Mutex::new(file), done })
    }

    /// Remembers that the pack is whole.
    pub(super) fn note(&self, pack: &Digest) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &mut *file
            && open.write_all(format!("{pack}\n").as_bytes()).is_err()
        {
            *file = None;
        }
    }

    /// Whether what is done is remembered.
    pub(super) fn is_kept(&self) -> bool {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Forgets all of it.
    pub(super) fn end(self) {
        if !self.is_kept() {
            return;
        }
        // What is left behind is read by --resume only, and then everything in it is right.
        let _ = fs::remove_file(&self.path);
    }
}
