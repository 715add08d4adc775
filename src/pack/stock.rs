//! What all packs hold together, as the tables of the index tell: no pack is read.

use std::collections::{BTreeMap, HashSet};

use super::reader::{Packs, index_error};
use crate::object::{AccessError, Digest, ObjectKind};

/// Objects, together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stock {
    /// How many.
    pub objects: u64,
    /// Their bytes before compression.
    pub bytes: u64,
    /// Their bytes as stored.
    pub stored: u64,
}

impl Stock {
    /// Adds an object of so many bytes, stored in so many.
    pub fn add(&mut self, len: u32, stored: u32) {
        self.objects += 1;
        self.bytes += u64::from(len);
        self.stored += u64::from(stored);
    }

    /// Adds other objects.
    pub fn join(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.stored += other.stored;
    }
}

impl Packs {
    /// What the packs hold of each kind. An object that lies in two packs counts twice, as it takes room twice.
    pub fn stock(&self) -> Result<BTreeMap<ObjectKind, Stock>, AccessError> {
        // In search of nothing, so that packs which no table covers are read about.
        let none = Digest::of(b"");
        self.cover(&none)?;
        let tables = self.index().tables().map_err(|source| index_error(&none, source))?;
        let mut stock: BTreeMap<ObjectKind, Stock> = BTreeMap::new();
        let mut counted: HashSet<Digest> = HashSet::new();
        for table in tables.iter() {
            // Two processes may have listed one pack at the same time.
            let new: HashSet<Digest> = table.packs().filter(|pack| !counted.contains(pack)).collect();
            for (pack, at) in (0..table.len()).filter_map(|row| table.row(row)) {
                if new.contains(&pack) {
                    stock.entry(at.kind).or_default().add(at.len, at.stored);
                }
            }
            counted.extend(new);
        }
        Ok(stock)
    }
}
