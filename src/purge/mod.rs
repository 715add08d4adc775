//! Taking files out of all history, for mistakes and for law.
//!
//! A commit that has such a file, and every one that comes after it, is written anew without it (`commits`), and so is what stages keep for
//! themselves (`clean`): trees share what they have in common, so that costs the commits and the nodes above what goes. What facts name is moved
//! to the new commits in one operation (`facts`), which also records who did it, why, and what became of each commit
//! (`history::Purge`). What operations had up to then can not come back.
//!
//! Whether the store was changed meanwhile is asked in the session that makes the change. Then it is looked again, at what came.
//!
//! Outputs that were made of such a file get new ids, as they name their inputs, and are not what their stages make of these: they are marked as
//! stale, so that the next job makes them anew, from the results of datums that are known.
//!
//! The bytes go with the next collection, which leaves no pack with any of them (`gc`).

mod clean;
mod commits;
mod error;
mod facts;
mod others;
mod run;
mod seen;

#[cfg(test)]
mod tests;

pub use commits::{Place, Reach};
pub use error::Error;
pub use facts::MovedRef;
pub use others::Other;
pub use run::{Purged, Wanted, purge};
