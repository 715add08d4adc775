//! Three-way merging: of trees, and of files that both sides changed.
//!
//! Two trees are brought together path by path (`trees`, by the rules of `versions`). A file that both sides changed is a conflict,
//! because data must not be blended unasked, unless a `strategy` is named for it; then it is `settle`d by line (`text`), by row
//! (`csv`), by value (`json`) or by a program (`driver`), each from and to the shapes of `three`. Nothing here moves a branch or knows of one; see `integrate` for that.

mod csv;
mod driver;
mod json;
mod numbered;
mod order;
mod renames;
mod settle;
mod strategy;
mod text;
mod three;
mod trees;
mod versions;

#[cfg(test)]
mod tests;

pub use driver::DRIVER_TIMEOUT;
pub use renames::{Followed, Parted, Renames};
pub use settle::{Conflict, Edits, Error, LARGEST, Manner, Merged, Merger, Newer, subtree};
pub use strategy::{Rule, RuleError, Rules, Strategy};
pub use text::Labels;
pub use trees::{Clash, Plan, Side, Trees, plan};
pub use versions::{ConflictKind, Decision, Versions};
