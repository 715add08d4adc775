//! What can go wrong with a workspace.

use std::io;
use std::path::PathBuf;

use crate::fault::{Kind, fault, some};
use crate::history;
use crate::marker;
use crate::object::{CommitId, PathError, RepoName, TreePath};
use crate::{checkout, ingest, scope, snapshot, tree};

/// A failed operation on a workspace.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Files hold what no commit has.
    #[error("{} would be lost: {}", counted(.paths.len()), some(.paths))]
    WouldLose { paths: Vec<String> },
    /// An earlier change of version has not come to its end.
    #[error("the way of this workspace to {} was interrupted", .to.map_or_else(|| "an empty branch".to_owned(), |id| format!("{id:.12}")))]
    Halfway { to: Option<CommitId>, name: String },
    /// Another process works in it.
    #[error("another vds is at work in {}", .dir.display())]
    Busy { dir: PathBuf },
    /// What was named lies elsewhere.
    #[error("{} is not in the workspace {}", .path.display(), .dir.display())]
    Outside { path: PathBuf, dir: PathBuf },
    /// Nothing has this name.
    #[error("{name} is neither in this workspace nor in {of}")]
    Nothing { name: String, of: String, nearest: Vec<String> },
    /// The name is that of something that is not the workspace's.
    #[error("this workspace does not hold {name}")]
    NotHeld { name: String, held: String, repo: RepoName },
    /// The file is one that is not to be committed.
    #[error("{path} is left out by {rule}")]
    LeftOut { path: TreePath, rule: ingest::Rule },
    /// The file is in no version.
    #[error("{path} is new here: there is no version of it to go back to")]
    New { path: TreePath },
    /// Its repo has another name now.
    #[error("the repo {was} of this workspace is called {now} now")]
    Renamed { was: RepoName, now: RepoName },
    /// Its repo is gone, whether or not another has its name.
    #[error("the repo {repo} of this workspace was deleted")]
    RepoGone { repo: RepoName },
    /// The directory is a workspace of something else.
    #[error("{} is a workspace of {of} already", .dir.display())]
    Other { dir: PathBuf, of: String },
    /// The directory has other things in it.
    #[error("{} is no workspace, and has other things in it: {name}", .dir.display())]
    Occupied { dir: PathBuf, name: String },
    /// The directory has another store.
    #[error("{} has a store of its own", .dir.display())]
    OtherStore { dir: PathBuf },
    /// The text is not a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The index could not be written.
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// The marker failed.
    #[error(transparent)]
    Marker(#[from] marker::Error),
    /// Files could not be written.
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    /// Files could not be read.
    #[error(transparent)]
    Ingest(#[from] ingest::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A choice of paths failed.
    #[error(transparent)]
    Scope(#[from] scope::Error),
    /// A snapshot failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// A tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
}

fn counted(count: usize) -> String {
    if count == 1 { "a local change".to_owned() } else { format!("{count} local changes") }
}

fault! {
    Error passes on Marker, Checkout, Ingest, History, Scope, Snapshot, Tree;
    kind {
        Self::WouldLose { .. } | Self::Halfway { .. } | Self::Occupied { .. } => Kind::Refused,
        Self::Busy { .. } => Kind::Busy,
        Self::Nothing { .. }
        | Self::NotHeld { .. }
        | Self::New { .. }
        | Self::Renamed { .. }
        | Self::RepoGone { .. } => Kind::NotFound,
        Self::Outside { .. }
        | Self::LeftOut { .. }
        | Self::Other { .. }
        | Self::OtherStore { .. }
        | Self::Path(_) => Kind::Usage,
        Self::Io { .. } => Kind::Io,
    }
    hint {
        Self::WouldLose { .. } => {
            Some("commit them, take them back with `vds restore PATH`, move new files away, or give --force; nothing was changed".to_owned())
        }
        Self::Halfway { name, .. } => Some(format!("`vds checkout {name}` goes on with it")),
        Self::Busy { .. } => Some("try again when it is done".to_owned()),
        Self::Outside { .. } => Some("name paths in the workspace".to_owned()),
        Self::Nothing { nearest, .. } if !nearest.is_empty() => {
            Some(format!("did you mean {}?", nearest.join(" or ")))
        }
        Self::Nothing { of, .. } => Some(format!("`vds ls -r {of}` shows what there is")),
        Self::NotHeld { held, repo, .. } => Some(format!(
            "it holds only {held}; `vds checkout {repo} --into DIR` makes one that holds everything"
        )),
        Self::LeftOut { .. } => Some(
            "take the line out of it; or name the repo too, as in `vds commit REPO PATH`, which takes any file".to_owned(),
        ),
        Self::New { .. } => Some("if it is not wanted, remove it".to_owned()),
        Self::Renamed { now, .. } => Some(format!("`vds checkout {now}` here takes the workspace along")),
        Self::RepoGone { .. } => Some(
            "the files are as they were; `vds op log` tells when it went, and `vds undo NUMBER` brings it back".to_owned(),
        ),
        Self::Other { .. } => {
            Some("use `vds switch` or `vds checkout REV` in it, or choose another directory".to_owned())
        }
        Self::Occupied { .. } => {
            Some("choose another directory; --force puts the files there all the same, --plain without making a workspace".to_owned())
        }
        Self::OtherStore { .. } => Some("choose another directory, or give --plain".to_owned()),
        Self::Path(_) => Some("paths are relative, without . and ..".to_owned()),
        Self::Io { .. } => Some("mend that and run the same command again".to_owned()),
    }
}
