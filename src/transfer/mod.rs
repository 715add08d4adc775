//! Moving history from one store to another.
//!
//! A transfer has two ends, one of which is ours; the other is a [`Peer`], whatever lies between. One end's commits are
//! copied to the other (`copy`): only what it lacks, contents before trees, trees before commits, commits before those that
//! follow them. So what arrived before a transfer was cut short is whole as far as it goes, and is not sent again.
//!
//! Who receives trusts nothing (`intake`). A commit is kept only when all that it names is there and legal, so whoever finds
//! a commit in a store need not look further; that is where copying stops. Names come last, in one step.
//!
//! With a commit travel its tree, and for a stage's output its private state and its results. The commits that it was made from
//! are of other repos: they are named, and travel with those.

mod check;
mod choice;
mod clone;
mod closure;
mod contract;
mod copy;
mod error;
mod fetch;
mod index;
mod intake;
mod local;
mod pull;
mod push;
mod register;
mod update;

pub mod remotes;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod thinned;

#[cfg(test)]
pub(crate) use story::{Place, author, edits, make, noise, step};

pub use choice::{Choice, choose};
pub use clone::{Cloned, ORIGIN, clone};
pub use contract::{Delivery, Name, Names, Parcel, Peer, RefMove, Updated};
pub use copy::{Copied, copy};
pub use error::Error;
pub use fetch::{Desk, Fate, Fetched, Gone, Noted, Scope, Seen, fetch, note};
pub use intake::{Intake, Shelf, limit};
pub use local::LocalPeer;
pub use pull::{Apart, Local, Merging, Pulled, Relation, pull, relation};
pub use push::{Effect, Force, Pushed, Reason, Refusal, Report, delete, push};
pub use update::{Moved, update};
