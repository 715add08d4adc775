//! Other people's programs, run to their end: in a group of their own, within a time limit, with what they print kept within
//! bounds. None of them, and nothing that they leave running, outlives the vds that started it.

mod launcher;
mod live;
mod log;
mod run;
mod start;
mod wait;
mod watch;

pub use launcher::{Launcher, PFS, ROOM, launched, obstacle, offer_launcher};
pub use live::Live;
pub use run::{Besides, Event, Failure, Ran, Running, run, run_by};
pub use start::Start;
pub use watch::Watch;
