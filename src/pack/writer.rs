//! Writing objects into new packs.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PACK_SIZE;
use super::codec::{self, Codec};
use super::footer::{Footer, HEAD, Located};
use super::index::Placing;
use super::reader::{Location, Packs, check, index_error, is_right, storage_error};
use super::room::Disk;
use crate::backend;
use crate::object::{
    AccessError, CommitId, Digest, Lineage, NodeId, ObjectKind, ObjectRead, ObjectWrite, Payload,
};
use crate::owner::{Tmp, note};

/// How much is gathered in memory before it goes to the file, in bytes.
const BUFFER: usize = 1 << 20;

/// What a writer has written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// How many objects.
    pub objects: u64,
    /// Their bytes before compression.
    pub bytes: u64,
    /// Their bytes as stored.
    pub stored: u64,
    /// Which packs.
    pub packs: BTreeSet<Digest>,
}

/// Writes objects into new packs; many threads may use it at once. What it wrote can be read through it at once, and is
/// durable when [`Writer::finish`] has returned. Dropped before that, it leaves no trace of the unfinished pack.
#[derive(Debug)]
pub struct Writer {
    packs: Packs,
    tmp: Tmp,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<OpenPack>,
    /// Objects in packs that the index does not list yet.
    own: HashMap<Digest, Spot>,
    written: Written,
}

/// Where an object lies in a pack of this writer's.
#[derive(Debug, Clone)]
struct Spot {
    file: Arc<File>,
    at: Located,
}

#[derive(Debug)]
struct OpenPack {
    path: PathBuf,
    file: Arc<File>,
    buffer: Vec<u8>,
    flushed: u64,
    hasher: blake3::Hasher,
    entries: Vec<Located>,
}

impl OpenPack {
    fn create(tmp: &Tmp) -> io::Result<Self> {
        let path = tmp.path()?;
        let file = Arc::new(OpenOptions::new().create_new(true).read(true).write(true).open(&path)?);
        let (hasher, entries) = (blake3::Hasher::new(), Vec::new());
        let mut pack = Self { path, file, buffer: Vec::new(), flushed: 0, hasher, entries };
        pack.append(HEAD)?;
        Ok(pack)
    }

    fn len(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.len();
        self.hasher.update(bytes);
        self.buffer.extend(bytes);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(offset)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.file).write_all(&self.buffer)?;
        self.flushed = self.len();
        self.buffer.clear();
        Ok(())
    }

    /// Writes the footer; what remains is to put the file in its place.
    fn seal(&mut self) -> io::Result<Digest> {
        self.entries.sort_by_key(|entry| entry.digest);
        let footer = Footer { entries: std::mem::take(&mut self.entries) };
        let start = self.len();
        self.append(&footer.to_bytes(start))?;
        self.flush()?;
        self.entries = footer.entries;
        Ok(Digest::from_bytes(*self.hasher.finalize().as_bytes()))
    }
}

impl Drop for OpenPack {
    fn drop(&mut self) {
        // Gone already when the backend has taken it; a leftover is swept later.
        let _ = fs::remove_file(&self.path);
    }
}

impl Writer {
    /// A writer of new packs for `packs`, with its temporary files in `tmp`.
    pub fn new(packs: &Packs, tmp: &Tmp) -> Self {
        Self { packs: packs.clone(), tmp: tmp.clone(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the object `digest` without reading it, if this writer wrote it or a pack has it.
    pub fn find(&self, digest: &Digest) -> Result<Option<Located>, AccessError> {
        if let Some(own) = self.state().own.get(digest) {
            return Ok(Some(own.at));
        }
        Ok(self.packs.find(digest)?.map(|found| found.at))
    }

    /// Keeps once more what lies in this place, as it is stored there, whether or not the index has it. Its bytes are checked.
    pub fn copy(&self, from: &Location) -> Result<(), AccessError> {
        let Located { digest, kind, codec, len, .. } = from.at;
        let stored = self.packs.stored(&digest, from)?;
        check(&digest, from, stored.clone())?;
        self.append(kind, &digest, len, codec, &stored)
    }

    /// Makes everything that was written durable.
    pub fn finish(self) -> Result<Written, AccessError> {
        let open = self.state().open.take();
        if let Some(pack) = open {
            self.put_in_place(pack)?;
        }
        let written = std::mem::take(&mut self.state().written);
        if !written.packs.is_empty() {
            let digest = Digest::of(b"");
            self.packs.index().merge().map_err(|source| index_error(&digest, source))?;
        }
        Ok(written)
    }

    fn put_in_place(&self, mut pack: OpenPack) -> Result<(), AccessError> {
        let sealed = pack.seal();
        let name = sealed.map_err(|source| tmp_error(&pack.path, &Digest::of(b""), source))?;
        self.packs.expect_tables(&name)?;
        // Nothing names what is in it yet: no collection may take it for rubbish.
        note(&self.tmp, &name.to_string()).map_err(|source| tmp_error(self.tmp.dir(), &name, source))?;
        let placing = self.packs.index().lock_placing(Placing::Listing);
        let _placing = placing.map_err(|source| index_error(&name, source))?;
        self.packs.backend().put(&name, &pack.path).map_err(|error| storage_error("keep", &name, error))?;
        let listed = [(name, std::mem::take(&mut pack.entries))];
        self.packs.index().add(&listed).map_err(|source| index_error(&name, source))?;
        let mut state = self.state();
        state.written.packs.insert(name);
        for entry in listed.iter().flat_map(|(_, entries)| entries) {
            state.own.remove(&entry.digest);
        }
        Ok(())
    }

    /// A new pack, for the sake of `digest`, if the disk has room for it.
    fn begin(&self, digest: &Digest) -> Result<OpenPack, AccessError> {
        let checked = Disk::check(self.tmp.dir(), self.packs.reserve());
        checked.map_err(|error| storage_error("write", digest, error))?;
        OpenPack::create(&self.tmp).map_err(|source| tmp_error(self.tmp.dir(), digest, source))
    }

    fn append(
        &self,
        kind: ObjectKind,
        digest: &Digest,
        len: u32,
        codec: Codec,
        stored: &[u8],
    ) -> Result<(), AccessError> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.own.contains_key(digest) {
            return Ok(());
        }
        let fail = |source| tmp_error(self.tmp.dir(), digest, source);
        let mut pack = match state.open.take() {
            Some(pack) => pack,
            None => self.begin(digest)?,
        };
        let offset = pack.append(stored).map_err(fail)?;
        let stored_len = u32::try_from(stored.len()).unwrap_or(u32::MAX);
        let at = Located { digest: *digest, kind, codec, offset, stored: stored_len, len };
        pack.entries.push(at);
        state.own.insert(*digest, Spot { file: Arc::clone(&pack.file), at });
        state.written.objects += 1;
        state.written.bytes += u64::from(len);
        state.written.stored += u64::from(stored_len);
        if pack.len() < PACK_SIZE {
            state.open = Some(pack);
            return Ok(());
        }
        // Others go on with a new pack while this one is being fsynced.
        drop(guard);
        self.put_in_place(pack)
    }

    fn read_own(&self, digest: &Digest) -> Result<Option<Payload>, AccessError> {
        let spot = {
            let mut state = self.state();
            let Some(spot) = state.own.get(digest).cloned() else { return Ok(None) };
            if let Some(open) = &mut state.open {
                open.flush().map_err(|source| tmp_error(self.tmp.dir(), digest, source))?;
            }
            spot
        };
        let mut stored = vec![0; spot.at.stored as usize];
        let read = spot.file.read_exact_at(&mut stored, spot.at.offset);
        read.map_err(|source| tmp_error(self.tmp.dir(), digest, source))?;
        let bytes = codec::decompress(spot.at.codec, stored, spot.at.len as usize)
            .filter(|bytes| is_right(spot.at.kind, digest, bytes));
        let place = self.tmp.dir().display().to_string();
        let reason = "it was not read back as it was written".to_owned();
        let bytes = bytes.ok_or(AccessError::Damaged { digest: *digest, place, reason })?;
        Ok(Some(Payload { kind: spot.at.kind, bytes: bytes.into() }))
    }
}

fn tmp_error(path: &Path, digest: &Digest, source: io::Error) -> AccessError {
    let place = path.display().to_string();
    storage_error("write", digest, backend::Error::Io { verb: "write a pack", place, source })
}

impl ObjectRead for Writer {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        if let Some(payload) = self.packs.nodes().get(digest) {
            return Ok(payload);
        }
        match self.read_own(digest)? {
            Some(payload) => Ok(payload),
            None => self.packs.read_object(digest),
        }
    }

    fn lineage(&self, id: CommitId) -> Option<Lineage> {
        self.packs.lineage(id)
    }

    fn let_go(&self) -> Option<NodeId> {
        self.packs.let_go()
    }

    fn learn(&self, commits: &[(CommitId, Lineage)]) {
        self.packs.learn(commits);
    }
}

impl ObjectWrite for Writer {
    fn write_object(&self, kind: ObjectKind, digest: &Digest, bytes: &[u8]) -> Result<(), AccessError> {
        let len = u32::try_from(bytes.len()).ok().filter(|len| *len <= super::MAX_OBJECT);
        let too_large =
            || tmp_error(self.tmp.dir(), digest, io::Error::other("an object of more than 1 GiB"));
        let len = len.ok_or_else(too_large)?;
        match codec::compress(bytes) {
            Some(stored) => self.append(kind, digest, len, Codec::Zstd, &stored),
            None => self.append(kind, digest, len, Codec::Raw, bytes),
        }?;
        self.packs.nodes().keep(kind, digest, bytes);
        Ok(())
    }

    fn has_object(&self, digest: &Digest) -> Result<bool, AccessError> {
        Ok(self.find(digest)?.is_some())
    }
}
