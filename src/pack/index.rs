//! The set of tables that together say where every object lies.
//!
//! Each new pack brings a small table; when there are many, the small ones are merged into one, so their number stays
//! logarithmic. Any number of processes may do this at once: tables are only added and removed whole, and an object
//! listed twice is found just as well. Where no table can be written, those that are missing are held in memory.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::footer::Located;
use super::table::{self, Table};
use crate::fault::prevents_writing;
use crate::object::Digest;
use crate::owner::{Tmp, lock_within};

/// How many tables there may be before the small ones are merged.
const MANY: usize = 8;

/// How the names of tables end.
const IN_USE: &str = "idx";

/// How the names of the tables end that tell of condemned packs.
pub(super) const CONDEMNED: &str = "old";

/// How long is waited for others who replace tables.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a listing is tried again when tables vanish under it.
const TRIES: usize = 10;

/// What is done to packs in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placing {
    /// They are put there, and listed. Many may do so at once.
    Listing,
    /// They are deleted, unless they are listed.
    Deleting,
}

#[derive(Debug)]
pub(super) struct Index {
    dir: PathBuf,
    tmp: Tmp,
    tables: RwLock<Option<Arc<Vec<Arc<Table>>>>>,
    /// Tables that could not be written.
    held: Mutex<Vec<Arc<Table>>>,
}

impl Index {
    pub(super) fn new(dir: &Path, tmp: &Tmp) -> Self {
        Self { dir: dir.to_owned(), tmp: tmp.clone(), tables: RwLock::new(None), held: Mutex::default() }
    }

    /// The tables as they were last listed.
    pub(super) fn tables(&self) -> io::Result<Arc<Vec<Arc<Table>>>> {
        if let Some(tables) = &*self.tables.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(tables));
        }
        self.reload()
    }

    /// Lists the tables anew when they are asked for next.
    pub(super) fn forget_seen(&self) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lists the tables anew.
    pub(super) fn reload(&self) -> io::Result<Arc<Vec<Arc<Table>>>> {
        let mut tables = self.list()?;
        tables.extend(self.held.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Arc::clone));
        // The largest first: most objects are there.
        tables.sort_by_key(|table| (std::cmp::Reverse(table.len()), table.path.clone()));
        let tables = Arc::new(tables);
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&tables));
        Ok(tables)
    }

    fn list(&self) -> io::Result<Vec<Arc<Table>>> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.list_once() {
                // Another process merged it away between the listing and the opening.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => {}
                other => return other,
            }
        }
    }

    fn list_once(&self) -> io::Result<Vec<Arc<Table>>> {
        let mut tables = Vec::new();
        let entries = match fs::read_dir(&self.dir) {
            // A copy of the store may have been made without its empty or derived directories.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(tables),
            other => other?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == IN_USE) {
                match Table::open(&path)? {
                    Some(table) => tables.push(Arc::new(table)),
                    None => match fs::remove_file(&path) {
                        Err(error) if !prevents_writing(&error) => return Err(error),
                        _ => {}
                    },
                }
            }
        }
        Ok(tables)
    }

    pub(super) fn find(&self, digest: &Digest) -> io::Result<Option<(Digest, Located)>> {
        Ok(self.tables()?.iter().find_map(|table| table.find(digest)))
    }

    /// The packs that the tables cover.
    pub(super) fn covered(&self) -> io::Result<HashSet<Digest>> {
        Ok(self.tables()?.iter().flat_map(|table| table.packs()).collect())
    }

    /// The files of the index that there are.
    pub(super) fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        let is_ours =
            |path: &PathBuf| path.extension().is_some_and(|found| found == "idx" || found == "graph");
        Ok(paths.into_iter().filter(is_ours).collect())
    }

    /// Removes these files, which others take the place of.
    pub(super) fn retire(&self, files: &[PathBuf]) -> io::Result<()> {
        for path in files {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.reload().map(drop)
    }

    /// Adds a table of these packs' objects, and returns its path if one could be written.
    pub(super) fn add(&self, packs: &[(Digest, Vec<Located>)]) -> io::Result<Option<PathBuf>> {
        let mut rows = Vec::new();
        for (number, (_, entries)) in (0..).zip(packs) {
            rows.extend(entries.iter().map(|entry| (number, *entry)));
        }
        sort(&mut rows);
        let names: Vec<Digest> = packs.iter().map(|(name, _)| *name).collect();
        let path = match table::write(&self.dir, IN_USE, &self.tmp, &names, &rows) {
            Err(error) if prevents_writing(&error) => {
                let table = Table::hold(&names, &rows)?.map(Arc::new);
                self.held.lock().unwrap_or_else(PoisonError::into_inner).extend(table);
                None
            }
            other => Some(other?),
        };
        self.reload()?;
        Ok(path)
    }

    /// Removes the tables that are not what their names say, and tells whether there were any. Every table is read whole.
    pub(super) fn drop_damaged(&self) -> io::Result<bool> {
        let mut dropped = false;
        for table in self.tables()?.iter().filter(|table| !table.is_whole()) {
            tracing::warn!(table = %table.path.display(), "removed a damaged table of the index");
            match fs::remove_file(&table.path) {
                Err(error) if prevents_writing(&error) => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => dropped = true,
            }
        }
        if dropped {
            self.reload()?;
        }
        Ok(dropped)
    }

    /// Merges the small tables if there are many: from the smallest on, all that are not much larger than what was taken.
    pub(super) fn merge(&self) -> io::Result<()> {
        if self.tables()?.len() <= MANY {
            return Ok(());
        }
        // Who replaces tables at the same time might bring back what the other has taken out; merging is not urgent.
        let Some(_lock) = self.lock(Duration::ZERO)? else { return Ok(()) };
        let tables = self.reload()?;
        let mut total = 0;
        let mut chosen: Vec<&Table> = Vec::new();
        for table in tables.iter().rev().map(|table| &**table) {
            if chosen.len() >= 2 && table.len() > 2 * total {
                break;
            }
            total += table.len();
            chosen.push(table);
        }
        self.replace(&chosen, &HashSet::new())
    }

    /// Keeps out those who would delete a pack that is being listed, or list one that is being deleted. It is held for a moment only.
    pub(super) fn lock_placing(&self, placing: Placing) -> io::Result<Option<File>> {
        let file = match OpenOptions::new().create(true).append(true).open(self.dir.join("place.lock")) {
            Err(error) if prevents_writing(&error) => return Ok(None),
            other => other?,
        };
        match placing {
            Placing::Listing => file.lock_shared()?,
            Placing::Deleting => file.lock()?,
        }
        Ok(Some(file))
    }

    /// The right to replace tables, within this time.
    fn lock(&self, within: Duration) -> io::Result<Option<File>> {
        lock_within(&self.dir.join("lock"), within)
    }

    /// Forgets what lies in these packs. Where no table can be written, they stay as they are.
    pub(super) fn forget(&self, gone: &HashSet<Digest>) -> io::Result<()> {
        match self.lock(PATIENCE) {
            Err(error) if prevents_writing(&error) => Ok(()),
            Err(error) => Err(error),
            Ok(None) => Err(io::Error::from(io::ErrorKind::TimedOut)),
            Ok(Some(_lock)) => self.forget_locked(gone),
        }
    }

    fn forget_locked(&self, gone: &HashSet<Digest>) -> io::Result<()> {
        let tables = self.reload()?;
        let names_any = |table: &&Table| table.packs().any(|pack| gone.contains(&pack));
        let chosen: Vec<&Table> = tables.iter().map(|table| &**table).filter(names_any).collect();
        match self.replace(&chosen, gone) {
            Err(error) if prevents_writing(&error) => Ok(()),
            other => other,
        }
    }

    /// Writes down what lies in these packs for those who still look for it there, in a table that is none of the index.
    pub(super) fn write_condemned(&self, packs: &HashSet<Digest>) -> io::Result<PathBuf> {
        let tables = self.reload()?;
        let names_any = |table: &&Table| table.packs().any(|pack| packs.contains(&pack));
        let chosen: Vec<&Table> = tables.iter().map(|table| &**table).filter(names_any).collect();
        self.write_merged(&chosen, CONDEMNED, |pack| packs.contains(pack))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts one table in the place of these, without what lies in the packs that are `gone`.
    fn replace(&self, chosen: &[&Table], gone: &HashSet<Digest>) -> io::Result<()> {
        let merged = self.write_merged(chosen, IN_USE, |pack| !gone.contains(pack))?;
        for table in chosen.iter().filter(|table| table.path != merged) {
            match fs::remove_file(&table.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.reload()?;
        Ok(())
    }

    /// Writes one table of what these have, as far as it lies in packs that are wanted.
    fn write_merged(
        &self,
        chosen: &[&Table],
        extension: &str,
        wanted: impl Fn(&Digest) -> bool,
    ) -> io::Result<PathBuf> {
        let all = chosen.iter().flat_map(|table| table.packs());
        let mut packs: Vec<Digest> = all.filter(wanted).collect();
        packs.sort();
        packs.dedup();
        let number = |pack: &Digest| packs.binary_search(pack).ok().and_then(|at| u32::try_from(at).ok());
        let all = chosen.iter().flat_map(|table| (0..table.len()).filter_map(|at| table.row(at)));
        let mut rows: Vec<(u32, Located)> =
            all.filter_map(|(pack, located)| Some((number(&pack)?, located))).collect();
        sort(&mut rows);
        table::write(&self.dir, extension, &self.tmp, &packs, &rows)
    }
}

/// Brings rows into the order of a table.
fn sort(rows: &mut Vec<(u32, Located)>) {
    rows.sort_unstable_by_key(|(pack, located)| (located.digest, *pack));
    rows.dedup_by_key(|(pack, located)| (located.digest, *pack));
}
