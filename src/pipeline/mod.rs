//! Pipelines: named graphs of stages that run on new commits.
//!
//! A commit queues, together with itself, one job for every stage that is to follow it (`trigger`). Jobs are claimed and
//! run by whoever has time (`run`), and each publishes its output in one step. What a datum came to is found again by
//! the content of what it read (`results`).

mod aging;
mod announced;
mod base;
mod builtin;
mod cancel;
mod catch_up;
mod changes;
mod claim;
mod clock;
mod command;
mod datums;
mod delete;
mod due;
mod error;
mod flight;
mod gate;
mod health;
mod kept;
mod lease;
mod made;
mod meant;
mod order;
mod origin;
mod outlook;
mod outputs;
mod parts;
mod pause;
mod perform;
mod pool;
mod rehearse;
mod report;
mod rerun;
mod results;
mod retry;
mod rewrite;
mod run;
mod silent;
mod subject;
mod supersede;
mod taken;
mod task;
mod view;
mod which;
mod why;

pub mod condition;
pub mod follow;
pub mod job;
pub mod pachyderm;
pub mod pattern;
pub mod registry;
pub mod spec;
pub mod stage;
pub mod submission;
pub mod trigger;

pub use aging::{Aged, Ages, Memory};
pub use base::{Foreseen, count, foresee};
pub use cancel::{Cancelled, cancel};
pub use command::{Live, Named, Reason, live, state_names};
pub use datums::{Shown, datum, datums, lay_out};
pub use delete::{Deleted, delete};
pub use due::{Aim, Due, Trigger, What, due, fire, triggers};
pub use error::Error;
pub use health::{Health, Node, health};
pub use kept::{Kept, StateForm, archive_names, is_about_jobs, kept, results_of, state_form};
pub use meant::check_meant;
pub use origin::{Origin, Part, origins};
pub use outlook::{Outlook, Prospect, outlook};
pub use outputs::is_left_by;
pub use pause::{Paused, Resumed, pause, resume};
pub use rehearse::{Datum, Extent, Foresight, Rehearsal, Rehearsed, rehearse};
pub use report::Fate;
pub use rerun::{Rerun, check_stage, rerun};
pub use results::{RESULTS, result_names};
pub use retry::{Retried, retry};
pub use rewrite::{Rewrite, code_in, rewrite};
pub use run::run;
pub use silent::{Silent, readers, silent};
pub use subject::{Subject, subject};
pub use taken::commit as let_through;
pub use which::Which;
pub use why::Why;
