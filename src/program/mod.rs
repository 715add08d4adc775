//! Other people's programs, run to their end: in a group of their own, within a time limit, with what they print kept within
//! bounds. None of them, and nothing that they leave running, outlives the vds that started it.

pub mod isolation;
mod log;
mod run;
mod watch;

pub use run::{Failure, Ran, run};
pub use watch::Watch;
