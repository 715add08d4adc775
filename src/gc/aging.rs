//! What rules let go of jobs and results, as part of a collection: decided by `pipeline`, and put into effect here.
//!
//! It goes in the batch in which a collection makes known what goes, if jobs and results are still what it was decided about. Commits name the
//! table of results as it was when they were made, with much in it that is old; so from then on these names lead nowhere, and the tables
//! that count are those of the facts. Nobody looks a result up by way of a commit.

use std::collections::BTreeSet;

use super::error::Error;
use super::roots;
use crate::history::LetGo;
use crate::meta::Batch;
use crate::object::ObjectWrite;
use crate::pipeline::{Aged, Ages, Memory};
use crate::reach::{self, Holder, Named};
use crate::setting::Rules;
use crate::store::Store;

/// How often it is decided anew because jobs have ended meanwhile. After that nothing is old this time.
const TRIES: u32 = 5;

/// What is old, and what becomes of the facts that know of it.
#[derive(Debug)]
pub(super) struct Aging {
    ages: Ages,
    memory: Memory,
    aged: Aged,
    tries: u32,
    /// What is told of it, once anything has been found to be old.
    told: Option<LetGo>,
    /// How many results went, and the logs of how many jobs.
    gone: (u64, u64),
}

/// The times before which things are old at `now` (milliseconds since 1970), by these rules.
pub(super) fn ages(rules: &Rules, now: i64) -> Ages {
    let since =
        |time: std::time::Duration| now.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    Ages { results: rules.results().map(since), logs: rules.logs().map(since) }
}

/// Whether what is named for this one's sake is told by [`Aging::named`].
pub(super) fn is_about(named: &Named) -> bool {
    matches!(named.holder, Holder::Jobs | Holder::Results(_))
}

impl Aging {
    /// Decides what is old of what `memory` has. The tables without it go to `sink`.
    pub(super) fn of(sink: &dyn ObjectWrite, rules: &Rules, now: i64, memory: Memory) -> Result<Self, Error> {
        let ages = ages(rules, now);
        let aged = memory.age(sink, &ages)?;
        let told = aged.is_some().then(|| LetGo { time: now, rules: rules.about_age().to_string() });
        Ok(Self { ages, memory, aged, tries: 0, told, gone: (0, 0) })
    }

    /// Whether there are rules about it.
    pub(super) fn is_ruled(&self) -> bool {
        self.ages != Ages::default()
    }

    /// How many results are old or went, and the logs of how many jobs.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.gone.0 + self.aged.results, self.gone.1 + self.aged.logs)
    }

    /// What is to be told of the tables of results that commits name.
    pub(super) fn told(&self) -> Option<&LetGo> {
        self.told.as_ref()
    }

    /// What jobs keep, and the results of these repos, without what is old.
    pub(super) fn named(&self, repos: &BTreeSet<u64>) -> Result<Vec<Named>, Error> {
        let mut all = Vec::new();
        for (key, value) in &self.memory.facts {
            let value = self.aged.facts.get(key).unwrap_or(value);
            all.extend(reach::named_by(key, value)?);
        }
        roots::retain_of(&mut all, repos);
        Ok(all)
    }

    /// The same, if there are rules about it; else it is named with all else.
    pub(super) fn ruled(&self, repos: &BTreeSet<u64>) -> Result<Vec<Named>, Error> {
        if self.is_ruled() { self.named(repos) } else { Ok(Vec::new()) }
    }

    /// Decides anew if jobs and results are others now. Whether they were.
    pub(super) fn renew(&mut self, store: &Store) -> Result<bool, Error> {
        if !self.is_ruled() {
            return Ok(false);
        }
        let memory = Memory::read(&store.session()?)?;
        if memory == self.memory {
            return Ok(false);
        }
        self.tries += 1;
        if self.tries > TRIES {
            self.ages = Ages::default();
        }
        let writer = store.writer();
        self.aged = memory.age(&writer, &self.ages)?;
        writer.finish()?;
        self.memory = memory;
        Ok(true)
    }

    /// Adds to `batch` that what is old goes, but for facts that it is about already.
    pub(super) fn put(&self, batch: &mut Batch) {
        let written: BTreeSet<Vec<u8>> = batch.writes.iter().map(|(key, _)| key.clone()).collect();
        for (key, after) in self.aged.facts.iter().filter(|(key, _)| !written.contains(*key)) {
            batch.expect(key.clone(), self.memory.facts.get(key).cloned());
            batch.put(key.clone(), after.clone());
        }
    }

    /// It has gone.
    pub(super) fn settle(&mut self) {
        self.gone = self.counts();
        self.memory.facts.extend(std::mem::take(&mut self.aged).facts);
    }
}
