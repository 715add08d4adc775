//! What can go wrong with a workspace.

use std::io;
use std::path::PathBuf;

use crate::fault::{Kind, fault, some};
use crate::history;
use crate::marker;
use crate::object::{CommitId, PathError};
use crate::{checkout, ingest, snapshot, tree};

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
    Nothing { name: String, of: String },
    /// The directory is a workspace of something else.
    #[error("{} is a workspace of {of} already", .dir.display())]
    Other { dir: PathBuf, of: String },
    /// The directory has another store.
    #[error("{} has a store of its own", .dir.display())]
    OtherStore { dir: PathBuf },
    /// The text is not a pattern.
    #[error("{text:?} is not a pattern: {reason}")]
    Pattern { text: String, reason: String },
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
    Error passes on Marker, Checkout, Ingest, History, Snapshot, Tree;
    kind {
        Self::WouldLose { .. } | Self::Halfway { .. } => Kind::Refused,
        Self::Busy { .. } => Kind::Busy,
        Self::Nothing { .. } => Kind::NotFound,
        Self::Outside { .. }
        | Self::Other { .. }
        | Self::OtherStore { .. }
        | Self::Pattern { .. }
        | Self::Path(_) => Kind::Usage,
        Self::Io { .. } => Kind::Io,
    }
    hint {
        Self::WouldLose { .. } => {
            Some("commit them, take them back with `vds restore PATH`, or give --force; nothing was changed".to_owned())
        }
        Self::Halfway { name, .. } => Some(format!("`vds checkout {name}` goes on with it")),
        Self::Busy { .. } => Some("try again when it is done".to_owned()),
        Self::Outside { .. } => Some("name paths in the workspace".to_owned()),
        Self::Nothing { .. } => Some("`vds status` shows what has changed".to_owned()),
        Self::Other { .. } => {
            Some("use `vds switch` or `vds checkout REV` in it, or choose another directory".to_owned())
        }
        Self::OtherStore { .. } => Some("choose another directory, or give --plain".to_owned()),
        Self::Pattern { .. } => {
            Some("write [*] and [?] for the characters * and ? themselves".to_owned())
        }
        Self::Path(_) => Some("paths are relative, without . and ..".to_owned()),
        Self::Io { .. } => Some("mend that and run the same command again".to_owned()),
    }
}
