//! Making the index again, and carrying packs from place to place.

use std::io::{self, Write};
use std::path::PathBuf;

use super::inspect::{Fits, PIECE};
use super::listing::Listing;
use super::reader::{Packs, index_error, storage_error};
use crate::backend;
use crate::object::{AccessError, Digest};

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
        let mut listing = Listing::new(self, &none);
        let mut count = 0;
        for pack in &packs {
            count += u64::from(listing.add_whole(pack)?);
        }
        let new = listing.finish()?;
        let retired: Vec<PathBuf> = old.into_iter().filter(|path| !new.contains(path)).collect();
        self.index().retire(&retired).map_err(index)?;
        Ok(count)
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
