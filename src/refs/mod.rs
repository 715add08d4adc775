//! Making, moving, renaming and deleting branches, tags, pins and repos, with what that triggers.
//!
//! Each is one step: what is checked and what is written stand in one batch, so that it holds whatever other processes do.

mod branch;
mod commit;
mod error;
mod pin;
mod repo;
mod tag;

#[cfg(test)]
mod tests;

pub use crate::change::Changed;
pub use branch::{
    DeletedBranch, Reset, create_branch, delete_branch, move_branch, rename_branch, reset_branch,
};
pub use commit::Mode;
pub use error::Error;
pub use pin::{pin, unpin};
pub use repo::{ChangedRepo, DeletedRepo, create_repo, delete_repo, rename_repo};
pub use tag::{create_tag, delete_tag};
