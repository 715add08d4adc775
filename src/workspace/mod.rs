//! Directories that follow a branch: what has changed in them, and how they come to another version.
//!
//! A workspace is a directory with a [marker](crate::marker). What its files were when they were last known to be those of
//! its commit is remembered in an index beside the marker, so that a look costs stats, not reads. A change of version
//! touches the files that differ, and looks for local changes there only. It is announced in the marker before the first
//! file is touched and taken back after the last, so whatever interrupts it, every file is of one of the two versions or just
//! between them, and both are known.

mod belongs;
mod choose;
mod error;
mod index;
mod known;
mod look;
mod make;
mod named;
mod place;
mod probe;
mod restore;
mod since;
mod switch;

pub use belongs::{check_repo, check_repo_in};
pub use error::Error;
pub use known::{Known, forget_gone, known};
pub use look::{Depth, Look, Unread};
pub use make::Wanted;
pub use place::{Held, Workspace};
pub use restore::Restored;
pub use switch::{Loss, Moved};
