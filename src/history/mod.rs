//! Repos, branches, tags and commits: the mutable facts, and the records they point to.
//!
//! Reading and changing facts happens in short ledger sessions; the functions here read from a session, or add to a
//! [`Batch`](crate::meta::Batch) that the caller commits. Commit records come from the packs and need no session.

mod ancestry;
mod author;
mod branch;
mod commit;
mod error;
mod index;
mod kept;
mod keys;
mod let_go;
mod log;
mod pin;
mod purged;
mod quota;
mod remote;
mod repo;
mod resolve;
mod revision;
mod subject;
mod tag;
mod when;

pub use ancestry::{is_ancestor, merge_bases};
pub use author::Author;
pub use branch::{Carried, branches, carry_merge, check_free, commit_id, head, load_head, move_head};
pub use commit::{Draft, load, write};
pub use error::Error;
pub use index::{commits_of, derived, find_by_prefix, record_commit, record_derived};
pub use kept::{keep_since, kept_since};
pub use let_go::{
    LetGo, add as add_let_go, check_whole, find as find_let_go, find_results as find_results_let_go,
    load_whole, write as write_let_go,
};
pub use log::Log;
pub use pin::{create as create_pin, is_pinned, list as pins, remove as remove_pin};
pub use purged::{Purge, PurgeMap, Purges, Rewritten, check_current, purges, read_purge, record_purge};
pub use quota::check_quota;
pub use remote::{RemoteBranch, find as find_remote, list as remote_branches, see};
pub use repo::{
    NewRepo, Repo, assign, check_held, create, delete, find, hold, list, load as load_repo, rename,
};
pub use resolve::{Resolved, nearest, resolve, resolve_optional};
pub use revision::{Base, Location, Revision, Step, SyntaxError, Target, split_path};
pub use subject::{COMMITS, DERIVED, MERGES, REMOTES, Subject, merge_key, merge_policy_key, subject};
pub use tag::{create as create_tag, delete as delete_tag, list as tags, load as load_tag};
pub use when::parse as parse_time;

/// The branch that a repo's name alone stands for.
pub const DEFAULT_BRANCH: &str = "main";
