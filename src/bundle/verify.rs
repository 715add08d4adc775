//! Whether a bundle could be taken, without taking it.

use std::fs;
use std::io;
use std::sync::Arc;

use super::error::Error;
use super::read::Bundle;
use crate::backend::LocalBackend;
use crate::owner::Tmp;
use crate::pack::{Packs, Writer};
use crate::progress::Progress;
use crate::store::Store;
use crate::transfer::{Intake, Shelf};

/// An error unless all of the bundle is as it should be, and what it goes on from is in `store`. What is in it is laid out in a
/// temporary directory, checked as a store would, and dropped.
pub fn verify(bundle: &Bundle, store: Option<&Store>, progress: &dyn Progress) -> Result<(), Error> {
    let besides = store.map(|store| store.objects().clone());
    if let Some(store) = store {
        // It tells which commits are there without their files.
        drop(store.session()?);
    }
    let missing = bundle.missing(besides.as_ref())?;
    if !missing.is_empty() {
        return Err(Error::Needs { path: bundle.path().to_owned(), missing });
    }
    let (_scratch, writer) = scratch().map_err(|source| {
        let path = std::env::temp_dir();
        Error::Io { verb: "write into", path, source }
    })?;
    bundle.send(&mut Intake::onto(Shelf { writer, besides }), progress)
}

/// A writer of packs that go away with the directory.
fn scratch() -> io::Result<(tempfile::TempDir, Writer)> {
    let dir = tempfile::tempdir()?;
    let [packs, index, tmp] = ["packs", "index", "tmp"].map(|name| dir.path().join(name));
    for place in [&packs, &index, &tmp] {
        fs::create_dir(place)?;
    }
    let tmp = Tmp::new(&tmp);
    let packs = Packs::new(Arc::new(LocalBackend::new(&packs)), &index, &tmp);
    let writer = Writer::new(&packs, &tmp);
    Ok((dir, writer))
}
