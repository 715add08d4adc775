//! How the rooms above reach stored objects without knowing where they lie.
//!
//! `tree` and `content` read and write through these two traits; `pack` implements them on packs, [`memory`] in
//! memory for tests.

use std::fmt;
use std::sync::Arc;

use super::commit::Lineage;
use super::digest::{CommitId, Digest, NodeId};
use crate::fault::{Cause, Fault, Kind};

/// What the bytes of an object are. The numbers are part of the pack format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ObjectKind {
    /// File bytes: a small file whole, or a piece of a large one.
    Chunk = 0,
    /// The list of chunks of a large file, kept under the file's blob id. The only object whose name is not the hash
    /// of its own bytes; it carries its own checksum.
    Manifest = 1,
    /// A node of a tree.
    Node = 2,
    /// A commit record.
    Commit = 3,
}

impl ObjectKind {
    /// The kind with this number in the pack format.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Chunk),
            1 => Some(Self::Manifest),
            2 => Some(Self::Node),
            3 => Some(Self::Commit),
            _ => None,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunk => "chunk",
            Self::Manifest => "chunk list",
            Self::Node => "tree node",
            Self::Commit => "commit",
        })
    }
}

/// An object as it was found: what it is, and its bytes, checked against its name.
#[derive(Debug, Clone)]
pub struct Payload {
    /// What the bytes are.
    pub kind: ObjectKind,
    /// The bytes, uncompressed.
    pub bytes: Arc<[u8]>,
}

/// An object could not be read or written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum AccessError {
    /// The store has never seen this object, or it was collected.
    #[error("object {digest} is missing")]
    Missing { digest: Digest },
    /// The bytes found are not what the name promises.
    #[error("object {digest} is damaged in {place}: {reason}")]
    Damaged { digest: Digest, place: String, reason: String },
    /// The place objects are kept in failed.
    #[error("cannot {verb} object {digest:.12}")]
    Storage { verb: &'static str, digest: Digest, source: Cause },
}

impl Fault for AccessError {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } | Self::Damaged { .. } => Kind::Damaged,
            Self::Storage { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Damaged { .. } => {
                Some("restore the store's packs/ directory from a backup; nothing was changed".to_owned())
            }
            Self::Storage { source, .. } => source.hint(),
        }
    }
}

/// Finds objects by digest.
///
/// # Contract
/// - The bytes returned hash to `digest` (a manifest's: match its own checksum); else it is an error, never data.
/// - An object once found stays found as long as something refers to it.
pub trait ObjectRead: fmt::Debug + Send + Sync {
    /// The object named `digest`.
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError>;

    /// What a commit comes from, if that is known without reading its record.
    fn lineage(&self, _id: CommitId) -> Option<Lineage> {
        None
    }

    /// The root of the table of commits whose files were let go, if there is one.
    fn let_go(&self) -> Option<NodeId> {
        None
    }

    /// Takes up what commits come from, as their records say, for later questions; what has no place for that forgets it.
    fn learn(&self, _commits: &[(CommitId, Lineage)]) {}
}

/// The object named `digest`, which must be named by the hash of its own bytes: a list of chunks, which is not, is refused.
/// Whoever wants anything but a file's content asks here, so that nobody can pass off a list as a node or a commit.
pub fn read_hashed(source: &dyn ObjectRead, digest: &Digest) -> Result<Payload, AccessError> {
    let payload = source.read_object(digest)?;
    if payload.kind == ObjectKind::Manifest {
        let (place, reason) = ("its pack".to_owned(), "it is a list of chunks".to_owned());
        return Err(AccessError::Damaged { digest: *digest, place, reason });
    }
    Ok(payload)
}

/// Keeps objects.
///
/// # Contract
/// - Kept twice is kept once.
/// - What was kept can be read back through the same value at once; it is durable only when the writer says so.
pub trait ObjectWrite: ObjectRead {
    /// Keeps `bytes` under `digest`, which the caller has computed.
    fn write_object(&self, kind: ObjectKind, digest: &Digest, bytes: &[u8]) -> Result<(), AccessError>;

    /// Whether the object is there already, so that the caller can spare itself the work of making it.
    fn has_object(&self, digest: &Digest) -> Result<bool, AccessError>;
}

/// Objects in memory, with counters: the fake that tests of the rooms above run on.
pub mod memory {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, PoisonError};

    use super::{AccessError, Digest, ObjectKind, ObjectRead, ObjectWrite, Payload};

    /// Objects in memory.
    #[derive(Debug, Default)]
    pub struct Objects {
        kept: Mutex<HashMap<Digest, Payload>>,
        reads: AtomicU64,
        writes: AtomicU64,
    }

    impl Objects {
        /// How many objects were read since the last call, and how many newly written.
        pub fn take_counts(&self) -> (u64, u64) {
            (self.reads.swap(0, Ordering::Relaxed), self.writes.swap(0, Ordering::Relaxed))
        }

        /// All objects.
        pub fn all(&self) -> Vec<(Digest, Payload)> {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().map(|(digest, payload)| (*digest, payload.clone())).collect()
        }
    }

    impl ObjectRead for Objects {
        fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(digest).cloned().ok_or(AccessError::Missing { digest: *digest })
        }
    }

    impl ObjectWrite for Objects {
        fn write_object(&self, kind: ObjectKind, digest: &Digest, bytes: &[u8]) -> Result<(), AccessError> {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry(*digest).or_insert_with(|| {
                self.writes.fetch_add(1, Ordering::Relaxed);
                Payload { kind, bytes: bytes.into() }
            });
            Ok(())
        }

        fn has_object(&self, digest: &Digest) -> Result<bool, AccessError> {
            Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest))
        }
    }
}
