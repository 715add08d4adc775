//! What a tree may hold.

use crate::object::{BlobId, Digest, Entry, FileKind};

/// A value in a tree. Its bytes are part of what is hashed, so they never change.
pub trait Value: Clone + PartialEq + Send + Sync {
    /// Appends the canonical bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads exactly the canonical bytes.
    fn decode(bytes: &[u8]) -> Option<Self>;

    /// What the value adds to the sum that inner nodes carry.
    fn weight(&self) -> u64;
}

/// A file: kind (u8), size (u64), blob id. Weighs its size.
impl Value for Entry {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        out.extend(self.size.to_le_bytes());
        out.extend(self.blob.digest().as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (size, blob) = rest.split_first_chunk::<8>()?;
        let blob = BlobId::new(Digest::from_bytes(blob.try_into().ok()?));
        Some(Self { kind: FileKind::from_number(*kind)?, blob, size: u64::from_le_bytes(*size) })
    }

    fn weight(&self) -> u64 {
        self.size
    }
}

/// Bytes that the tree need not understand. Weighs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

impl Value for Raw {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(&self.0);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.to_vec()))
    }

    fn weight(&self) -> u64 {
        0
    }
}
