//! Our nouns as outsiders see them: the JSON shapes, and small pieces of text for people.

mod graph;
mod job;
mod kept_by;
mod merge;
mod operation;
mod run;
mod shapes;
mod text;
mod trigger;
mod usage;

pub use crate::amount::bytes;
pub use graph::Graph;
pub use job::{Job, JobInput};
pub use kept_by::KeptBy;
pub use merge::{Conflict, Followed, Parted, Settled, Subtree, Version, came};
pub use operation::{Operation, OperationChange};
pub use run::Run;
pub use shapes::{
    Change, Commit, Counts, Directory, Failure, File, MadeBy, MadeFrom, Ref, Repo, VERSION, kind,
};
pub use text::{count, counted, duration, encoded, line, path, text, time};
pub use trigger::Trigger;
pub use usage::Usage;
