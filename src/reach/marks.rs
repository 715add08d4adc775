//! Which objects are needed, as bits.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::object::{AccessError, Digest};
use crate::pack::{Catalogue, Location, Packs};
use crate::reach::{Met, Visit};

/// Bits that many threads may set.
#[derive(Debug)]
pub(super) struct Bits(Vec<AtomicU64>);

impl Bits {
    pub(super) fn new(len: usize) -> Self {
        Self((0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Sets a bit, and tells whether it was not set.
    pub(super) fn set(&self, at: usize) -> bool {
        let bit = 1 << (at % 64);
        self.0.get(at / 64).is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0)
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (at % 64)) != 0)
    }
}

/// The objects of a store, each marked or not. Those that came after they were numbered are remembered by name.
#[derive(Debug)]
pub(super) struct Marks<'a> {
    packs: &'a Packs,
    pub(super) catalogue: Catalogue,
    entered: Bits,
    content: Bits,
    later: Mutex<HashSet<(Digest, Sort)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Entered,
    Content,
}

impl<'a> Marks<'a> {
    pub(super) fn new(packs: &'a Packs, catalogue: Catalogue) -> Self {
        let (entered, content) = (Bits::new(catalogue.len()), Bits::new(catalogue.len()));
        Self { packs, catalogue, entered, content, later: Mutex::default() }
    }

    /// Whether the object of this number is needed.
    pub(super) fn has(&self, number: usize) -> bool {
        self.entered.has(number) || self.content.has(number)
    }

    /// Whether this commit or tree node is needed, or came later.
    pub(super) fn has_entered(&self, digest: &Digest) -> bool {
        self.catalogue.find(digest).is_none_or(|(number, _)| self.entered.has(number))
    }

    /// The needed objects that are not copied yet and lie where `there` says.
    pub(super) fn needed(&self, there: impl Fn(usize, &Location) -> bool) -> Vec<(usize, Location)> {
        self.catalogue
            .iter()
            .filter(|(number, location)| self.has(*number) && there(*number, location))
            .collect()
    }

    fn mark(&self, digest: &Digest, sort: Sort) -> Result<Met, AccessError> {
        let (kind, is_first) = if let Some((number, location)) = self.catalogue.find(digest) {
            let bits = match sort {
                Sort::Entered => &self.entered,
                Sort::Content => &self.content,
            };
            (location.at.kind, bits.set(number))
        } else {
            let location = self.packs.place(digest)?;
            let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
            (location.at.kind, later.insert((*digest, sort)))
        };
        Ok(if is_first { Met::First(kind) } else { Met::Before })
    }
}

impl Visit for Marks<'_> {
    fn meet(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.mark(digest, Sort::Entered)
    }

    fn meet_content(&self, digest: &Digest) -> Result<Met, AccessError> {
        self.mark(digest, Sort::Content)
    }
}
