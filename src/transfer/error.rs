//! What can go wrong between two stores.

use std::io;

use super::push::Refusal;
use crate::content;
use crate::fault::{Cause, Kind, fault, is_full};
use crate::history;
use crate::integrate;
use crate::ledger;
use crate::object::{
    AccessError, BlobId, BranchName, CommitId, Digest, ObjectKind, RemoteName, RepoName, codec,
};
use crate::pipeline;
use crate::store;
use crate::tree;

/// A failed transfer. No name has moved.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The bytes that came are not those that were asked for.
    #[error("the {kind} {digest:.12} that was sent is not what its id says")]
    Altered { kind: ObjectKind, digest: Digest },
    /// No vds writes so large an object.
    #[error("the {kind} {digest:.12} that was sent is larger than any that vds makes")]
    TooLarge { kind: ObjectKind, digest: Digest },
    /// A list of chunks is not that of the file whose id it has.
    #[error("the list of chunks that was sent for the file {blob:.12} is refused")]
    List { blob: BlobId, source: Cause },
    /// Something is wrong with a commit.
    #[error("{reason}")]
    Wrong { reason: String },
    /// A commit is not one that may be kept.
    #[error("the commit {commit:.12} that was sent is refused")]
    Illegal { commit: CommitId, source: Cause },
    /// A name does not stand where it was said to.
    #[error("{repo}@{name} in {place} was moved by somebody else in the meantime")]
    Moved { repo: RepoName, name: String, place: String },
    /// Others kept changing the store.
    #[error("the store {place} was changed by somebody else in the meantime")]
    Contended { place: String },
    /// Two branches went apart.
    #[error("{repo}@{branch} and {remote}/{branch} have gone apart")]
    Diverged { repo: RepoName, branch: BranchName, remote: RemoteName },
    /// A push was not let in.
    #[error("nothing was pushed: {}", .refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rejected { remote: RemoteName, refusals: Vec<Refusal> },
    /// There is something where a store is to be made.
    #[error("{place} is not empty")]
    NotEmpty { place: String },
    /// A place on the way cannot be used.
    #[error("cannot {verb} {place}")]
    Io { verb: &'static str, place: String, source: io::Error },
    /// A path that cannot be kept as text.
    #[error("the path {place:?} is not UTF-8")]
    NotText { place: String },
    /// The fact about a remote has a form that this release does not know.
    #[error("cannot read the fact about the remote {name}")]
    Fact { name: String, source: codec::Error },
    /// Nothing was named, and nothing is known that could be meant.
    #[error("no repo was named, and none is known to be here and in {remote}")]
    Nothing { remote: RemoteName },
    /// The commit is not there.
    #[error("{place} does not have the commit {commit:.12}")]
    NoCommit { commit: CommitId, place: String },
    /// The other store is not where it was.
    #[error("the remote {remote} is away: there is no store at {place}")]
    Away { remote: RemoteName, place: String },
    /// What is copied is damaged where it comes from.
    #[error("the store {place} cannot be copied")]
    Source { place: String, source: Cause },
    /// No remote has this name.
    #[error("there is no remote {name}")]
    UnknownRemote { name: RemoteName, nearest: Vec<String> },
    /// A remote has this name already.
    #[error("there is a remote {name} already, {place}")]
    RemoteExists { name: RemoteName, place: String },
    /// A store was named as its own remote.
    #[error("{place} is this store itself")]
    Itself { place: String },
    /// The other side has no such repo.
    #[error("{place} has no repo {repo}")]
    NoRepo { repo: RepoName, place: String, nearest: Vec<String> },
    /// The other side has no such branch or tag.
    #[error("{repo} in {place} has no branch or tag {name}")]
    NoName { repo: RepoName, name: String, place: String, nearest: Vec<String> },
    /// A store failed to open.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A merge failed.
    #[error(transparent)]
    Integrate(#[from] integrate::Error),
    /// Pipelines failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// Contents failed.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
}

fn did_you_mean(nearest: &[String], otherwise: &str) -> String {
    if nearest.is_empty() { otherwise.to_owned() } else { format!("did you mean {}?", nearest.join(" or ")) }
}

fault! {
    Error passes on Store, History, Integrate, Pipeline, Ledger, Tree, Content, Object;
    kind {
        Self::Altered { .. }
        | Self::TooLarge { .. }
        | Self::List { .. }
        | Self::Wrong { .. }
        | Self::Illegal { .. } => Kind::Damaged,
        Self::Moved { .. } | Self::Contended { .. } => Kind::Busy,
        Self::Diverged { .. } | Self::Rejected { .. } => Kind::Refused,
        Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Kind::NotFound,
        Self::Io { .. } => Kind::Io,
        Self::Fact { .. } => Kind::Damaged,
        Self::Source { source, .. } => source.kind(),
        Self::Away { .. }
        | Self::NoCommit { .. }
        | Self::UnknownRemote { .. }
        | Self::NoRepo { .. }
        | Self::NoName { .. } => Kind::NotFound,
        Self::RemoteExists { .. }
        | Self::Itself { .. }
        | Self::NotEmpty { .. }
        | Self::NotText { .. }
        | Self::Nothing { .. } => Kind::Usage,
    }
    hint {
        Self::Altered { .. }
        | Self::TooLarge { .. }
        | Self::List { .. }
        | Self::Wrong { .. }
        | Self::Illegal { .. } => {
            Some("where it comes from is damaged, or was made to mislead; nothing here has changed".to_owned())
        }
        Self::Moved { .. } => Some("`vds fetch` shows where it stands now; nothing was changed".to_owned()),
        Self::Contended { .. } => Some("try again; nothing was changed".to_owned()),
        Self::Diverged { repo, branch, remote } => Some(format!(
            "`vds log {repo}@{branch}..{remote}/{branch}` shows what is new there; without --ff-only it is merged"
        )),
        Self::Rejected { refusals, remote } => refusals.first().map(|refusal| refusal.hint(remote)),
        Self::NotEmpty { .. } => Some("name a directory that is not there yet, or an empty one".to_owned()),
        Self::NotText { .. } => Some("name a place whose path is UTF-8".to_owned()),
        Self::Io { source, .. } if is_full(source) => Some("free some space and try again".to_owned()),
        Self::Io { .. } => Some("choose another place".to_owned()),
        Self::Fact { .. } => Some("a later vds may have written it: use that one".to_owned()),
        Self::Nothing { remote } => {
            Some(format!("name what you mean, as in `vds fetch {remote} REPO` and `vds push {remote} REPO`; `vds fetch {remote} --all` takes all that there is. A repo that was renamed on one side is another one to the other"))
        }
        Self::NoCommit { .. } => Some("send it first".to_owned()),
        Self::Source { source, .. } => source.hint(),
        Self::Away { remote, .. } => Some(format!(
            "bring it back (a disk that is not mounted?), or `vds remote set-url {remote} PATH` says where it is now"
        )),
        Self::UnknownRemote { name, nearest } => {
            Some(did_you_mean(nearest, &format!("`vds remote list` shows what there is; `vds remote add {name} PATH` adds it")))
        }
        Self::RemoteExists { name, .. } => Some(format!("choose another name, or `vds remote remove {name}` first")),
        Self::Itself { .. } => Some("name another store".to_owned()),
        Self::NoRepo { nearest, place, .. } => {
            Some(did_you_mean(nearest, &format!("`vds --store {place} repo list` shows what there is")))
        }
        Self::NoName { nearest, place, repo, .. } => {
            Some(did_you_mean(nearest, &format!("`vds --store {place} repo show {repo}` shows what there is")))
        }
    }
}
