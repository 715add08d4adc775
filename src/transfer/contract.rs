//! What the other end of a transfer promises.

use std::fmt;
use std::sync::Arc;

use super::error::Error;
use crate::history::{Author, LetGo};
use crate::object::{
    AccessError, BranchName, CommitId, Digest, NodeId, ObjectKind, ObjectRead, Payload, RepoName, TagName,
};

/// An object on its way.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Its id.
    pub digest: Digest,
    /// What it is.
    pub kind: ObjectKind,
    /// Its bytes, uncompressed.
    pub bytes: Arc<[u8]>,
}

/// A repo with the names that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The repo.
    pub repo: RepoName,
    /// What it is for.
    pub description: String,
    /// The pipeline and stage that write it, if it is a stage's output.
    pub output_of: Option<(String, String)>,
    /// Its branches with their heads, by name.
    pub branches: Vec<(BranchName, CommitId)>,
    /// Its tags with their commits, by name.
    pub tags: Vec<(TagName, CommitId)>,
}

/// A name that stands for a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A branch.
    Branch(BranchName),
    /// A tag.
    Tag(TagName),
}

impl Name {
    /// What it is, in a word.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Branch(_) => "branch",
            Self::Tag(_) => "tag",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => name.fmt(f),
            Self::Tag(name) => name.fmt(f),
        }
    }
}

impl Names {
    /// All names, each with its commit.
    pub fn all(&self) -> impl Iterator<Item = (Name, CommitId)> {
        let branches = self.branches.iter().map(|(name, id)| (Name::Branch(name.clone()), *id));
        branches.chain(self.tags.iter().map(|(name, id)| (Name::Tag(name.clone()), *id)))
    }

    /// The commits that have names.
    pub fn commits(&self) -> impl Iterator<Item = CommitId> {
        self.branches.iter().map(|(_, id)| *id).chain(self.tags.iter().map(|(_, id)| *id))
    }
}

/// A change of where a name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefMove {
    /// The repo, which is made if it is not there.
    pub repo: RepoName,
    /// What the repo is for, if it is made.
    pub description: String,
    /// The name.
    pub name: Name,
    /// Where it stands now; `None` is nowhere. A tag that stands somewhere is not moved.
    pub before: Option<CommitId>,
    /// Where it is to stand; `None` deletes it.
    pub after: Option<CommitId>,
}

/// Names that were moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// The number of the operation there; `None` when there was nothing to be moved.
    pub operation: Option<u64>,
    /// The stages whose jobs it queued there.
    pub queued: Vec<String>,
}

/// One end of a transfer: a store, here or elsewhere.
///
/// # Contract
/// - `names` are all repos, each once, by name, as they were at one moment. All commits in them can be read, with all that they
///   name.
/// - `read` gives the objects in the order of the ids, or fails; an object that is not there is [`AccessError::Missing`].
///   Who reads checks what he gets.
/// - What a delivery was given is found by every later one once it has been finished. Many may be open at once.
/// - `update` makes all moves in one step or none. It refuses moves in repos that a stage writes, and moves to commits that are
///   not there; where a name does not stand where it is said to, it fails with [`Error::Moved`].
pub trait Peer: fmt::Debug + Send + Sync {
    /// How a person names it.
    fn place(&self) -> String;

    /// What there is by name.
    fn names(&self) -> Result<Vec<Names>, Error>;

    /// The objects with these ids.
    fn read(&self, ids: &[Digest]) -> Result<Vec<Payload>, AccessError>;

    /// The root of the table of commits whose files were let go, if there is one. Of these only the records can be read.
    fn let_go(&self) -> Option<NodeId>;

    /// Opens a delivery, for who makes it.
    fn receive(&self, author: &Author) -> Result<Box<dyn Delivery + '_>, Error>;

    /// Moves names.
    fn update(&self, author: &Author, moves: &[RefMove]) -> Result<Updated, Error>;
}

/// Objects that are being received.
///
/// # Contract
/// - `have` knows all that is there and all that was put. A commit that is had is had with all that it names, unless
///   `has_files` says that its files were let go.
/// - `put` takes objects in any number; one that names others comes after them, in the same call or a later one. It refuses what
///   does not have the bytes that its id promises, and a commit of which something is missing or illegal; what came before stays.
/// - `let_go` comes before the first `put`. Of a commit that it tells of, and that is not there, only the record is put, and only the
///   commits that it follows must be there; whoever finds it there finds it told that its files were let go. A commit that is there
///   stays as it is. What cannot be told to a person is refused.
/// - `let_go_results` comes before the first `put`, too. From then on the tables of results that commits name need not be put, and whoever
///   finds a commit there finds it told that they were let go.
/// - What was put is there for good when `finish` has returned. A delivery that is dropped may leave some of it.
pub trait Delivery: fmt::Debug {
    /// For each id what kind of object it is, if it is there.
    fn have(&self, ids: &[Digest]) -> Result<Vec<Option<ObjectKind>>, Error>;

    /// Whether a commit that is there is there with its files.
    fn has_files(&self, commit: CommitId) -> Result<bool, Error>;

    /// Tells of which of the commits that come the files were let go, when, and by which rules.
    fn let_go(&mut self, gone: &[(CommitId, LetGo)]) -> Result<(), Error>;

    /// Tells that the commits come without the tables of results that they name, which were let go.
    fn let_go_results(&mut self, gone: &LetGo) -> Result<(), Error>;

    /// Takes objects.
    fn put(&mut self, parcels: &[Parcel]) -> Result<(), Error>;

    /// Makes everything that was put durable.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// The objects of a peer, one by one, for who walks along trees and histories.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objects<'a>(pub(super) &'a dyn Peer);

impl ObjectRead for Objects<'_> {
    fn read_object(&self, digest: &Digest) -> Result<Payload, AccessError> {
        let read = self.0.read(std::slice::from_ref(digest))?;
        let payload = read.into_iter().next().ok_or(AccessError::Missing { digest: *digest })?;
        // Lists of chunks are checked by who receives the file.
        if payload.kind == ObjectKind::Manifest || Digest::of(&payload.bytes) == *digest {
            return Ok(payload);
        }
        let reason = "its bytes do not match its name".to_owned();
        Err(AccessError::Damaged { digest: *digest, place: self.0.place(), reason })
    }

    fn let_go(&self) -> Option<NodeId> {
        self.0.let_go()
    }
}
