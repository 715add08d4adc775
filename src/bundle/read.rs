//! Reading a bundle: whole, or not at all.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::format::{Head, LABEL, Label, MAGIC, START, THINNED, TRAILER, Trailer, WHOLE};
use crate::history::LetGo;
use crate::object::codec::MAX_RECORD;
use crate::object::{CommitId, ObjectKind};
use crate::pack::{self, Packs};
use crate::progress::{Amount, Progress};
use crate::transfer::{Delivery, Parcel};

/// How many objects are handed on at a time: records of commits whose files were let go are many and small.
const TOGETHER: usize = 4096;

/// How many bytes of objects are handed on at a time.
const BYTES_TOGETHER: usize = 16 << 20;

/// A bundle that is as it was written, as its checksum says. Of what is in it nothing has been looked at.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    file: File,
    trailer: Trailer,
    /// What it is of.
    pub head: Head,
}

impl Bundle {
    /// Opens a bundle, and reads it once to see that it is whole.
    pub fn open(path: &Path, progress: &dyn Progress) -> Result<Self, Error> {
        let fail = |source| Error::Io { verb: "read", path: path.to_owned(), source };
        let mut file = File::open(path).map_err(fail)?;
        let len = file.metadata().map_err(fail)?.len();
        let version = match version(&mut file).map_err(fail)? {
            None => return Err(Error::NotABundle { path: path.to_owned() }),
            Some(version @ (WHOLE | THINNED)) => version,
            Some(found) => return Err(Error::TooNew { path: path.to_owned(), found }),
        };
        progress.begin("checking", Amount::Bytes(Some(len)));
        let checked = check(&mut file, len, progress).map_err(fail);
        progress.end();
        let damaged = |reason| Error::Damaged { path: path.to_owned(), reason };
        let trailer = checked?
            .ok_or_else(|| damaged("it is cut short, or its bytes are not those that were written"))?;
        let head = head(&mut file, version, trailer, len).map_err(fail)?;
        let head = head.ok_or_else(|| damaged("it does not say what it is of"))?;
        Ok(Self { path: path.to_owned(), file, trailer, head })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many objects it has.
    pub fn objects(&self) -> u64 {
        self.trailer.objects
    }

    /// The commits that it goes on from and that are not in `packs`.
    pub fn missing(&self, packs: Option<&Packs>) -> Result<Vec<CommitId>, Error> {
        let mut missing = Vec::new();
        for id in &self.head.needs {
            let found = packs.map_or(Ok(None), |packs| packs.find(id.digest()))?;
            if found.is_none_or(|found| found.at.kind != ObjectKind::Commit) {
                missing.push(*id);
            }
        }
        Ok(missing)
    }

    /// Hands on all objects, in their order.
    pub fn send(&self, to: &mut dyn Delivery, progress: &dyn Progress) -> Result<(), Error> {
        progress.begin("taking", Amount::Bytes(Some(self.trailer.head)));
        let sent = self.send_all(to, progress);
        progress.end();
        sent
    }

    fn send_all(&self, to: &mut dyn Delivery, progress: &dyn Progress) -> Result<(), Error> {
        let fail = |source| Error::Io { verb: "read", path: self.path.clone(), source };
        for (gone, commits) in &self.head.thinned {
            let told: Vec<(CommitId, LetGo)> = commits.iter().map(|id| (*id, gone.clone())).collect();
            to.let_go(&told)?;
        }
        if let Some(gone) = &self.head.results {
            to.let_go_results(gone)?;
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(START)).map_err(fail)?;
        let mut rest = BufReader::with_capacity(1 << 20, file).take(self.trailer.head.saturating_sub(START));
        let (mut parcels, mut bytes) = (Vec::new(), 0);
        for _ in 0..self.trailer.objects {
            let parcel = self.next(&mut rest)?;
            bytes += parcel.bytes.len();
            parcels.push(parcel);
            if parcels.len() >= TOGETHER || bytes >= BYTES_TOGETHER {
                to.put(&parcels)?;
                progress.advance(bytes as u64);
                (parcels, bytes) = (Vec::new(), 0);
            }
        }
        to.put(&parcels)?;
        if rest.limit() > 0 {
            return Err(self.damaged("something follows its last object"));
        }
        let named = self.head.names().flat_map(|names| names.commits().collect::<Vec<_>>());
        let thinned = self.head.thinned.iter().flat_map(|(_, commits)| commits.iter().copied());
        for id in named.chain(thinned) {
            if to.have(&[*id.digest()])?.first() != Some(&Some(ObjectKind::Commit)) {
                return Err(self.damaged("it names a commit that it does not have"));
            }
        }
        Ok(())
    }

    /// The next object. Nothing is allocated beyond what is read and the limit of its kind.
    fn next(&self, rest: &mut impl Read) -> Result<Parcel, Error> {
        let fail = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("an object is cut short"),
            _ => Error::Io { verb: "read", path: self.path.clone(), source },
        };
        let mut label = [0; LABEL];
        rest.read_exact(&mut label).map_err(fail)?;
        let label =
            Label::from_bytes(label).ok_or_else(|| self.damaged("an object is not labelled as any is"))?;
        let mut stored = Vec::new();
        rest.take(label.stored.into()).read_to_end(&mut stored).map_err(fail)?;
        if stored.len() != label.stored as usize {
            return Err(self.damaged("an object is cut short"));
        }
        let bytes = pack::decompress(label.codec, stored, label.len as usize);
        let bytes = bytes.ok_or_else(|| self.damaged("an object does not decompress"))?;
        Ok(Parcel { digest: label.digest, kind: label.kind, bytes: bytes.into() })
    }

    fn damaged(&self, reason: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), reason }
    }
}

/// The version of the bundle that begins here, if it is one.
fn version(file: &mut File) -> io::Result<Option<u8>> {
    let mut start = Vec::new();
    file.take(START).read_to_end(&mut start)?;
    Ok(start.strip_prefix(MAGIC).and_then(|version| version.first().copied()))
}

/// How the file ends, if its checksum is right.
fn check(file: &mut File, len: u64, progress: &dyn Progress) -> io::Result<Option<Trailer>> {
    let Some(body) = len.checked_sub(TRAILER as u64).filter(|body| *body >= START) else { return Ok(None) };
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = blake3::Hasher::new();
    let mut rest = BufReader::with_capacity(1 << 20, &*file).take(body);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = rest.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        progress.advance(read as u64);
    }
    let mut trailer = [0; TRAILER];
    file.seek(SeekFrom::Start(body))?;
    if let Err(error) = file.read_exact(&mut trailer) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let Some((places, sum)) = trailer.split_first_chunk::<16>() else { return Ok(None) };
    hasher.update(places);
    let trailer = Trailer::from_bytes(places).filter(|_| hasher.finalize().as_bytes()[..] == *sum);
    Ok(trailer.filter(|trailer| (START..=body).contains(&trailer.head)))
}

fn head(file: &mut File, version: u8, trailer: Trailer, len: u64) -> io::Result<Option<Head>> {
    let size = len.saturating_sub(TRAILER as u64).saturating_sub(trailer.head);
    if size > MAX_RECORD + 1 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(trailer.head))?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    Ok(Head::from_bytes(version, &bytes))
}
