//! Which objects were met, as bits: one who counts them, or keeps them, walks with these.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::walk::{Held, Met, Visit};
use crate::object::{AccessError, CommitId, Digest, ObjectKind};
use crate::pack::{Catalogue, Location, Packs};

/// Bits that many threads may set.
#[derive(Debug)]
pub struct Bits(Vec<AtomicU64>);

impl Bits {
    /// So many bits, none of them set.
    pub fn new(len: usize) -> Self {
        Self((0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Sets a bit, and tells whether it was not set.
    pub fn set(&self, at: usize) -> bool {
        let bit = 1 << (at % 64);
        self.0.get(at / 64).is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0)
    }

    /// Clears a bit.
    pub fn clear(&self, at: usize) {
        if let Some(word) = self.0.get(at / 64) {
            word.fetch_and(!(1 << (at % 64)), Ordering::Relaxed);
        }
    }

    /// Whether a bit is set.
    pub fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (at % 64)) != 0)
    }
}

/// The objects of a store, each met or not. Those that came after they were numbered are remembered by name.
#[derive(Debug)]
pub struct Marks<'a> {
    packs: &'a Packs,
    /// All objects, as they were numbered.
    pub catalogue: Catalogue,
    entered: Bits,
    content: Bits,
    later: Mutex<HashSet<(Digest, Sort)>>,
    passed: HashSet<CommitId>,
    held: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Entered,
    Content,
}

impl<'a> Marks<'a> {
    /// No object was met yet.
    pub fn new(packs: &'a Packs, catalogue: Catalogue) -> Self {
        let (entered, content) = (Bits::new(catalogue.len()), Bits::new(catalogue.len()));
        Self {
            packs,
            catalogue,
            entered,
            content,
            later: Mutex::default(),
            passed: HashSet::new(),
            held: Held::All,
        }
    }

    /// Has the files of these commits passed by when the commits are met, and those of no others.
    pub fn pass(&mut self, commits: HashSet<CommitId>) {
        self.passed = commits;
    }

    /// Has the tables of results that commits name passed by.
    pub fn pass_results(&mut self) {
        self.held = Held::Files;
    }

    /// Whether the object of this number was met.
    pub fn has(&self, number: usize) -> bool {
        self.entered.has(number) || self.content.has(number)
    }

    /// Whether this commit or tree node was met, or came later.
    pub fn has_entered(&self, digest: &Digest) -> bool {
        self.catalogue.find(digest).is_none_or(|(number, _)| self.entered.has(number))
    }

    /// Forgets that this commit or tree node was met.
    pub fn forget(&self, digest: &Digest) {
        if let Some((number, _)) = self.catalogue.find(digest) {
            self.entered.clear(number);
        }
    }

    /// The objects that were met, by their numbers.
    pub fn met(&self) -> impl Iterator<Item = (usize, Location)> {
        self.catalogue.iter().filter(|(number, _)| self.has(*number))
    }

    fn mark(&self, digest: &Digest, sort: Sort) -> Result<Met, AccessError> {
        let (kind, is_first) = if let Some((number, location)) = self.catalogue.find(digest) {
            let bits = match sort {
                Sort::Entered => &self.entered,
                Sort::Content => &self.content,
            };
            (location.at.kind, bits.set(number))
        } else {
            let kind = kind_of_later(self.packs, digest, sort == Sort::Entered)?;
            let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
            (kind, later.insert((*digest, sort)))
        };
        Ok(if is_first { Met::First(kind) } else { Met::Before })
    }
}

/// What an object is that came later. A commit or a node that is nowhere may be one that is only thought of; who reads it next finds out.
pub fn kind_of_later(packs: &Packs, digest: &Digest, is_entered: bool) -> Result<ObjectKind, AccessError> {
    match packs.place(digest) {
        Err(AccessError::Missing { .. }) if is_entered => Ok(ObjectKind::Node),
        found => Ok(found?.at.kind),
    }
}

impl Visit for Marks<'_> {
    fn meet(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.mark(digest, Sort::Entered)
    }

    fn meet_content(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.mark(digest, Sort::Content)
    }

    fn passes(&self, commit: &CommitId) -> bool {
        self.passed.contains(commit)
    }

    fn passes_results(&self) -> bool {
        self.held == Held::Files
    }
}
