//! Whether a store is whole: its packs, its index, its journal and facts, and all that its names lead to.
//!
//! Packs are read whole, once, in their order (`packs`), by an opening of their own (`shelf`), so that nothing that was read before
//! and nothing that the index says is believed. Then all that the facts lead to is looked for in what was found right (`links`).
//! What is lost is told with the names that it hurts (`hurts`). Nothing is changed.
//!
//! Others commit, and collect what nobody needs, meanwhile. A pack that has gone, and something that is missing, is only told when it is
//! still so while nothing else has changed (`run`).

mod choice;
mod error;
mod facts;
mod group;
mod hurts;
mod links;
mod packs;
mod report;
mod run;
mod shelf;
mod state;

pub use choice::Choice;
pub use error::Error;
pub use packs::DamagedPack;
pub use report::{Finding, Hurt, Note, Report, Thing};
pub use run::{Depth, Diagnosis, Options, Start, diagnose, verify};
