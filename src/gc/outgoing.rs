//! Condemned packs whose time has come, or has not.

use std::collections::BTreeSet;
use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use crate::object::Digest;
use crate::owner::{self, lock_within};
use crate::pack::Condemned;
use crate::store::Store;

/// The right to condemn packs and to delete them; `None` if another process has it for longer than `wait`.
pub(super) fn lock(store: &Store, wait: Duration) -> Result<Option<File>, Error> {
    let lock = lock_within(&store.root().join("gc.lock"), wait);
    lock.map_err(|source| Error::Io { verb: "take the lock", source })
}

/// Has all that is condemned, and not yet, wait for the presences that are set.
pub(super) fn await_presences(store: &Store) -> Result<BTreeSet<String>, Error> {
    let packs = store.objects();
    // Before the presences: who set one after that cannot have seen these in the index.
    let groups = packs.condemned()?;
    let presences =
        owner::presences(store.tmp()).map_err(|source| Error::Io { verb: "list who works here", source })?;
    for group in groups.iter().filter(|group| group.presences.is_none()) {
        packs.wait_for(group, store.tmp(), &presences)?;
    }
    Ok(presences)
}

/// Whether this presence is still set.
pub(super) fn is_set(store: &Store, presence: &str) -> Result<bool, Error> {
    owner::is_set(store.tmp(), presence).map_err(|source| Error::Io { verb: "see who works here", source })
}

/// Condemned packs that nobody can have seen in the index any more, as it was before the facts were read.
pub(super) struct Outgoing(Vec<Condemned>);

impl Outgoing {
    pub(super) fn find(store: &Store) -> Result<Self, Error> {
        await_presences(store)?;
        let mut ready = Vec::new();
        for group in store.objects().condemned()? {
            let mut is_seen = group.presences.is_none();
            for presence in group.presences.iter().flatten() {
                is_seen |= is_set(store, presence)?;
            }
            if !is_seen {
                ready.push(group);
            }
        }
        Ok(Self(ready))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those whose every object `is_there`, elsewhere.
    pub(super) fn of_copies(mut self, is_there: impl Fn(&Digest) -> bool) -> Self {
        self.0.retain(|group| group.objects().all(|digest| is_there(&digest)));
        self
    }

    /// Deletes them. What is needed of them has been copied.
    pub(super) fn discard(self, store: &Store) -> Result<u64, Error> {
        let mut bytes = 0;
        for group in self.0 {
            bytes += store.objects().discard(&group)?;
        }
        Ok(bytes)
    }
}

/// How often it is looked whether processes have ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits a little for these presences to go; those that are left.
pub(super) fn outlast(
    store: &Store,
    mut presences: BTreeSet<String>,
    patience: Duration,
) -> Result<BTreeSet<String>, Error> {
    let begun = Instant::now();
    loop {
        let mut left = BTreeSet::new();
        for presence in presences {
            if is_set(store, &presence)? {
                left.insert(presence);
            }
        }
        if left.is_empty() || begun.elapsed() >= patience {
            return Ok(left);
        }
        thread::sleep(PAUSE);
        presences = left;
    }
}
