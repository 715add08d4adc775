//! What a place for the small facts promises, and how it fails.

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::fault::{Fault, Kind, is_full, prevents_writing};

/// A change of several keys, all or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// What must be so for the batch to be applied: each key with its value, or `None` for its absence.
    pub expect: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// What is written: each key with its new value, or `None` to remove it. A key occurs once.
    pub writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Adds the expectation that `key` holds `value`, or nothing.
    pub fn expect(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> &mut Self {
        self.expect.push((key, value));
        self
    }

    /// Adds a write of `value` at `key`.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> &mut Self {
        self.writes.push((key, Some(value)));
        self
    }

    /// Adds another batch, which was made in view of what this one writes.
    pub fn then(&mut self, next: Self) -> &mut Self {
        let mut places: HashMap<Vec<u8>, usize> =
            self.writes.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
        self.expect.extend(next.expect.into_iter().filter(|(key, _)| !places.contains_key(key)));
        for (key, value) in next.writes {
            if let Some((_, earlier)) = places.get(&key).and_then(|at| self.writes.get_mut(*at)) {
                *earlier = value;
            } else {
                places.insert(key.clone(), self.writes.len());
                self.writes.push((key, value));
            }
        }
        self
    }

    /// Adds the removal of `key`.
    pub fn remove(&mut self, key: Vec<u8>) -> &mut Self {
        self.writes.push((key, None));
        self
    }
}

/// How applying a batch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Every write is in place.
    Done,
    /// Nothing was written, because this key is not as expected.
    Stale {
        /// The first key that differs.
        key: Vec<u8>,
    },
}

/// What a scan calls for each key and value; it says whether to go on.
pub type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A failed operation on the small facts.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Another process has held them for longer than we may wait.
    #[error("the store at {place} is busy: another vds process has held it for {waited} s")]
    Busy { place: String, waited: u64, holder: Option<u32> },
    /// What is on disk cannot be opened.
    #[error("the facts in {place} cannot be opened: {reason}")]
    Unopenable { place: String, reason: String },
    /// The place failed.
    #[error("cannot {verb} in {place}")]
    Io { verb: &'static str, place: String, source: std::io::Error },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Busy { .. } => Kind::Busy,
            Self::Unopenable { .. } => Kind::Damaged,
            Self::Io { .. } => Kind::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { holder, .. } => {
                let other = holder.map_or("the other process".to_owned(), |pid| format!("process {pid}"));
                Some(format!("wait for {other}, or give --lock-timeout a longer time"))
            }
            Self::Unopenable { place, .. } => Some(format!(
                "restore the journal from a backup, and move {place} away: the facts are made again from it; without one, `vds rebuild --without-journal`"
            )),
            Self::Io { source, .. } if is_full(source) => {
                Some("free some space on the store's disk and try again; nothing was lost".to_owned())
            }
            Self::Io { source, .. } if prevents_writing(source) => {
                Some("you may read this store, but not change it".to_owned())
            }
            Self::Io { .. } => None,
        }
    }
}

/// A place that keeps small mutable facts.
///
/// # Contract
/// - A session sees every batch that was applied before it began.
/// - Sessions may exclude each other; so they are short, and no work is done while one is held.
pub trait MetaStore: fmt::Debug + Send + Sync {
    /// Begins a session; waits for others to end, within the limit the place was opened with.
    fn session(&self) -> Result<Box<dyn MetaSession>, Error>;

    /// Makes room for a fresh start after the facts could not be opened: what is there is kept aside, and its new
    /// place returned, if there was anything. The next session finds no facts.
    fn set_aside(&self) -> Result<Option<PathBuf>, Error>;
}

/// A short look at the facts, and the right to change them.
///
/// # Contract
/// - Keys and values are any bytes; an empty value is not an absent one.
/// - Keys are ordered by bytes; a scan visits each key under its prefix once, in order, and the prefix itself if it is a key.
/// - `apply` compares and sets in one step: all expectations hold and all writes are done, or nothing is. When it
///   returns `Done` the writes survive the death of the process and of the machine.
pub trait MetaSession: fmt::Debug {
    /// The value at `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Visits every key that starts with `prefix`, in order, until told to stop.
    fn scan(&self, prefix: &[u8], visit: &mut Visitor<'_>) -> Result<(), Error>;

    /// Applies `batch`, all or none.
    fn apply(&mut self, batch: &Batch) -> Result<Applied, Error>;
}
