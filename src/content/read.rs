//! Reading a file's content back, verified.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::vec;

use super::manifest::{Manifest, Piece};
use super::{CHUNK_MAX, Error};
use crate::object::access::read_hashed;
use crate::object::{BlobId, Digest, ObjectKind, ObjectRead};

/// A content, a chunk at a time. What it yields has been checked: each chunk against its id, and the whole against
/// the blob's id before the last chunk is handed out.
#[derive(Debug)]
pub struct Reader<'a> {
    source: &'a dyn ObjectRead,
    blob: BlobId,
    rest: Rest,
    hasher: blake3::Hasher,
    failed: bool,
}

#[derive(Debug)]
enum Rest {
    Whole(Option<Arc<[u8]>>),
    Pieces(vec::IntoIter<Piece>),
}

/// Opens the content of `blob` for reading.
pub fn open(source: &dyn ObjectRead, blob: BlobId) -> Result<Reader<'_>, Error> {
    let payload = source.read_object(blob.digest())?;
    let rest = match payload.kind {
        ObjectKind::Manifest => {
            let manifest = Manifest::from_bytes(&payload.bytes).ok_or_else(|| Error::Damaged {
                blob,
                reason: "its list of chunks is malformed".to_owned(),
            })?;
            Rest::Pieces(manifest.pieces.into_iter())
        }
        _ => Rest::Whole(Some(payload.bytes)),
    };
    Ok(Reader { source, blob, rest, hasher: blake3::Hasher::new(), failed: false })
}

/// The list of chunks that is kept under `blob`; an error if there is none.
pub fn manifest(source: &dyn ObjectRead, blob: BlobId) -> Result<Manifest, Error> {
    let payload = source.read_object(blob.digest())?;
    let listed =
        (payload.kind == ObjectKind::Manifest).then(|| Manifest::from_bytes(&payload.bytes)).flatten();
    listed.ok_or_else(|| Error::Damaged { blob, reason: "its list of chunks is malformed".to_owned() })
}

/// The whole content of `blob`, in memory.
pub fn load(source: &dyn ObjectRead, blob: BlobId) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for part in open(source, blob)? {
        bytes.extend_from_slice(&part?);
    }
    Ok(bytes)
}

/// Writes the whole content of `blob` to `target`.
pub fn copy(source: &dyn ObjectRead, blob: BlobId, mut target: impl Write) -> Result<(), Error> {
    for part in open(source, blob)? {
        target.write_all(&part?).map_err(|source| Error::Target { blob, source })?;
    }
    Ok(())
}

/// An error unless the chunks that `manifest` lists are there and add up to `blob`. Reads them all.
pub fn check(source: &dyn ObjectRead, blob: BlobId, manifest: Manifest) -> Result<(), Error> {
    let [few, size] = [
        manifest.pieces.len() < 2,
        manifest.pieces.iter().any(|piece| !(1..=CHUNK_MAX).contains(&piece.len)),
    ];
    if few || size {
        let reason = "its list of chunks is not one that a file has".to_owned();
        return Err(Error::Damaged { blob, reason });
    }
    let rest = Rest::Pieces(manifest.pieces.into_iter());
    let mut parts = Reader { source, blob, rest, hasher: blake3::Hasher::new(), failed: false };
    parts.try_for_each(|part| part.map(drop))
}

impl Reader<'_> {
    fn piece(&mut self, piece: Piece, last: bool) -> Result<Arc<[u8]>, Error> {
        let bytes = read_hashed(self.source, &piece.chunk)?.bytes;
        if bytes.len() as u64 != u64::from(piece.len) {
            return Err(self.damaged("a chunk has another length than its list says"));
        }
        self.hasher.update(&bytes);
        let whole = !last || Digest::from_bytes(*self.hasher.finalize().as_bytes()) == *self.blob.digest();
        if whole { Ok(bytes) } else { Err(self.damaged("its chunks do not add up to it")) }
    }

    fn damaged(&self, reason: &str) -> Error {
        Error::Damaged { blob: self.blob, reason: reason.to_owned() }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Arc<[u8]>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let (piece, last) = match &mut self.rest {
            Rest::Whole(bytes) => return bytes.take().map(Ok),
            Rest::Pieces(pieces) => (pieces.next()?, pieces.as_slice().is_empty()),
        };
        let part = self.piece(piece, last);
        self.failed = part.is_err();
        Some(part)
    }
}

/// A [`Reader`] as a byte stream, for those who want [`Read`].
#[derive(Debug)]
pub struct Stream<'a> {
    parts: Reader<'a>,
    part: Arc<[u8]>,
    at: usize,
}

impl<'a> From<Reader<'a>> for Stream<'a> {
    fn from(parts: Reader<'a>) -> Self {
        Self { parts, part: Arc::from([]), at: 0 }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            match self.parts.next() {
                None => return Ok(0),
                Some(part) => self.part = part.map_err(io::Error::other)?,
            }
            self.at = 0;
        }
        let read = self.part.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SMALL, keep, keep_bytes};
    use super::*;
    use crate::object::ObjectWrite;
    use crate::object::access::memory::Objects;

    /// Bytes that look random and are the same every time.
    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new_derive_key("test noise")
            .update(&seed.to_le_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    }

    #[test]
    fn what_was_kept_is_read_back_under_the_hash_of_the_whole() {
        let limit = usize::try_from(SMALL).unwrap();
        for len in [0, 1, limit - 1, limit, limit + 1, 10 * limit, 3_000_000] {
            let objects = Objects::default();
            let bytes = noise(len, 1);
            let kept = keep(&objects, &bytes[..]).unwrap();
            assert_eq!((kept.blob, kept.size), (BlobId::of(&bytes), len as u64));
            assert_eq!(kept, keep_bytes(&Objects::default(), &bytes).unwrap());
            assert_eq!(load(&objects, kept.blob).unwrap(), bytes);
            let mut streamed = Vec::new();
            Stream::from(open(&objects, kept.blob).unwrap()).read_to_end(&mut streamed).unwrap();
            assert_eq!(streamed, bytes);
            assert_eq!(keep_bytes(&objects, &bytes).unwrap().new_bytes, 0);
        }
    }

    #[test]
    fn an_insertion_in_a_large_file_costs_a_few_chunks() {
        let objects = Objects::default();
        let mut bytes = noise(8 << 20, 2);
        keep_bytes(&objects, &bytes).unwrap();
        bytes.splice(4_000_000..4_000_000, *b"a line more\n");
        let kept = keep_bytes(&objects, &bytes).unwrap();
        assert!(kept.new_bytes < 600 << 10, "{} bytes new", kept.new_bytes);
    }

    #[test]
    fn cut_points_are_part_of_the_format() {
        let objects = Objects::default();
        let bytes = noise(1 << 20, 3);
        let kept = keep_bytes(&objects, &bytes).unwrap();
        let manifest = objects.read_object(kept.blob.digest()).unwrap();
        let lengths: Vec<u32> =
            Manifest::from_bytes(&manifest.bytes).unwrap().pieces.iter().map(|p| p.len).collect();
        assert_eq!(format!("{lengths:?}"), include_str!("golden/cuts-v1.txt").trim());
    }

    #[test]
    fn a_list_of_the_wrong_chunks_is_noticed() {
        let objects = Objects::default();
        let bytes = noise(1 << 20, 4);
        let right = keep_bytes(&objects, &bytes).unwrap();
        let list = objects.read_object(right.blob.digest()).unwrap();
        let mut manifest = Manifest::from_bytes(&list.bytes).unwrap();
        manifest.pieces.swap(0, 1);
        let wrong = BlobId::of(b"another");
        objects.write_object(ObjectKind::Manifest, wrong.digest(), &manifest.to_bytes()).unwrap();
        assert!(matches!(load(&objects, wrong), Err(Error::Damaged { .. })));
    }

    #[test]
    fn a_list_cannot_pass_for_a_chunk() {
        let objects = Objects::default();
        let first = keep_bytes(&objects, &noise(1 << 20, 5)).unwrap();
        let list = objects.read_object(first.blob.digest()).unwrap().bytes;
        // Its length fits, and its own checksum holds.
        let len = u32::try_from(list.len()).unwrap();
        let manifest = Manifest { pieces: vec![Piece { chunk: *first.blob.digest(), len }; 2] };
        let outer = BlobId::of(b"another");
        objects.write_object(ObjectKind::Manifest, outer.digest(), &manifest.to_bytes()).unwrap();
        assert!(matches!(open(&objects, outer).unwrap().next(), Some(Err(Error::Object(_)))));
    }
}
