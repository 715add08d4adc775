//! Mending a store: what is damaged is replaced by intact copies, or taken out of the way with what is intact saved.
//!
//! Nothing is thrown away. What is intact is in new packs, on disk, before a damaged pack is moved; that goes to `quarantine/` in
//! the store. So a repair that is interrupted at any step is done again from what there is.

mod error;
mod other;
mod rebuild;
mod recover;
mod run;

pub use error::Error;
pub use rebuild::{Journal, Rebuilt, rebuild};
pub use run::{Mode, Repaired, quarantined, repair};
