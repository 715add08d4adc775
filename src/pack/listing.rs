//! Listing what packs hold in the index, some of it at a time.

use std::io;
use std::path::PathBuf;

use super::footer::Located;
use super::reader::{Packs, index_error, storage_error};
use crate::backend::Listed;
use crate::object::{AccessError, Digest};

/// How many objects are gathered into one table: some 50 MB of it.
const ROWS: usize = 1_000_000;

/// Gathers what packs hold into tables.
#[derive(Debug)]
pub struct Listing<'a> {
    packs: &'a Packs,
    /// What is being looked for, for messages.
    sought: Digest,
    gathered: Vec<(Digest, Vec<Located>)>,
    objects: usize,
    tables: Vec<PathBuf>,
}

impl<'a> Listing<'a> {
    /// Nothing yet, for the index of these packs, in search of `sought`.
    pub fn new(packs: &'a Packs, sought: &Digest) -> Self {
        Self { packs, sought: *sought, gathered: Vec::new(), objects: 0, tables: Vec::new() }
    }

    /// Adds a pack with what it is to be found to hold.
    pub fn add(&mut self, pack: Digest, entries: Vec<Located>) -> Result<(), AccessError> {
        self.objects += entries.len();
        self.gathered.push((pack, entries));
        if self.objects >= ROWS { self.write() } else { Ok(()) }
    }

    /// Adds a pack that was found, with what its footer says; whether it says anything. One that does not is passed over.
    pub(super) fn add_whole(&mut self, pack: &Listed) -> Result<bool, AccessError> {
        // What is listed is relied on.
        self.packs.backend().settle(&pack.name).map_err(|error| storage_error("keep", &pack.name, error))?;
        match self.packs.footer(&pack.name, pack.len) {
            Ok(footer) => self.add(pack.name, footer.entries).map(|()| true),
            Err(reason) => {
                tracing::warn!(pack = %pack.name, %reason, "passed over a damaged pack");
                Ok(false)
            }
        }
    }

    /// Makes all of it findable; the tables that are new.
    pub fn finish(mut self) -> Result<Vec<PathBuf>, AccessError> {
        if !self.gathered.is_empty() {
            self.write()?;
        }
        Ok(self.tables)
    }

    fn write(&mut self) -> Result<(), AccessError> {
        let failed = |source: io::Error| index_error(&self.sought, source);
        self.tables.extend(self.packs.index().add(&self.gathered).map_err(failed)?);
        self.gathered.clear();
        self.objects = 0;
        Ok(())
    }
}
