//! Keeping a file's content.

use std::io::{self, Read};

use fastcdc::v2020::{Error as CutError, StreamCDC};
use rayon::prelude::*;

use super::manifest::{Manifest, Piece};
use super::{CHUNK_AVERAGE, CHUNK_MAX, CHUNK_MIN, Error, SMALL};
use crate::object::{BlobId, Digest, ObjectKind, ObjectWrite};

/// How many chunks of one large file are hashed and compressed at a time: about 4 MiB in memory.
const BATCH: usize = 64;

/// A content that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub blob: BlobId,
    /// Its length in bytes.
    pub size: u64,
    /// How many of its bytes the store did not have before.
    pub new_bytes: u64,
}

/// Keeps these bytes.
pub fn keep_bytes(sink: &dyn ObjectWrite, bytes: &[u8]) -> Result<Kept, Error> {
    if bytes.len() as u64 > SMALL { keep_large(sink, bytes) } else { keep_small(sink, bytes) }
}

/// Keeps everything that `source` gives, however much that is. Memory stays bounded.
pub fn keep(sink: &dyn ObjectWrite, mut source: impl Read) -> Result<Kept, Error> {
    let mut head = Vec::new();
    source.by_ref().take(SMALL + 1).read_to_end(&mut head).map_err(|source| Error::Source { source })?;
    if head.len() as u64 > SMALL { keep_large(sink, head.chain(source)) } else { keep_small(sink, &head) }
}

fn keep_small(sink: &dyn ObjectWrite, bytes: &[u8]) -> Result<Kept, Error> {
    let digest = Digest::of(bytes);
    let new_bytes = keep_chunk(sink, &digest, bytes)?;
    Ok(Kept { blob: BlobId::new(digest), size: bytes.len() as u64, new_bytes })
}

/// Writes the chunk unless it is there, and returns how many bytes were new.
fn keep_chunk(sink: &dyn ObjectWrite, digest: &Digest, bytes: &[u8]) -> Result<u64, Error> {
    if sink.has_object(digest)? {
        return Ok(0);
    }
    sink.write_object(ObjectKind::Chunk, digest, bytes)?;
    Ok(bytes.len() as u64)
}

fn keep_large(sink: &dyn ObjectWrite, source: impl Read) -> Result<Kept, Error> {
    let mut whole = blake3::Hasher::new();
    let mut manifest = Manifest::default();
    let mut new_bytes = 0;
    let mut cuts = StreamCDC::new(source, CHUNK_MIN as usize, CHUNK_AVERAGE as usize, CHUNK_MAX as usize);
    loop {
        let batch = cuts.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>().map_err(cut_error)?;
        if batch.is_empty() {
            break;
        }
        for chunk in &batch {
            whole.update(&chunk.data);
        }
        let kept = batch
            .par_iter()
            .map(|chunk| {
                let digest = Digest::of(&chunk.data);
                let new = keep_chunk(sink, &digest, &chunk.data)?;
                Ok((Piece { chunk: digest, len: u32::try_from(chunk.data.len()).unwrap_or(u32::MAX) }, new))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        new_bytes += kept.iter().map(|(_, new)| new).sum::<u64>();
        manifest.pieces.extend(kept.iter().map(|(piece, _)| piece));
    }
    let digest = Digest::from_bytes(*whole.finalize().as_bytes());
    // A single chunk is the whole file, and was kept under the file's own id.
    if manifest.pieces.len() > 1 && !sink.has_object(&digest)? {
        sink.write_object(ObjectKind::Manifest, &digest, &manifest.to_bytes())?;
    }
    Ok(Kept { blob: BlobId::new(digest), size: manifest.len(), new_bytes })
}

fn cut_error(error: CutError) -> Error {
    let source = match error {
        CutError::IoError(source) => source,
        other => io::Error::other(other.to_string()),
    };
    Error::Source { source }
}
