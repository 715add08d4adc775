//! Which symbols the ticks name, over all days, known without looking at all days.

use std::collections::{BTreeMap, BTreeSet};

use super::super::listing::{load, tree_path};
use super::super::{Error, Files, Output};
use crate::tick::write_record;

/// Where the counts are kept in the private state.
const PLACE: &str = "symbols";

/// On how many days the ticks name each symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Symbols(BTreeMap<String, u64>);

impl Symbols {
    /// The counts that an earlier run left, if it left any.
    pub(super) fn load(state: &dyn Files) -> Result<Option<Self>, Error> {
        Ok(load(state, PLACE)?.and_then(|bytes| Self::from_csv(&bytes)))
    }

    pub(super) fn save(&self, state: &mut dyn Output) -> Result<(), Error> {
        let mut out = Vec::new();
        self.0.iter().for_each(|(name, days)| write_record(&mut out, [name.as_str(), &days.to_string()]));
        state.put_bytes(tree_path(PLACE)?, &out).map(|_| ())
    }

    fn from_csv(bytes: &[u8]) -> Option<Self> {
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        let count = |record: Result<csv::StringRecord, csv::Error>| {
            let record = record.ok()?;
            Some((record.get(0)?.to_owned(), record.get(1)?.parse().ok()?))
        };
        reader.into_records().map(count).collect::<Option<_>>().map(Self)
    }

    /// Counts a day on which the ticks name these.
    pub(super) fn add(&mut self, names: &BTreeSet<String>) {
        named(names).for_each(|name| *self.0.entry(name.clone()).or_default() += 1);
    }

    /// Takes such a day back.
    pub(super) fn take_back(&mut self, names: &BTreeSet<String>) {
        for name in named(names) {
            match self.0.get_mut(name) {
                Some(days) if *days > 1 => *days -= 1,
                _ => drop(self.0.remove(name)),
            }
        }
    }

    /// All that are named.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Ticks that name none are of no symbol.
fn named(names: &BTreeSet<String>) -> impl Iterator<Item = &String> {
    names.iter().filter(|name| !name.is_empty())
}

/// The symbols of a day as they are kept.
pub(super) fn to_csv(names: &BTreeSet<String>) -> Vec<u8> {
    let mut out = Vec::new();
    named(names).for_each(|name| write_record(&mut out, [name.as_str()]));
    out
}

/// Reads what [`to_csv`] wrote.
pub(super) fn from_csv(bytes: &[u8]) -> BTreeSet<String> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    reader
        .into_records()
        .filter_map(Result::ok)
        .filter_map(|record| record.get(0).map(str::to_owned))
        .collect()
}
