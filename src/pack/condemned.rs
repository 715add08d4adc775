//! Packs that are on their way out.
//!
//! A pack is not deleted from under those who may have seen it in the index. First it is condemned: its objects are written down in a table
//! that ends in `.old`, which nobody asks who would keep an object, and then taken out of the index. Who began after that cannot come to
//! rely on it; who began before may still read it, and what he has made rely on it is found through the `.old` table until it is copied.
//! The file beside it that ends in `.wait` has the presences that were set when the packs were out of the index. When these are gone, and
//! nothing that is named lies in them any more, the packs are discarded.
//!
//! A pack may be written again while it waits, byte for byte: equal objects in one order have one name. Who puts a pack in place and lists it,
//! and who looks whether it is listed and deletes it, therefore keep each other out.
//!
//! Each step leaves something that the next collection can go on with: a table without its list of presences is condemned anew.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::index::{CONDEMNED, Index, Placing};
use super::reader::{Packs, index_error, storage_error};
use super::table::Table;
use crate::object::{AccessError, Digest};
use crate::owner::Tmp;

/// How the names of the lists of presences end.
const WAIT: &str = "wait";

/// Packs that were condemned together.
#[derive(Debug, Clone)]
pub struct Condemned {
    pub(super) table: Arc<Table>,
    /// The presences that must be gone; `None` if they were not written down.
    pub presences: Option<BTreeSet<String>>,
}

impl Condemned {
    /// How many bytes the packs take.
    pub fn bytes(&self) -> u64 {
        self.sizes().values().sum()
    }

    fn sizes(&self) -> HashMap<Digest, u64> {
        let mut sizes = HashMap::new();
        for (pack, at) in (0..self.table.len()).filter_map(|at| self.table.row(at)) {
            *sizes.entry(pack).or_default() += at.footprint();
        }
        sizes
    }

    /// The objects that lie in the packs.
    pub fn objects(&self) -> impl Iterator<Item = Digest> {
        (0..self.table.len()).filter_map(|at| Some(self.table.row(at)?.1.digest))
    }

    /// The packs.
    pub fn packs(&self) -> impl Iterator<Item = Digest> {
        self.table.packs()
    }
}

/// All that is condemned.
pub(super) fn list(dir: &Path) -> io::Result<Vec<Condemned>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == CONDEMNED)) {
        let table = match Table::open(&path) {
            Ok(Some(table)) if table.is_whole() => Arc::new(table),
            // Its packs are as good as any that no table covers.
            Ok(_) => continue,
            // Discarded meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let presences = match fs::read_to_string(path.with_extension(WAIT)) {
            Ok(text) => Some(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        found.push(Condemned { table, presences });
    }
    Ok(found)
}

fn write_presences(index: &Index, tmp: &Tmp, table: &Path, presences: &BTreeSet<String>) -> io::Result<()> {
    let draft = tmp.path()?;
    let mut file = File::create_new(&draft)?;
    presences.iter().try_for_each(|presence| writeln!(file, "{presence}"))?;
    file.sync_data()?;
    fs::rename(draft, table.with_extension(WAIT))?;
    File::open(index.dir())?.sync_all()
}

impl Packs {
    /// All packs that are condemned.
    pub fn condemned(&self) -> Result<Vec<Condemned>, AccessError> {
        list(self.index().dir()).map_err(failed)
    }

    /// Takes these packs out of the index, so that nobody who begins from now on relies on them. Which presences they wait for is told next.
    pub fn condemn(&self, packs: &HashSet<Digest>) -> Result<(), AccessError> {
        self.index()
            .write_condemned(packs)
            .and_then(|_| File::open(self.index().dir())?.sync_all())
            .map_err(failed)?;
        self.index().forget(packs).map_err(failed)
    }

    /// Has these packs wait for these presences, which were listed when the packs were out of the index.
    pub fn wait_for(
        &self,
        packs: &Condemned,
        tmp: &Tmp,
        presences: &BTreeSet<String>,
    ) -> Result<(), AccessError> {
        write_presences(self.index(), tmp, &packs.table.path, presences).map_err(failed)
    }

    /// Deletes these packs, and what is known of them. A pack that the index knows again, because somebody has written the very same, stays.
    /// How many bytes were deleted.
    pub fn discard(&self, condemned: &Condemned) -> Result<u64, AccessError> {
        let mut bytes = condemned.sizes();
        for pack in condemned.packs() {
            let _lock = self.index().lock_placing(Placing::Deleting).map_err(failed)?;
            self.index().reload().map_err(failed)?;
            if self.index().covered().map_err(failed)?.contains(&pack) {
                bytes.remove(&pack);
            } else {
                self.backend().delete(&pack).map_err(|error| storage_error("delete", &pack, error))?;
            }
        }
        for path in [condemned.table.path.clone(), condemned.table.path.with_extension(WAIT)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(bytes.values().sum())
    }
}

fn failed(source: io::Error) -> AccessError {
    index_error(&Digest::of(b""), source)
}
