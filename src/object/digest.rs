//! BLAKE3 digests, and identifiers that know what they identify.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A 256-bit BLAKE3 hash ("BLAKE3: one function, fast everywhere", 2020).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// A digest from its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = blake3::Hash::from_bytes(self.0).to_hex();
        match f.precision() {
            Some(digits) => f.write_str(hex.get(..digits).unwrap_or(&hex)),
            None => f.write_str(&hex),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:.12}")
    }
}

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of 64 hexadecimal digits")]
pub struct IdError {
    /// What was given.
    pub text: String,
}

impl FromStr for Digest {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let canonical = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match blake3::Hash::from_hex(text) {
            Ok(hash) if canonical => Ok(Self(*hash.as_bytes())),
            _ => Err(IdError { text: text.to_owned() }),
        }
    }
}

/// The name of a stored `T`: the hash of its canonical bytes. `{:.12}` prints the first 12 digits.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id<T>(Digest, #[serde(skip)] PhantomData<fn() -> T>);

/// Marks the id of a file's content.
#[derive(Debug, Clone, Copy)]
pub enum Blob {}
/// Marks the id of a tree node.
#[derive(Debug, Clone, Copy)]
pub enum NodeTag {}
/// Marks the id of a commit record.
#[derive(Debug, Clone, Copy)]
pub enum CommitTag {}

/// The BLAKE3 of a file's bytes, as `b3sum` prints it.
pub type BlobId = Id<Blob>;
/// The BLAKE3 of a tree node's canonical bytes. A root's id stands for the whole tree.
pub type NodeId = Id<NodeTag>;
/// The BLAKE3 of a commit record's canonical bytes.
pub type CommitId = Id<CommitTag>;

impl<T> Id<T> {
    /// The id with this digest.
    pub const fn new(digest: Digest) -> Self {
        Self(digest, PhantomData)
    }

    /// The id of the thing whose canonical bytes these are.
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(Digest::of(bytes))
    }

    /// The bare digest.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

// Derives would demand that `T` has each trait, though no `T` is ever held.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
impl<T> FromStr for Id<T> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_blob_is_what_b3sum_prints() {
        let empty = BlobId::of(b"");
        assert_eq!(empty.to_string(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(format!("{empty:.12}"), "af1349b9f5f9");
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        let id = BlobId::of(b"x");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "af13", &id.to_string().to_uppercase(), &format!("{id}0")] {
            assert!(text.parse::<BlobId>().is_err(), "{text}");
        }
    }
}
