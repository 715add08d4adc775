//! `measure`: how well each estimate of each minute of the day fits the published truth.
//!
//! The contract is in `docs/stages.md`. A day's estimates depend on that day's ticks alone and are kept in `obs/`; scores are
//! integer sums over days, so a changed day is taken out and put in again without looking at the others.

mod day;
mod observed;
mod params;
mod report;
mod run;
mod score;
mod sources;
mod symbols;
mod tally;
mod truth;
mod window;

#[cfg(test)]
mod tests;

pub use params::{Align, Params, Span, Stat};
pub use run::run;
pub use sources::sources;
