//! Jobs: one stage run on one set of input commits (`record`, `conduct`, `phase`), all that one commit caused (`run`), where those lie that have long ended (`archive`),
//! how they are found (`index`), and those that have not ended (`queue`).

mod archive;
mod conduct;
mod index;
mod phase;
mod queue;
mod record;
mod rewrite;
mod run;

#[cfg(test)]
mod tests;

pub use archive::{Known, archive, known, load};
pub use conduct::{Conduct, Isolation};
pub use index::Filter;
pub use phase::Phase;
pub use queue::{last_of, living, waiting};
pub use record::{
    Bytes, Datums, Job, JobInput, JobSource, Results, State, in_short, read, replace, save, warnings,
};
pub use rewrite::{archived_logs, is_archive};
pub use run::Run;

pub(super) use archive::{ARCHIVE, archive_root, is_archived};
pub(super) use queue::{coming, is_living};
pub(super) use record::{BETWEEN_CAUSES, JOBS, NEXT_JOB, NEXT_RUN, Numbers, QUEUE, QUEUED, QUEUED_FROM};
pub(super) use rewrite::{each_archived, edit_archive, rewrite, rewrite_archive, without_logs};
