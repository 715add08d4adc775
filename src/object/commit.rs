//! The commit record: one immutable snapshot and where it came from.

use serde::{Deserialize, Serialize};

use super::codec;
use super::digest::{CommitId, Digest, NodeId};

/// The first bytes of every commit record, so that its id can never be that of another kind of object.
const MAGIC: &[u8] = b"vds.commit\0";

/// The version of the record that this release writes.
const VERSION: u8 = 1;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 1 << 20;

/// A snapshot of a file tree, with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The commits this one follows; the first is the branch it was made on.
    pub parents: Vec<CommitId>,
    /// The root of the tree.
    pub tree: NodeId,
    /// Who made it, as `Name <address>` or any other text.
    pub author: String,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// The author's distance from UTC, in minutes east.
    pub offset: i16,
    /// What the author says of it.
    pub message: String,
    /// One more than the largest generation among the parents; 1 for a first commit.
    pub generation: u64,
    /// For a stage's output: what made it, from what.
    pub provenance: Option<Provenance>,
}

/// What a commit comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// [`Commit::generation`].
    pub generation: u64,
    /// [`Commit::parents`].
    pub parents: Vec<CommitId>,
}

/// What made a stage's output, from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The run that the job belongs to.
    pub run: u64,
    /// The job that made this commit.
    pub job: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pipeline's version at that time.
    pub version: u64,
    /// The stage's name.
    pub stage: String,
    /// The hash of the stage's code: its kind, parameters, command line and declared files.
    pub code: Digest,
    /// What the stage read.
    pub inputs: Vec<InputCommit>,
    /// The root of the stage's private state.
    pub state: NodeId,
    /// The root of the table of datum results.
    pub results: NodeId,
}

/// One input of a job: a name in the stage, and the commit it stood for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputCommit {
    /// The input's name in the stage.
    pub name: String,
    /// The name of the repo it was read from. A name and not a number, so that it means the same in any store.
    pub repo: String,
    /// The branch it was read from.
    pub branch: String,
    /// The commit that was read.
    pub commit: CommitId,
}

impl Commit {
    /// The canonical bytes, whose hash is the id.
    pub fn to_bytes(&self) -> Result<Vec<u8>, codec::Error> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(codec::encode(VERSION, self)?);
        Ok(bytes)
    }

    /// The commit in these canonical bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, codec::Error> {
        codec::decode(VERSION, bytes.strip_prefix(MAGIC).ok_or(codec::Error::Empty)?)
    }

    /// The first line of the message.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Commit {
        Commit {
            parents: vec![CommitId::of(b"parent")],
            tree: NodeId::of(b"tree"),
            author: "Ann <ann@example.org>".to_owned(),
            time: 1_714_573_800_000,
            offset: 120,
            message: "day 1\n\nAll of it.".to_owned(),
            generation: 2,
            provenance: Some(Provenance {
                run: 3,
                job: 4,
                pipeline: "settlement".to_owned(),
                version: 1,
                stage: "bin".to_owned(),
                code: Digest::of(b"code"),
                inputs: vec![InputCommit {
                    name: "ticks".to_owned(),
                    repo: "desk/ticks".to_owned(),
                    branch: "main".to_owned(),
                    commit: CommitId::of(b"input"),
                }],
                state: NodeId::of(b"state"),
                results: NodeId::of(b"results"),
            }),
        }
    }

    #[test]
    fn the_bytes_of_a_commit_never_change() {
        let bytes = sample().to_bytes().unwrap();
        assert_eq!(Commit::from_bytes(&bytes).unwrap(), sample());
        assert_eq!(CommitId::of(&bytes).to_string(), include_str!("golden/commit-v1.id").trim());
        let text = bytes.escape_ascii().to_string();
        assert_eq!(text, include_str!("golden/commit-v1.txt").trim());
    }

    #[test]
    fn other_bytes_are_no_commit() {
        let bytes = sample().to_bytes().unwrap();
        assert!(Commit::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Commit::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Commit::from_bytes(b"").is_err());
        assert!(Commit::from_bytes(b"vds.commit\0\x02").is_err());
    }
}
