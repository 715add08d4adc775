//! The door through which objects come in: nothing is taken on trust.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::check::{With, check};
use super::contract::{Delivery, Parcel};
use super::error::Error;
use super::register::Register;
use crate::content::{self, CHUNK_MAX, Manifest};
use crate::fault::{Cause, Fault, Kind};
use crate::history::{self, Author, LetGo};
use crate::object::codec::MAX_RECORD;
use crate::object::{
    AccessError, BlobId, CommitId, Digest, NodeId, ObjectKind, ObjectRead, ObjectWrite, Payload,
};
use crate::pack::{Located, MAX_OBJECT, Packs, Writer};
use crate::reach::Held;
use crate::store::Store;

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
        self.besides.as_ref().map_or_else(|| self.writer.let_go(), ObjectRead::let_go)
    }
}

/// Objects on their way into a store.
///
/// The record of a commit without its files is written after the store was told so: were it the other way round, whoever found what is left
/// of a transfer that was killed would take it that the files are there.
#[derive(Debug)]
pub struct Intake {
    shelf: Shelf,
    /// Where it is written down which commits came without their files, if they are to stay.
    register: Option<Register>,
    /// Commits that are to come without their files.
    awaited: HashMap<CommitId, LetGo>,
    /// Commits that came without them.
    gone: HashSet<CommitId>,
    /// What the others come with.
    held: Held,
    /// Trees of results that were found to be right.
    known: HashSet<NodeId>,
}

impl Intake {
    /// An intake onto `shelf`, to see what would be taken. Of what may be read besides, a session must have told what was let go.
    pub fn onto(shelf: Shelf) -> Self {
        let (awaited, gone, known) = (HashMap::new(), HashSet::new(), HashSet::new());
        Self { shelf, register: None, awaited, gone, held: Held::All, known }
    }

    /// An intake into `store`, for this author.
    pub fn into(store: &Store, author: &Author) -> Result<Self, Error> {
        // It tells which commits are there without their files.
        drop(store.session()?);
        let shelf = Shelf { writer: store.writer(), besides: None };
        let held = Held::of(&shelf)?;
        Ok(Self { register: Some(Register::new(store, author)), held, ..Self::onto(shelf) })
    }

    /// Writes down of which of these commits the files were let go.
    fn register(&mut self, parcels: &[&Parcel]) -> Result<(), Error> {
        let mut coming = BTreeMap::new();
        for parcel in parcels.iter().filter(|parcel| parcel.kind == ObjectKind::Commit) {
            let id = CommitId::new(parcel.digest);
            if let Some(gone) = self.awaited.remove(&id) {
                matches(parcel)?;
                coming.insert(id, gone);
            }
        }
        if let Some(register) = &self.register {
            register.add(&mut coming)?;
        }
        self.gone.extend(coming.into_keys());
        Ok(())
    }

    fn take(&mut self, parcel: &Parcel) -> Result<(), Error> {
        let Parcel { digest, kind, bytes } = parcel;
        match kind {
            ObjectKind::Chunk | ObjectKind::Node => matches(parcel)?,
            ObjectKind::Manifest => check_list(&self.shelf, parcel)?,
            ObjectKind::Commit => {
                matches(parcel)?;
                let id = CommitId::new(*digest);
                let with = if self.gone.contains(&id) { With::Parents } else { With::Files(self.held) };
                check(&self.shelf, id, bytes, with, &self.gone, &mut self.known)?;
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
        Ok(!self.gone.contains(&commit) && history::find_let_go(&self.shelf, commit)?.is_none())
    }

    fn let_go(&mut self, gone: &[(CommitId, LetGo)]) -> Result<(), Error> {
        for (id, gone) in gone {
            if !gone.is_legal() {
                let reason = format!("what was sent of the files of commit {id:.12} cannot be told");
                return Err(Error::Wrong { reason });
            }
            if self.shelf.find(id.digest())?.is_none() || !self.has_files(*id)? {
                self.awaited.insert(*id, gone.clone());
            }
        }
        Ok(())
    }

    fn let_go_results(&mut self, gone: &LetGo) -> Result<(), Error> {
        if !gone.is_legal() {
            return Err(Error::Wrong {
                reason: "what was sent of results that were let go cannot be told".to_owned(),
            });
        }
        if let (Held::All, Some(register)) = (self.held, &self.register) {
            register.add_results(gone)?;
        }
        self.held = Held::Files;
        Ok(())
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
        self.register(&others)?;
        others.into_iter().try_for_each(|parcel| self.take(parcel))
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        self.shelf.writer.finish()?;
        Ok(())
    }
}
