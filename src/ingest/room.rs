//! Whether the store's disk has room for what is to be read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::Error;
use super::walk::Found;
use crate::store::Store;

/// How many files are sampled, and how much of each, in bytes, when it is doubtful whether all will fit.
const SAMPLES: usize = 16;
const SAMPLE: u64 = 1 << 16;

/// Refuses files that will not fit on the disk of `store`, before any of them is read.
///
/// When they fit as they are, nothing more is asked. Otherwise some of them are compressed to see how much they shrink, so
/// that text is not refused for a size that it will not have.
pub(super) fn check<'a>(store: &Store, files: impl Iterator<Item = &'a Found> + Clone) -> Result<(), Error> {
    // A file system that cannot say is believed to have room.
    let Some(disk) = store.disk() else { return Ok(()) };
    let payload = files.clone().fold(0_u64, |sum, found| sum.saturating_add(found.stamp.size));
    if payload == 0 || disk.has_room_for(payload) {
        return Ok(());
    }
    let needed = scaled(payload, shrunk(files));
    if disk.has_room_for(needed) {
        Ok(())
    } else {
        Err(Error::NoRoom { place: store.root().to_owned(), needed, disk })
    }
}

/// How many bytes of how many the largest files come to when compressed.
fn shrunk<'a>(files: impl Iterator<Item = &'a Found>) -> (u64, u64) {
    let mut largest: BTreeMap<(u64, &Path), &Found> = BTreeMap::new();
    for found in files {
        largest.insert((found.stamp.size, &found.place), found);
        if largest.len() > SAMPLES {
            largest.pop_first();
        }
    }
    let sample = |found: &Found| {
        let mut bytes = Vec::new();
        File::open(&found.place).ok()?.take(SAMPLE).read_to_end(&mut bytes).ok()?;
        let compressed = zstd::bulk::compress(&bytes, 1).ok()?;
        Some((compressed.len().min(bytes.len()) as u64, bytes.len() as u64))
    };
    let regular = largest.into_values().filter(|found| !found.symlink);
    regular.filter_map(sample).fold((0, 0), |(small, all), (less, len)| (small + less, all + len))
}

fn scaled(payload: u64, (small, all): (u64, u64)) -> u64 {
    let scaled = u128::from(payload) * u128::from(small);
    scaled.checked_div(u128::from(all)).map_or(payload, |scaled| u64::try_from(scaled).unwrap_or(payload))
}
