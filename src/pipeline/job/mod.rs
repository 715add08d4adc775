//! Jobs: one stage run on one set of input commits (`record`), and where those lie that have long ended (`archive`).

mod archive;
mod record;

pub use archive::{Known, archive, known, load};
pub use record::{Datums, Job, JobInput, JobSource, State, living, read, replace, save, waiting, warnings};

pub(super) use archive::ARCHIVE;
pub(super) use record::{JOBS, NEXT_JOB, NEXT_RUN, Numbers, QUEUE, as_it_stands};
