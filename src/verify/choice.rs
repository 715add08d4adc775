//! Which packs are read, where not all are.

use std::fs::{self, File};
use std::io::Read;
use std::time::{Duration, UNIX_EPOCH};

use crate::backend::Listed;
use crate::object::Digest;
use crate::store::Store;

/// Which packs are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Choice {
    /// All.
    All,
    /// Those that were written since this moment, in milliseconds since 1970.
    Since(i64),
    /// So many, by chance.
    Some(u64),
    /// So many of a hundred, by chance.
    Percent(f64),
}

/// The packs that are read.
pub(super) fn choose(store: &Store, packs: &[Listed], choice: Choice) -> Vec<Listed> {
    let count = match choice {
        Choice::All => return packs.to_vec(),
        Choice::Since(millis) => {
            return packs.iter().filter(|pack| is_since(store, pack, millis)).copied().collect();
        }
        Choice::Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what is too much is all"
        )]
        Choice::Percent(part) => (packs.len() as f64 * part / 100.0).ceil() as usize,
    };
    let mut seed = [0; 32];
    // Without chance it is always the same ones, which is better than none.
    let _ = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut seed));
    let mut drawn: Vec<(blake3::Hash, Listed)> =
        packs.iter().map(|pack| (blake3::keyed_hash(&seed, pack.name.as_bytes()), *pack)).collect();
    drawn.sort_by_key(|(lot, _)| *lot.as_bytes());
    let mut chosen: Vec<Listed> = drawn.into_iter().take(count).map(|(_, pack)| pack).collect();
    chosen.sort();
    chosen
}

/// Whether the pack was put in its place since then, as far as its file tells.
fn is_since(store: &Store, pack: &Listed, millis: i64) -> bool {
    let path = path_of(store, &pack.name);
    let since = UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
    let time = fs::metadata(path).and_then(|meta| meta.modified()).ok();
    time.zip(since).is_none_or(|(time, since)| time >= since)
}

/// Where the pack lies.
fn path_of(store: &Store, name: &Digest) -> std::path::PathBuf {
    store.root().join("packs").join(format!("{name:.2}")).join(format!("{name}.pack"))
}
