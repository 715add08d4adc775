//! The objects that were found right, to be read: an index of their own, made from the packs' footers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::error::Error;
use super::packs::DamagedPack;
use crate::backend::{Backend, Listed, LocalBackend};
use crate::object::{AccessError, Digest, NodeId, ObjectRead, Payload};
use crate::owner::Tmp;
use crate::pack::{Footer, Listing, Located, Packs};
use crate::store::Store;

/// Packs by themselves, and what of them may be believed.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) packs: Packs,
    /// A number for what each intact pack holds.
    pub(super) prints: BTreeMap<Digest, u64>,
    /// The packs whose footers cannot be read, of those that were not read whole.
    pub(super) unreadable: BTreeMap<Digest, String>,
    /// What is right in its pack and all the same not what it should be, and why.
    pub(super) wrong: HashMap<Digest, String>,
    /// How many objects there are.
    pub(super) objects: u64,
    /// Where the index lies; it goes with this.
    _tmp: Tmp,
}

/// The packs of the store, with no index yet.
pub(super) fn bare(store: &Store) -> (Arc<dyn Backend>, Packs, Tmp) {
    let backend: Arc<dyn Backend> = Arc::new(LocalBackend::new(&store.root().join("packs")));
    // An owner of its own: the place goes when this look is over. Where none can be had the index is held in memory.
    let tmp = Tmp::new(&store.root().join("tmp"));
    let dir = tmp.own_dir().unwrap_or_else(|_| store.root().join("tmp").join("none"));
    let packs = Packs::new(Arc::clone(&backend), &dir, &tmp);
    (backend, packs, tmp)
}

impl Shelf {
    /// The objects of these packs, as far as they are right.
    pub(super) fn of(
        store: &Store,
        listed: &[Listed],
        bad: &BTreeMap<Digest, DamagedPack>,
    ) -> Result<Self, Error> {
        let (_, packs, tmp) = bare(store);
        let (prints, unreadable) = (BTreeMap::new(), BTreeMap::new());
        let mut shelf = Self { packs, prints, unreadable, wrong: HashMap::new(), objects: 0, _tmp: tmp };
        let packs = shelf.packs.clone();
        let mut listing = Listing::new(&packs, &Digest::of(b""));
        for Listed { name, len } in listed {
            let entries = match (bad.get(name), shelf.packs.footer(name, *len)) {
                (Some(bad), _) => bad.intact.clone(),
                (None, Ok(footer)) => shelf.print(*name, footer),
                (None, Err(reason)) => {
                    shelf.unreadable.insert(*name, reason);
                    Vec::new()
                }
            };
            shelf.objects += entries.len() as u64;
            listing.add(*name, entries)?;
        }
        listing.finish()?;
        Ok(shelf)
    }

    fn print(&mut self, name: Digest, footer: Footer) -> Vec<Located> {
        self.prints.insert(name, footer.fingerprint());
        footer.entries
    }

    /// Where an intact copy of the object lies.
    pub(super) fn find(&self, digest: &Digest) -> Result<Option<Located>, AccessError> {
        let found = self.packs.locate(digest)?.map(|found| found.at);
        Ok(found.filter(|_| !self.wrong.contains_key(digest)))
    }
}

impl ObjectRead for Shelf {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        // What is not listed is not looked for in other ways.
        match self.packs.locate(digest)? {
            Some(_) => self.packs.read_object(digest),
            None => Err(AccessError::Missing { digest: *digest }),
        }
    }

    fn let_go(&self) -> Option<NodeId> {
        self.packs.let_go()
    }
}
