//! Every object of a store, by number: what a collection keeps its marks by.

use std::sync::Arc;

use super::condemned;
use super::reader::{Location, Packs, index_error, storage_error};
use super::table::Table;
use crate::object::{AccessError, Digest};

/// The tables as they were at one moment, with those of condemned packs behind them. An object that lies in several packs is found in the
/// first, and so the others are not needed.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Each with the number of its first object.
    tables: Vec<(usize, Arc<Table>)>,
    len: usize,
    /// From this number on the packs are condemned.
    condemned: usize,
}

impl Catalogue {
    fn new(tables: impl IntoIterator<Item = Arc<Table>>, old: Vec<condemned::Condemned>) -> Self {
        let mut catalogue = Self { tables: Vec::new(), len: 0, condemned: 0 };
        tables.into_iter().for_each(|table| catalogue.push(table));
        catalogue.condemned = catalogue.len;
        old.into_iter().for_each(|condemned| catalogue.push(condemned.table));
        catalogue
    }

    fn push(&mut self, table: Arc<Table>) {
        self.tables.push((self.len, Arc::clone(&table)));
        self.len += table.len();
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of an object, and where it lies.
    pub fn find(&self, digest: &Digest) -> Option<(usize, Location)> {
        self.tables.iter().find_map(|(start, table)| {
            let row = table.find_row(digest)?;
            let (pack, at) = table.row(row)?;
            Some((start + row, Location { pack, at }))
        })
    }

    /// All objects, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Location)> {
        self.tables.iter().flat_map(|(start, table)| {
            let at = move |row| table.row(row).map(|(pack, at)| (start + row, Location { pack, at }));
            (0..table.len()).filter_map(at)
        })
    }

    /// Whether the object of this number lies in a condemned pack.
    pub fn is_condemned(&self, number: usize) -> bool {
        number >= self.condemned
    }
}

impl Packs {
    /// The packs that the index covers, with their lengths in bytes.
    pub fn sizes(&self) -> Result<Vec<(Digest, u64)>, AccessError> {
        let sought = Digest::of(b"");
        let covered = self.index().covered().map_err(|source| index_error(&sought, source))?;
        let all = self.backend().list().map_err(|error| storage_error("find", &sought, error))?;
        Ok(all
            .into_iter()
            .filter(|pack| covered.contains(&pack.name))
            .map(|pack| (pack.name, pack.len))
            .collect())
    }

    /// Every object that the index knows, and those in condemned packs.
    pub fn catalogue(&self) -> Result<Catalogue, AccessError> {
        let fail = |source| index_error(&Digest::of(b""), source);
        let tables = self.index().reload().map_err(fail)?;
        Ok(Catalogue::new(tables.iter().map(Arc::clone), self.condemned()?))
    }
}
