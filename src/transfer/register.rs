//! Where it is written down which commits came without their files.
//!
//! It is the table of those whose files were let go here (`history::let_go`): who reads, checks or collects asks nothing else. Of a commit that is
//! here, nothing is written. What is written of a commit that does not come after all is dropped by a collection, when nobody else is at work.

use std::collections::BTreeMap;

use super::error::Error;
use crate::history::{self, Author, LetGo};
use crate::ledger::{Outcome, Session};
use crate::let_go;
use crate::meta::Batch;
use crate::object::{AccessError, CommitId, NodeId};
use crate::store::Store;

/// How often it is tried again when others change the store meanwhile.
const TRIES: usize = 50;

/// The table of a store.
#[derive(Debug)]
pub(super) struct Register {
    store: Store,
    author: Author,
}

impl Register {
    /// That of `store`, as it is changed for this author.
    pub(super) fn new(store: &Store, author: &Author) -> Self {
        Self { store: store.clone(), author: author.clone() }
    }

    /// Writes down of these commits, whose records are about to come, that their files were let go. It is durable when this has returned. Those that
    /// have come with their files meanwhile are taken out of `gone`.
    pub(super) fn add(&self, gone: &mut BTreeMap<CommitId, LetGo>) -> Result<(), Error> {
        for _ in 0..TRIES {
            let before = let_go::root(&self.store.session()?)?;
            let objects = self.store.objects();
            let mut more = BTreeMap::new();
            for (id, let_go) in &*gone {
                if history::find_let_go(objects, *id)?.is_none() {
                    more.insert(*id, let_go.clone());
                }
            }
            self.leave_out(gone, &mut more)?;
            if more.is_empty() {
                return Ok(());
            }
            let writer = self.store.writer();
            let table = history::add_let_go(&writer, before, &more)?;
            writer.finish()?;
            let mut facts = self.store.session()?;
            // Others may have put packs meanwhile, and a table that is not up to date would not tell.
            objects.complete()?;
            if let_go::root(&facts)? != before || self.leave_out(gone, &mut more)? {
                continue;
            }
            if self.put(&mut facts, table)? {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    /// Writes down that commits come without the tables of results that they name. It is durable when this has returned.
    pub(super) fn add_results(&self, gone: &LetGo) -> Result<(), Error> {
        for _ in 0..TRIES {
            let before = let_go::root(&self.store.session()?)?;
            let objects = self.store.objects();
            if history::find_results_let_go(objects)?.is_some() {
                return Ok(());
            }
            let writer = self.store.writer();
            let table = history::write_let_go(&writer, before, &BTreeMap::new(), &|_| true, Some(gone))?;
            writer.finish()?;
            let Some(table) = table else { return Ok(()) };
            let mut facts = self.store.session()?;
            if let_go::root(&facts)? == before && self.put(&mut facts, table)? {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    /// Makes this the table, unless others were faster. Whether it is.
    fn put(&self, facts: &mut Session, table: NodeId) -> Result<bool, Error> {
        let mut batch = Batch::default();
        let_go::put(&mut batch, table);
        let is_done = matches!(facts.commit(&self.author.housekeeping(), &batch)?, Outcome::Done { .. });
        if is_done {
            self.store.objects().tell_let_go(Some(table));
        }
        Ok(is_done)
    }

    fn contended(&self) -> Error {
        Error::Contended { place: self.store.root().display().to_string() }
    }

    /// Takes those of `more` out of both that are here: nothing tells that they have no files. True if there are any.
    fn leave_out(
        &self,
        gone: &mut BTreeMap<CommitId, LetGo>,
        more: &mut BTreeMap<CommitId, LetGo>,
    ) -> Result<bool, AccessError> {
        let before = more.len();
        for id in more.keys().copied().collect::<Vec<_>>() {
            if self.store.objects().find(id.digest())?.is_some() {
                more.remove(&id);
                gone.remove(&id);
            }
        }
        Ok(more.len() < before)
    }
}
