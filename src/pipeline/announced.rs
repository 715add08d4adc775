//! What the jobs of other processes are making, so that two processes do not make one result at the same time.
//!
//! Before a job runs datums, it writes their keys into the file of its lease. What another living job wrote into its own before is
//! left to that one: the results are looked for in the table as it saves them, and made here if it ends without them. A
//! job runs what it has announced before it waits for others, so no two wait for each other.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::error::Error;
use super::lease::Lease;
use crate::object::Digest;
use crate::owner::lock_dir_within;
use crate::store::Store;

/// How long others may take to read what is announced and to announce more. One process at a time does, for a millisecond.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes of a digest.
const KEY: usize = 32;

/// Announces that the job `id` makes these results of the repo `repo`, but for those that another one has announced before, which it returns.
pub(super) fn announce(store: &Store, id: u64, repo: u64, keys: &[Digest]) -> Result<HashSet<Digest>, Error> {
    let dir = store.tmp().dir();
    let failed = |path: &Path, source| Error::Io { verb: "write", path: path.display().to_string(), source };
    let locked = lock_dir_within(dir, PATIENCE).map_err(|source| failed(dir, source))?;
    let _locked = locked.ok_or(Error::Raced { verb: "tell other processes what the job makes" })?;
    let mut others = HashSet::new();
    for other in Lease::all(store)?.into_iter().filter(|other| *other != id) {
        let path = Lease::path(store, other);
        // One that is gone has ended.
        let announced = fs::read(&path).unwrap_or_default();
        if let Some((of, announced)) = announced.split_first_chunk()
            && u64::from_be_bytes(*of) == repo
            && Lease::is_held(store, other)?
        {
            let (announced, _) = announced.as_chunks::<KEY>();
            others.extend(announced.iter().map(|key| Digest::from_bytes(*key)));
        }
    }
    let own = Lease::path(store, id);
    let mut file =
        OpenOptions::new().append(true).create(true).open(&own).map_err(|source| failed(&own, source))?;
    let is_new = file.metadata().map_err(|source| failed(&own, source))?.len() == 0;
    let mut bytes = if is_new { repo.to_be_bytes().to_vec() } else { Vec::new() };
    let mut elsewhere = HashSet::new();
    for key in keys {
        if others.contains(key) {
            elsewhere.insert(*key);
        } else {
            bytes.extend(key.as_bytes());
        }
    }
    file.write_all(&bytes).map_err(|source| failed(&own, source))?;
    Ok(elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DEFAULT_WAIT;

    #[test]
    fn what_another_living_job_has_announced_before_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let lease = |id| Lease::take(&store, id).unwrap().unwrap();
        let keys: Vec<Digest> = (0..3).map(|n| Digest::from_bytes([n; 32])).collect();
        let of = |keys: &[Digest]| keys.iter().copied().collect::<HashSet<_>>();
        let (first, _second, _third) = (lease(1), lease(2), lease(3));
        assert_eq!(announce(&store, 1, 9, &keys[..2]).unwrap(), of(&[]));
        assert_eq!(announce(&store, 2, 9, &keys).unwrap(), of(&keys[..2]));
        // Announced again, and of another repo.
        assert_eq!(announce(&store, 1, 9, &keys).unwrap(), of(&keys[2..]));
        assert_eq!(announce(&store, 3, 8, &keys).unwrap(), of(&[]));
        // What the dead announced counts no more, also when their job is taken up again.
        drop(first);
        assert_eq!(announce(&store, 2, 9, &keys).unwrap(), of(&[]));
        let _first = lease(1);
        assert_eq!(announce(&store, 1, 9, &keys).unwrap(), of(&keys));
    }
}
