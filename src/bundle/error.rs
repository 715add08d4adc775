//! What can go wrong with bundles.

use std::io;
use std::path::PathBuf;

use crate::fault::{Kind, fault, is_full};
use crate::history;
use crate::ledger;
use crate::object::{AccessError, CommitId, RepoName};
use crate::transfer;

/// How many of the commits that are missing are named.
const NAMED: usize = 5;

/// A failed operation on a bundle. Nothing of it is visible in any store.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The file is something else.
    #[error("{} is no bundle", .path.display())]
    NotABundle { path: PathBuf },
    /// A later release made it.
    #[error("the bundle {} has version {found}, and this vds knows versions 1 and 2", .path.display())]
    TooNew { path: PathBuf, found: u8 },
    /// It is not as it was written.
    #[error("the bundle {} is damaged: {reason}", .path.display())]
    Damaged { path: PathBuf, reason: &'static str },
    /// It goes on from commits that are not here.
    #[error("the bundle {} goes on from {}", .path.display(), listed(.missing))]
    Needs { path: PathBuf, missing: Vec<CommitId> },
    /// There is nothing to put into it.
    #[error("there is nothing new to put into a bundle")]
    Empty,
    /// A name stands elsewhere here.
    #[error("the bundle's {repo}@{name} does not follow what is here")]
    Apart { repo: RepoName, name: String },
    /// The file could not be read or written.
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// What it holds is refused, or could not be copied.
    #[error(transparent)]
    Transfer(#[from] transfer::Error),
    /// History failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Objects failed.
    #[error(transparent)]
    Object(#[from] AccessError),
}

fn listed(missing: &[CommitId]) -> String {
    let more = missing.len().saturating_sub(NAMED);
    let names: Vec<String> = missing.iter().take(NAMED).map(|id| format!("{id:.12}")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    match missing {
        [_] => format!("the commit {}, which is not here", names.join(", ")),
        _ => format!("the commits {}{more}, which are not here", names.join(", ")),
    }
}

fault! {
    Error passes on Transfer, History, Ledger, Object;
    kind {
        Self::NotABundle { .. } => Kind::Usage,
        Self::TooNew { .. } | Self::Damaged { .. } => Kind::Damaged,
        Self::Needs { .. } | Self::Empty | Self::Apart { .. } => Kind::Refused,
        Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Kind::NotFound,
        Self::Io { .. } => Kind::Io,
    }
    hint {
        Self::NotABundle { .. } => Some("`vds bundle create` makes one".to_owned()),
        Self::TooNew { .. } => Some("use the vds that made it, or a later one".to_owned()),
        Self::Damaged { .. } => Some("copy it once more, or have it made anew; nothing of it was taken".to_owned()),
        Self::Needs { .. } => {
            Some("take an earlier bundle first, or have one made without --since; nothing of it was taken".to_owned())
        }
        Self::Empty => Some("without --since all of history goes into it".to_owned()),
        Self::Apart { .. } => {
            Some("`vds bundle apply FILE --as NAME` makes it known as REPO@NAME/BRANCH, to look at and to merge".to_owned())
        }
        Self::Io { source, .. } if is_full(source) => Some("free some space and try again".to_owned()),
        Self::Io { .. } => Some("choose another place".to_owned()),
    }
}
