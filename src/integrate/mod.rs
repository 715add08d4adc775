//! Bringing changes from elsewhere onto a branch: merges, reverts and cherry-picks.
//!
//! All three are one thing: what leads from one version to another (`sides`) is merged into the branch's head, and the result becomes
//! its new commit (`run`). When the sides do not go together, nothing is visible on the branch: the merge is kept `open` beside it until
//! a person has said what becomes of each conflict. Nothing is kept of its result, so it is finished on top of whatever the branch
//! holds by then.

mod chosen;
mod elsewhere;
mod error;
mod foresee;
mod kept;
mod message;
mod named;
mod newer;
mod open;
mod policy;
mod record;
mod resolve;
mod run;
mod sides;

pub use error::Error;
pub use foresee::{Preview, foresee};
pub use kept::{KeptByMerge, choice_names, conflict_names, kept_by_merge};
pub use named::Named;
pub use open::{Dropped, Opened, abort, find, list, load};
pub use policy::{load as load_policy, set as set_policy};
pub use record::Choice;
pub use resolve::{Drafts, Resolved, Verdict, resolve};
pub use run::{Integrated, OnConflict, Outcome, finish, integrate};
pub use sides::{Action, Ends, FastForward, Request, Unrelated, default_message};
