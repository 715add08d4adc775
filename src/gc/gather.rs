//! Small packs put together, now and then, by the commands that made them.
//!
//! Nothing is looked for that could go: all of what lies in them is copied, so the cost is that of what was written lately, and a pack may be
//! deleted as soon as nobody can be reading it. Whether others need what is in it need not be asked.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::Error;
use super::outgoing::{Outgoing, await_presences, lock};
use super::plan::SMALL;
use crate::object::Digest;
use crate::pack::{Located, Location, PACK_SIZE};
use crate::progress::{Amount, Progress};
use crate::store::Store;

/// How many operations come between two looks.
const EVERY: u64 = 256;

/// So many small packs are worth being put together.
const MANY: usize = 64;

/// Whether among the operations that a process made is one after which it should look.
pub fn is_due(made: &RangeInclusive<u64>) -> bool {
    made.end() / EVERY > made.start().saturating_sub(1) / EVERY
}

/// Puts small packs together if they are many, and nobody else collects. How many went into new ones.
pub fn gather(store: &Store, progress: &dyn Progress) -> Result<usize, Error> {
    let Some(_lock) = lock(store, Duration::ZERO)? else { return Ok(0) };
    discard_copies(store)?;
    let small = small_packs(store)?;
    if small.len() < MANY {
        return Ok(0);
    }
    let written = copy(store, &small, progress)?;
    // What one that was killed had put together may have been put together again: the very same pack.
    store.objects().condemn(&small.keys().filter(|pack| !written.contains(pack)).copied().collect())?;
    await_presences(store)?;
    discard_copies(store)?;
    Ok(small.len())
}

/// The smallest packs, with what lies in them: of all that are small as many as make one pack. One that is damaged is left to `vds verify`.
fn small_packs(store: &Store) -> Result<BTreeMap<Digest, Vec<Located>>, Error> {
    let mut small = store.objects().sizes()?;
    small.retain(|(_, len)| *len < SMALL);
    small.sort_by_key(|(pack, len)| (*len, *pack));
    let mut left = PACK_SIZE;
    let fits = |(_, len): &(Digest, u64)| {
        left = left.saturating_sub(*len);
        left > 0
    };
    let read = |(pack, len)| Some((pack, store.objects().footer(&pack, len).ok()?.entries));
    Ok(small.into_iter().take_while(fits).filter_map(read).collect())
}

/// Copies all that lies in these packs and nowhere else. Which packs that made.
fn copy(
    store: &Store,
    packs: &BTreeMap<Digest, Vec<Located>>,
    progress: &dyn Progress,
) -> Result<BTreeSet<Digest>, Error> {
    let catalogue = store.objects().catalogue()?;
    let (writer, mut copied) = (store.writer(), HashSet::new());
    progress.begin("putting small packs together", Amount::Steps(Some(packs.len() as u64)));
    for (pack, entries) in packs {
        for at in entries {
            let lies_elsewhere = catalogue.find(&at.digest).is_some_and(|(number, found)| {
                !packs.contains_key(&found.pack) && !catalogue.is_condemned(number)
            });
            if !lies_elsewhere && copied.insert(at.digest) {
                writer.copy(&Location { pack: *pack, at: *at })?;
            }
        }
        progress.advance(1);
    }
    let written = writer.finish()?;
    progress.end();
    Ok(written.packs)
}

/// Deletes condemned packs that nobody may be reading, if all that lies in them lies elsewhere too.
fn discard_copies(store: &Store) -> Result<(), Error> {
    let outgoing = Outgoing::find(store)?;
    if !outgoing.is_empty() {
        let catalogue = store.objects().catalogue()?;
        let is_there = |digest: &Digest| {
            catalogue.find(digest).is_some_and(|(number, _)| !catalogue.is_condemned(number))
        };
        outgoing.of_copies(is_there).discard(store)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_who_make_operations_one_makes_that_after_which_it_is_looked() {
        for (made, want) in
            [(1..=255, false), (255..=256, true), (256..=256, true), (257..=511, false), (200..=600, true)]
        {
            assert_eq!(is_due(&made), want, "{made:?}");
        }
    }
}
