//! The list of a large file's chunks.
//!
//! Layout: 32 bytes BLAKE3 of the rest; then `vds.chunks`, a version byte, the file's length (u64), the number of
//! chunks (u32), and for each chunk its digest (32 bytes) and length (u32). Integers are little-endian.

use crate::object::Digest;

const MAGIC: &[u8] = b"vds.chunks\x01";
const PIECE: usize = 36;

/// One chunk of a large file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The chunk.
    pub chunk: Digest,
    /// Its length in bytes.
    pub len: u32,
}

/// The chunks of a large file, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The chunks.
    pub pieces: Vec<Piece>,
}

impl Manifest {
    /// The file's length in bytes.
    pub fn len(&self) -> u64 {
        self.pieces.iter().map(|piece| u64::from(piece.len)).sum()
    }

    /// Whether the file is empty, which no manifest that was written is.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The stored form, with its checksum.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut rest = MAGIC.to_vec();
        rest.extend(self.len().to_le_bytes());
        rest.extend(u32::try_from(self.pieces.len()).unwrap_or(u32::MAX).to_le_bytes());
        for piece in &self.pieces {
            rest.extend(piece.chunk.as_bytes());
            rest.extend(piece.len.to_le_bytes());
        }
        [Digest::of(&rest).as_bytes().as_slice(), &rest].concat()
    }

    /// Reads the stored form; `None` if it is not exactly that.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sum, rest) = bytes.split_first_chunk::<32>()?;
        let body = rest.strip_prefix(MAGIC)?;
        let (len, body) = body.split_first_chunk::<8>()?;
        let (count, body) = body.split_first_chunk::<4>()?;
        let whole = Digest::of(rest).as_bytes() == sum
            && body.len() == usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(PIECE)?;
        let pieces = body.chunks_exact(PIECE).map(piece_from).collect::<Option<Vec<_>>>()?;
        let manifest = Self { pieces };
        (whole && manifest.len() == u64::from_le_bytes(*len)).then_some(manifest)
    }
}

fn piece_from(bytes: &[u8]) -> Option<Piece> {
    let (chunk, rest) = bytes.split_first_chunk::<32>()?;
    Some(Piece { chunk: Digest::from_bytes(*chunk), len: u32::from_le_bytes(rest.try_into().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_survives_and_damage_is_noticed() {
        let pieces =
            (0..3_u32).map(|n| Piece { chunk: Digest::of(&n.to_le_bytes()), len: n * 1000 + 1 }).collect();
        let manifest = Manifest { pieces };
        let bytes = manifest.to_bytes();
        assert_eq!(Manifest::from_bytes(&bytes), Some(manifest));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Manifest::from_bytes(&damaged), None, "byte {at}");
            assert_eq!(Manifest::from_bytes(&bytes[..at]), None, "cut at {at}");
        }
    }
}
