//! A store on this machine as the other end of a transfer.

use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;

use super::contract::{Delivery, Names, Peer, RefMove, Updated};
use super::error::Error;
use super::intake::Intake;
use super::update::{Moved, update};
use crate::history::{self, Author};
use crate::object::{AccessError, Digest, NodeId, ObjectRead, Payload};
use crate::pipeline::job::Job;
use crate::store::Store;

/// A store on this machine.
#[derive(Debug, Clone)]
pub struct LocalPeer {
    store: Store,
}

impl LocalPeer {
    /// The store in `path`.
    pub fn open(path: &Path, wait: Duration) -> Result<Self, Error> {
        Ok(Self { store: Store::open(path, wait)? })
    }
}

impl From<Store> for LocalPeer {
    fn from(store: Store) -> Self {
        Self { store }
    }
}

impl Peer for LocalPeer {
    fn place(&self) -> String {
        self.store.root().display().to_string()
    }

    fn names(&self) -> Result<Vec<Names>, Error> {
        let facts = self.store.session()?;
        let mut names = Vec::new();
        for repo in history::list(&facts)? {
            let (branches, tags) = (history::branches(&facts, &repo)?, history::tags(&facts, &repo)?);
            let history::Repo { name, description, output_of, .. } = repo;
            names.push(Names { repo: name, description, output_of, branches, tags });
        }
        Ok(names)
    }

    fn read(&self, ids: &[Digest]) -> Result<Vec<Payload>, AccessError> {
        match ids {
            // To tell other threads of one object costs more than to read it.
            [id] => Ok(vec![self.store.objects().read_object(id)?]),
            _ => ids.par_iter().map(|id| self.store.objects().read_object(id)).collect(),
        }
    }

    fn let_go(&self) -> Option<NodeId> {
        self.store.objects().let_go()
    }

    fn receive(&self, author: &Author) -> Result<Box<dyn Delivery + '_>, Error> {
        Ok(Box::new(Intake::into(&self.store, author)?))
    }

    fn update(&self, author: &Author, moves: &[RefMove]) -> Result<Updated, Error> {
        let Moved { operation, caused } = update(&self.store, author, moves)?;
        Ok(Updated { operation, queued: caused.jobs.iter().map(Job::stage_name).collect() })
    }
}
