//! The work of a command stage: one process for each datum that has no result yet.
//!
//! What has changed since an earlier job is planned (`datum`), run (`work`, each datum in a `room` as a `process`), kept as it ends
//! (`keeper`), and put together with what is as it was (`merge`).

mod attempt;
mod batch;
mod bench;
mod book;
mod datum;
mod deadline;
mod debug;
mod environment;
mod keeper;
mod lay;
mod lazy;
mod live;
mod merge;
mod output;
mod pachyderm;
mod previous;
mod process;
mod race;
mod room;
mod slot;
mod waiting;
mod work;

#[cfg(test)]
mod tests;

pub(super) use datum::{Datum, plan, read};
pub(super) use debug::lay_out;
pub use live::{Live, live};
pub use merge::{Named, state_names};
pub(super) use merge::{datums, has_recovered, output, writers};
pub use work::Reason;
pub(super) use work::{foresee, work};
