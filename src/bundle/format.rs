//! The bytes of a bundle that are not objects: how it begins and ends, what it is of, and what stands before each object.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::history::LetGo;
use crate::object::{BranchName, CommitId, Digest, ObjectKind, RepoName, TagName, codec};
use crate::pack::Codec;
use crate::transfer::{self, Names};

/// What every bundle of every version begins with; then comes the version.
pub(super) const MAGIC: &[u8; 7] = b"vdsbndl";

/// The version of a bundle all of whose commits have their files and results.
pub(super) const WHOLE: u8 = 1;

/// The version of a bundle with commits whose files, or results, were let go.
pub(super) const THINNED: u8 = 2;

/// How many bytes stand before the first object.
pub(super) const START: u64 = 8;

/// How many bytes stand before each object: digest (32), kind (u8), codec (u8), stored length (u32), length (u32).
pub(super) const LABEL: usize = 42;

/// The last bytes: where the head begins (u64), the number of objects (u64), the BLAKE3 of all bytes before it.
pub(super) const TRAILER: usize = 48;

/// What a bundle is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The commits that it goes on from, which whoever takes it must have; in ascending order.
    pub needs: Vec<CommitId>,
    /// The repos with the names that it has, in ascending order.
    pub repos: Vec<Repo>,
    /// The commits of which it has only the records, by when their files were let go, and by which rules; all in ascending order.
    pub thinned: Vec<(LetGo, Vec<CommitId>)>,
    /// How the tables of results were let go that its commits name, if they were: then it has none of them.
    pub results: Option<LetGo>,
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

    /// The version that a bundle of this has.
    pub(super) fn version(&self) -> u8 {
        if self.thinned.is_empty() && self.results.is_none() { WHOLE } else { THINNED }
    }

    /// Of how many commits it has only the records.
    pub fn let_go(&self) -> u64 {
        self.thinned.iter().map(|(_, commits)| commits.len() as u64).sum()
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, codec::Error> {
        let Self { needs, repos, thinned, results } = self;
        match self.version() {
            WHOLE => codec::encode(WHOLE, &(needs, repos)),
            version => codec::encode(version, &(needs, repos, thinned, results)),
        }
    }

    /// The head in these bytes, of a bundle of this version; `None` if they are not exactly one, or a name is there twice.
    pub(super) fn from_bytes(version: u8, bytes: &[u8]) -> Option<Self> {
        let head = if version == WHOLE {
            let (needs, repos) = codec::decode(version, bytes).ok()?;
            Self { needs, repos, thinned: Vec::new(), results: None }
        } else {
            let (needs, repos, thinned, results) = codec::decode(version, bytes).ok()?;
            Self { needs, repos, thinned, results }
        };
        let is_legal = head.is_thinned_legal() && head.results.as_ref().is_none_or(LetGo::is_legal);
        (head.version() == version && head.is_in_order() && is_legal).then_some(head)
    }

    fn is_in_order(&self) -> bool {
        self.needs.is_sorted_by(|a, b| a < b)
            && self.repos.is_sorted_by(|a, b| a.name < b.name)
            && self.repos.iter().all(|repo| {
                let is_tag = |name: &str| repo.tags.iter().any(|(tag, _)| tag.as_str() == name);
                repo.branches.is_sorted_by(|a, b| a.0 < b.0)
                    && repo.tags.is_sorted_by(|a, b| a.0 < b.0)
                    && !repo.branches.iter().any(|(branch, _)| is_tag(branch.as_str()))
            })
    }

    /// No commit is there twice, and none that has a name.
    fn is_thinned_legal(&self) -> bool {
        let mut seen: HashSet<CommitId> =
            self.names().flat_map(|names| names.commits().collect::<Vec<_>>()).collect();
        self.thinned.is_sorted_by(|(a, _), (b, _)| (a.time, &a.rules) < (b.time, &b.rules))
            && self.thinned.iter().all(|(gone, commits)| {
                gone.is_legal()
                    && !commits.is_empty()
                    && commits.is_sorted_by(|a, b| a < b)
                    && commits.iter().all(|id| seen.insert(*id))
            })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_written_as_ever() {
        let id = CommitId::of(b"c");
        let digest: &[u8] = id.digest().as_bytes();
        let repo = Repo {
            name: "r".parse().unwrap(),
            description: "d".to_owned(),
            branches: vec![("main".parse().unwrap(), id)],
            tags: Vec::new(),
        };
        let whole = Head { needs: vec![id], repos: vec![repo], ..Head::default() };
        let number = |n: u8| [n, 0, 0, 0, 0, 0, 0, 0];
        let text = |text: &str| [&number(u8::try_from(text.len()).unwrap())[..], text.as_bytes()].concat();
        let names =
            [&number(1)[..], digest, &number(1), &text("r"), &text("d"), &number(1), &text("main"), digest];
        let names = [&names.concat()[..], &number(0)].concat();
        assert_eq!(whole.to_bytes().unwrap(), [&[1], &names[..]].concat());
        let gone = CommitId::of(b"gone");
        let told = LetGo { time: 5, rules: "x".to_owned() };
        let thinned = Head { thinned: vec![(told.clone(), vec![gone])], ..whole.clone() };
        let more = [&number(1)[..], &number(5), &text("x"), &number(1), gone.digest().as_bytes()].concat();
        assert_eq!(thinned.to_bytes().unwrap(), [&[2], &names[..], &more[..], &[0]].concat());
        let without = Head { results: Some(told), ..whole.clone() };
        let more = [&number(0)[..], &[1], &number(5), &text("x")].concat();
        assert_eq!(without.to_bytes().unwrap(), [&[2], &names[..], &more[..]].concat());
        for head in [whole, thinned, without] {
            let (version, bytes) = (head.version(), head.to_bytes().unwrap());
            assert_eq!(Head::from_bytes(3 - version, &bytes), None);
            assert_eq!(Head::from_bytes(version, &bytes), Some(head));
        }
    }
}
