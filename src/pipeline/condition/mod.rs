//! Conditions: when what has come to a branch is taken on, by a branch that follows it or by a stage.

mod judge;
mod model;
mod schedule;

pub use judge::{News, Verdict};
pub use model::Condition;
pub use schedule::{Schedule, zone};
