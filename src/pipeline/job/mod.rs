//! Jobs: one stage run on one set of input commits (`record`), all that one commit caused (`run`), where those lie that have long ended (`archive`),
//! and how they are found (`index`).

mod archive;
mod index;
mod record;
mod run;

#[cfg(test)]
mod tests;

pub use archive::{Known, archive, known, load};
pub use index::Filter;
pub use record::{
    Bytes, Datums, Job, JobInput, JobSource, Phase, State, living, read, replace, save, waiting, warnings,
};
pub use run::Run;

pub(super) use archive::ARCHIVE;
pub(super) use record::{JOBS, NEXT_JOB, NEXT_RUN, Numbers, QUEUE, as_it_stands};
