//! Whose the temporary files are, whether their owner still lives, and what living ones still use.
//!
//! Every process that leaves something in a store's `tmp/` has a directory of its own there (`tmp`), and holds a lock (`flock(2)`, `lock`) on it
//! for as long as it lives. The kernel lets go of the lock when the process ends, however it ends. So whoever can take
//! the lock knows that the owner is dead. Process numbers would not do: two containers that share a store see different
//! processes under one number.

mod lock;
mod presence;
mod tmp;

pub use lock::{holder, lock_dir_within, lock_within};
pub use presence::{Presence, is_set, note, presences, process_of, written};
pub use tmp::{Tmp, remove};
