//! Collecting what nothing leads to any more, while everybody works.
//!
//! What stays true: **every object that a fact, an operation that can be undone, or the base of a workspace leads to has its bytes in a pack
//! that is there**, and so has every object that a living process has found.
//!
//! Two dangers are closed by knowledge, not by waiting. One says "I need not write this chunk, it is there" while the other says "nobody
//! refers to it, I delete it"; and somebody makes a branch of an old commit that is being collected.
//!
//! - Every process sets a presence (`owner::Presence`) before it looks for its first object.
//! - A collection (`collect`) takes packs out of the index first, lists the presences after that, and deletes the packs when these presences are gone and
//!   another look at what the facts name has found nothing there; what was found is copied. So who may have seen an object in the index
//!   has either made known what he made of it, or is gone.
//! - What a living process has put in place and nothing names yet is told by its notes (`owner::written`).
//! - That the files of a commit are let go (`letting`) is a fact too, in the same batch: who reads such a commit from then on is told so, who
//!   names it is refused, and who has begun before finds its files until he has ended. What is named while it is decided keeps files.
//! - What rules let go of results and logs (`aging`) is a matter of facts alone: the tables that they name are written anew without it, in the same batch.
//! - That a repo has a commit is a fact. It goes in a batch that is only made if no operation has come since the facts were read, or what came
//!   leads to none of the commits that go. Who names a commit by what the journal remembers needs that fact in his own batch.
//!
//! The marks (`reach::Marks`) are bits by an object's number in the tables of the index. Which packs go, and what of them is copied, is decided by
//! a pure function (`plan`).

mod aging;
mod alone;
mod collect;
mod error;
mod foresee;
mod gather;
mod letting;
mod outgoing;
mod plan;
mod register;
mod roots;

#[cfg(test)]
mod by_rules;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod turnstile;

pub use alone::Keeper;
pub use collect::{Collected, Options, collect};
pub use error::Error;
pub use foresee::{Foreseen, foresee};
pub use gather::{gather, is_due};
pub use plan::Plan;
