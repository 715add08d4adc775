//! The bytes of a bundle that are not objects: how it begins and ends, what it is of, and what stands before each object.

use serde::{Deserialize, Serialize};

use crate::object::{BranchName, CommitId, Digest, ObjectKind, RepoName, TagName, codec};
use crate::pack::Codec;
use crate::transfer::{self, Names};

/// What every bundle of every version begins with; then comes the version.
pub(super) const MAGIC: &[u8; 7] = b"vdsbndl";

/// The version that this release writes.
pub(super) const VERSION: u8 = 1;

/// How many bytes stand before the first object.
pub(super) const START: u64 = 8;

/// How many bytes stand before each object: digest (32), kind (u8), codec (u8), stored length (u32), length (u32).
pub(super) const LABEL: usize = 42;

/// The last bytes: where the head begins (u64), the number of objects (u64), the BLAKE3 of all bytes before it.
pub(super) const TRAILER: usize = 48;

/// What a bundle is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The commits that it goes on from, which whoever takes it must have; in ascending order.
    pub needs: Vec<CommitId>,
    /// The repos with the names that it has, in ascending order.
    pub repos: Vec<Repo>,
}

/// A repo in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Its name.
    pub name: RepoName,
    /// What it is for.
    pub description: String,
    /// Its branches with their heads, in ascending order.
    pub branches: Vec<(BranchName, CommitId)>,
    /// Its tags with their commits, in ascending order.
    pub tags: Vec<(TagName, CommitId)>,
}

impl Head {
    /// Everything that has a name in it, repo by repo.
    pub fn names(&self) -> impl Iterator<Item = Names> {
        self.repos.iter().cloned().map(|Repo { name, description, branches, tags }| Names {
            repo: name,
            description,
            output_of: None,
            branches,
            tags,
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, codec::Error> {
        codec::encode(VERSION, self)
    }

    /// The head in these bytes; `None` if they are not exactly one, or a name is there twice.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let head: Self = codec::decode(VERSION, bytes).ok()?;
        let in_order = head.needs.is_sorted_by(|a, b| a < b)
            && head.repos.is_sorted_by(|a, b| a.name < b.name)
            && head.repos.iter().all(|repo| {
                let is_tag = |name: &str| repo.tags.iter().any(|(tag, _)| tag.as_str() == name);
                repo.branches.is_sorted_by(|a, b| a.0 < b.0)
                    && repo.tags.is_sorted_by(|a, b| a.0 < b.0)
                    && !repo.branches.iter().any(|(branch, _)| is_tag(branch.as_str()))
            });
        in_order.then_some(head)
    }
}

/// What stands before an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) digest: Digest,
    pub(super) kind: ObjectKind,
    pub(super) codec: Codec,
    /// How many bytes follow.
    pub(super) stored: u32,
    /// How many bytes the object has.
    pub(super) len: u32,
}

impl Label {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = self.digest.as_bytes().to_vec();
        out.extend([self.kind as u8, self.codec as u8]);
        out.extend(self.stored.to_le_bytes());
        out.extend(self.len.to_le_bytes());
        out
    }

    /// The label in these bytes, if it is one that a bundle may have: within the limits of its kind, shorter if compressed, and
    /// a list of chunks, which may be long, not compressed at all.
    pub(super) fn from_bytes(bytes: [u8; LABEL]) -> Option<Self> {
        let (digest, rest) = bytes.split_first_chunk::<32>()?;
        let ([kind, codec], rest) = rest.split_first_chunk::<2>()?;
        let (stored, rest) = rest.split_first_chunk::<4>()?;
        let (stored, len) = (u32::from_le_bytes(*stored), u32::from_le_bytes(rest.try_into().ok()?));
        let digest = Digest::from_bytes(*digest);
        let (kind, codec) = (ObjectKind::from_number(*kind)?, Codec::from_number(*codec)?);
        let sound = match codec {
            Codec::Raw => stored == len,
            Codec::Zstd => stored < len && kind != ObjectKind::Manifest,
        };
        (sound && u64::from(len) <= transfer::limit(kind)).then_some(Self {
            digest,
            kind,
            codec,
            stored,
            len,
        })
    }
}

/// The last bytes of a bundle but for its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trailer {
    /// Where the head begins, and the objects end.
    pub(super) head: u64,
    pub(super) objects: u64,
}

impl Trailer {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.head.to_le_bytes(), self.objects.to_le_bytes()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8; 16]) -> Option<Self> {
        let (head, objects) = bytes.split_first_chunk::<8>()?;
        let objects = u64::from_le_bytes(objects.try_into().ok()?);
        Some(Self { head: u64::from_le_bytes(*head), objects })
    }
}
