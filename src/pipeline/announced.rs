//! What the jobs of other processes are making, so that two processes do not make one result at the same time.
//!
//! Before a job runs datums, it writes their keys into the file of its lease. What another living job wrote into its own before is
//! left to that one: the results are looked for in the table as it saves them, and made here if it ends without them. A
//! job runs what it has announced before it waits for others, so no two wait for each other.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use super::error::Error;
use super::job;
use super::lease::Lease;
use crate::object::Digest;
use crate::owner::lock_dir_within;
use crate::store::Store;

/// How long others may take to read what is announced and to announce more. One process at a time does, for a millisecond.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes of a digest.
const KEY: usize = 32;

/// Announces that the job `id` makes these results of the repo `repo`, but for those that another one has announced before, which are
/// returned with those jobs. A job that was ended on record has announced nothing, though its process may not know yet.
pub(super) fn announce(
    store: &Store,
    id: u64,
    repo: u64,
    keys: &[Digest],
) -> Result<HashMap<Digest, u64>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let dir = store.tmp().dir();
    let locked = lock_dir_within(dir, PATIENCE).map_err(|source| Error::io("write", dir, source))?;
    let _locked = locked.ok_or(Error::Raced { verb: "tell other processes what the job makes" })?;
    let wanted: HashSet<&Digest> = keys.iter().collect();
    let mut elsewhere = HashMap::new();
    for other in Lease::all(store)?.into_iter().filter(|other| *other != id) {
        let mut theirs = announced(store, other, repo)?;
        theirs.retain(|key| wanted.contains(key));
        if !theirs.is_empty() && job::is_living(&store.session()?, other)? {
            elsewhere.extend(theirs.into_iter().map(|key| (key, other)));
        }
    }
    let own: Vec<Digest> = keys.iter().filter(|key| !elsewhere.contains_key(*key)).copied().collect();
    append(&Lease::path(store, id), repo, &own)?;
    Ok(elsewhere)
}

/// What the job `id` has announced, if it lives and makes results of this repo. One whose lease is gone has ended.
fn announced(store: &Store, id: u64, repo: u64) -> Result<Vec<Digest>, Error> {
    let Ok(mut file) = File::open(Lease::path(store, id)) else { return Ok(Vec::new()) };
    let (mut of, mut keys) = ([0; 8], Vec::new());
    let is_of_repo = file.read_exact(&mut of).is_ok() && u64::from_be_bytes(of) == repo;
    if !is_of_repo || !Lease::is_held(store, id)? || file.read_to_end(&mut keys).is_err() {
        return Ok(Vec::new());
    }
    let (keys, _) = keys.as_chunks::<KEY>();
    Ok(keys.iter().map(|key| Digest::from_bytes(*key)).collect())
}

/// Adds keys to a lease, which begins with the number of the repo.
fn append(lease: &Path, repo: u64, keys: &[Digest]) -> Result<(), Error> {
    let failed = |source| Error::io("write", lease, source);
    let mut file = OpenOptions::new().append(true).create(true).open(lease).map_err(failed)?;
    let is_new = file.metadata().map_err(failed)?.len() == 0;
    let mut bytes = if is_new { repo.to_be_bytes().to_vec() } else { Vec::new() };
    keys.iter().for_each(|key| bytes.extend(key.as_bytes()));
    file.write_all(&bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Author;
    use crate::meta::Batch;
    use crate::store::DEFAULT_WAIT;

    #[test]
    fn what_another_living_job_has_announced_before_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let lease = |id| Lease::take(&store, id).unwrap().unwrap();
        let keys: Vec<Digest> = (0..3).map(|n| Digest::from_bytes([n; 32])).collect();
        let of = |job: u64, keys: &[Digest]| keys.iter().map(|key| (*key, job)).collect::<HashMap<_, _>>();
        let living = |id: u64, lives: bool| {
            let mut batch = Batch::default();
            let key = [job::QUEUE, &id.to_be_bytes()].concat();
            if lives {
                batch.put(key, Vec::new())
            } else {
                batch.remove(key)
            };
            let author = Author { name: "Ann".to_owned(), command: "test".to_owned() };
            store.session().unwrap().commit(&author.housekeeping(), &batch).unwrap();
        };
        for id in [1, 2, 3] {
            living(id, true);
        }
        let (first, _second, _third) = (lease(1), lease(2), lease(3));
        let none = of(0, &[]);
        assert_eq!(announce(&store, 1, 9, &keys[..2]).unwrap(), none);
        assert_eq!(announce(&store, 2, 9, &keys).unwrap(), of(1, &keys[..2]));
        // Announced again, and of another repo.
        assert_eq!(announce(&store, 1, 9, &keys).unwrap(), of(2, &keys[2..]));
        assert_eq!(announce(&store, 3, 8, &keys).unwrap(), none);
        // What the dead announced counts no more, also when their job is taken up again.
        drop(first);
        assert_eq!(announce(&store, 2, 9, &keys).unwrap(), none);
        let _first = lease(1);
        assert_eq!(announce(&store, 1, 9, &keys).unwrap(), of(2, &keys));
        // Nor does what those announced whose job was ended on record.
        living(2, false);
        assert_eq!(announce(&store, 1, 9, &keys).unwrap(), none);
    }
}
