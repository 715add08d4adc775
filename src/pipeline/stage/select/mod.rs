//! `select`: the best of all measured candidates, and how far it leads.
//!
//! The contract is in `docs/stages.md`. Values are compared as they are printed, so that every implementation agrees on the
//! order.

mod chart;
mod days;
mod params;
mod rank;
mod run;
mod stability;

#[cfg(test)]
mod tests;

pub use params::{By, Order, Params};
pub use run::{run, sources};
