//! Making the index again, and carrying packs from place to place.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;

use super::footer::Located;
use super::inspect::Fits;
use super::reader::{Location, Packs, index_error, storage_error};
use crate::backend;
use crate::object::{AccessError, Digest, Payload};

/// How much of a pack is copied at a time, in bytes.
const PIECE: u64 = 4 << 20;

/// How many objects are gathered into one table.
const ROWS: usize = 1_000_000;

/// Why a pack could not be copied.
#[derive(Debug)]
pub enum CopyError {
    /// It could not be read.
    Read(backend::Error),
    /// It could not be written.
    Write(io::Error),
}

impl Packs {
    /// Makes the index again from what the packs say, and returns how many packs it lists. A pack that does not tell what it holds is
    /// left out.
    pub fn reindex(&self) -> Result<u64, AccessError> {
        let none = Digest::of(b"");
        let index = |source| index_error(&none, source);
        // Listed first: whatever these tables cover is there when the packs are listed.
        let old = self.index().files().map_err(index)?;
        let packs = self.backend().list().map_err(|error| storage_error("find", &none, error))?;
        let mut new: HashSet<PathBuf> = HashSet::new();
        let (mut found, mut objects, mut count) = (Vec::new(), 0, 0);
        for pack in packs {
            match self.footer(&pack.name, pack.len) {
                Ok(footer) => {
                    objects += footer.entries.len();
                    count += 1;
                    found.push((pack.name, footer.entries));
                }
                Err(reason) => tracing::warn!(pack = %pack.name, %reason, "passed over a damaged pack"),
            }
            if objects >= ROWS {
                new.extend(self.index().add(&std::mem::take(&mut found)).map_err(index)?);
                objects = 0;
            }
        }
        if !found.is_empty() {
            new.extend(self.index().add(&found).map_err(index)?);
        }
        let retired: Vec<PathBuf> = old.into_iter().filter(|path| !new.contains(path)).collect();
        self.index().retire(&retired).map_err(index)?;
        Ok(count)
    }

    /// The object at this place in this pack, whatever the index says.
    pub fn read_from(&self, pack: &Digest, at: &Located) -> Result<Payload, AccessError> {
        self.read_at(&at.digest, &Location { pack: *pack, at: *at })
    }

    /// Copies the pack, and tells whether it is what its name says.
    pub fn copy(&self, pack: &Digest, to: &mut dyn Write) -> Result<Fits, CopyError> {
        let len = self.backend().find(pack).map_err(CopyError::Read)?;
        let place = || "packs/".to_owned();
        let len =
            len.ok_or_else(|| CopyError::Read(backend::Error::Missing { name: *pack, place: place() }))?;
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < len {
            let piece = self.backend().read(pack, at..len.min(at + PIECE)).map_err(CopyError::Read)?;
            hasher.update(&piece);
            to.write_all(&piece).map_err(CopyError::Write)?;
            at += piece.len() as u64;
        }
        let fits = hasher.finalize() == *pack.as_bytes();
        Ok(if fits { Fits::Yes } else { Fits::No })
    }
}
