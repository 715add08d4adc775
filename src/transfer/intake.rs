//! The door through which objects come in: nothing is taken on trust.

use std::collections::HashSet;

use rayon::prelude::*;

use super::check::check;
use super::contract::{Delivery, Parcel};
use super::error::Error;
use crate::content::{self, CHUNK_MAX, Manifest};
use crate::fault::{Cause, Fault, Kind};
use crate::history;
use crate::object::codec::MAX_RECORD;
use crate::object::{
    AccessError, BlobId, CommitId, Digest, NodeId, ObjectKind, ObjectRead, ObjectWrite, Payload,
};
use crate::pack::{Located, MAX_OBJECT, Packs, Writer};

/// The largest tree node, in bytes. Those that vds writes have some 10 KiB, with very long names up to 64.
const MAX_NODE: u64 = 1 << 20;

/// How many bytes an object of this kind may have.
pub fn limit(kind: ObjectKind) -> u64 {
    match kind {
        ObjectKind::Chunk => CHUNK_MAX.into(),
        ObjectKind::Manifest => MAX_OBJECT.into(),
        ObjectKind::Node => MAX_NODE,
        ObjectKind::Commit => MAX_RECORD,
    }
}

/// Where objects go that are received, and what else is there.
#[derive(Debug)]
pub struct Shelf {
    /// What takes them.
    pub writer: Writer,
    /// What may be read besides, if that is kept elsewhere.
    pub besides: Option<Packs>,
}

impl Shelf {
    /// What is known of an object without reading it.
    pub fn find(&self, digest: &Digest) -> Result<Option<Located>, AccessError> {
        match (self.writer.find(digest)?, &self.besides) {
            (None, Some(packs)) => Ok(packs.find(digest)?.map(|found| found.at)),
            (found, _) => Ok(found),
        }
    }
}

impl ObjectRead for Shelf {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        match &self.besides {
            Some(packs) if self.writer.find(digest)?.is_none() => packs.read_object(digest),
            _ => self.writer.read_object(digest),
        }
    }

    fn let_go(&self) -> Option<NodeId> {
        self.writer.let_go()
    }
}

/// Objects on their way into a store.
#[derive(Debug)]
pub struct Intake {
    shelf: Shelf,
    /// Trees of results that were found to be right.
    known: HashSet<NodeId>,
}

impl Intake {
    /// An intake onto `shelf`.
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf, known: HashSet::new() }
    }

    fn take(&mut self, parcel: &Parcel) -> Result<(), Error> {
        let Parcel { digest, kind, bytes } = parcel;
        match kind {
            ObjectKind::Chunk | ObjectKind::Node => matches(parcel)?,
            ObjectKind::Manifest => check_list(&self.shelf, parcel)?,
            ObjectKind::Commit => {
                matches(parcel)?;
                check(&self.shelf, CommitId::new(*digest), bytes, &mut self.known)?;
            }
        }
        Ok(self.shelf.writer.write_object(*kind, digest, bytes)?)
    }
}

/// The bytes are those that the id promises.
fn matches(parcel: &Parcel) -> Result<(), Error> {
    if Digest::of(&parcel.bytes) == parcel.digest {
        return Ok(());
    }
    Err(Error::Altered { kind: parcel.kind, digest: parcel.digest })
}

/// All chunks of the list are here, and they add up to the file whose id the list has.
fn check_list(source: &dyn ObjectRead, parcel: &Parcel) -> Result<(), Error> {
    let altered = || Error::Altered { kind: parcel.kind, digest: parcel.digest };
    let list = Manifest::from_bytes(&parcel.bytes).ok_or_else(altered)?;
    match content::check(source, BlobId::new(parcel.digest), list) {
        Err(error) if error.kind() == Kind::Damaged => {
            Err(Error::List { blob: BlobId::new(parcel.digest), source: Cause::from(error) })
        }
        other => Ok(other?),
    }
}

impl Delivery for Intake {
    fn have(&self, ids: &[Digest]) -> Result<Vec<Option<ObjectKind>>, Error> {
        ids.iter().map(|id| Ok(self.shelf.find(id)?.map(|found| found.kind))).collect()
    }

    fn has_files(&self, commit: CommitId) -> Result<bool, Error> {
        Ok(history::find_let_go(&self.shelf, commit)?.is_none())
    }

    fn put(&mut self, parcels: &[Parcel]) -> Result<(), Error> {
        if let Some(large) = parcels.iter().find(|parcel| parcel.bytes.len() as u64 > limit(parcel.kind)) {
            return Err(Error::TooLarge { kind: large.kind, digest: large.digest });
        }
        // Chunks name nothing, and nearly all bytes are theirs.
        let (chunks, others): (Vec<_>, Vec<_>) =
            parcels.iter().partition(|parcel| parcel.kind == ObjectKind::Chunk);
        let writer = &self.shelf.writer;
        chunks.par_iter().try_for_each(|chunk| {
            matches(chunk)?;
            Ok::<_, Error>(writer.write_object(chunk.kind, &chunk.digest, &chunk.bytes)?)
        })?;
        others.into_iter().try_for_each(|parcel| self.take(parcel))
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        self.shelf.writer.finish()?;
        Ok(())
    }
}
