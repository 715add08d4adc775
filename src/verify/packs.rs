//! Every pack, read whole, in their order, by as many threads as there are processors.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::state::State;
use crate::backend::{self, Listed};
use crate::interrupt::{self, Parting};
use crate::object::Digest;
use crate::pack::{Fits, Located, Packs};
use crate::progress::Progress;

/// What is wrong with packs.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The damaged ones.
    pub(super) bad: BTreeMap<Digest, DamagedPack>,
    /// How many bytes were read.
    pub(super) bytes: u64,
}

/// A damaged pack.
#[derive(Debug, Clone)]
pub struct DamagedPack {
    /// What is wrong with it.
    pub reason: String,
    /// What it holds that is as it should be.
    pub intact: Vec<Located>,
    /// What it holds that is not, and why.
    pub damaged: Vec<(Located, &'static str)>,
}

/// What is needed to read packs.
pub(super) struct Reading<'a> {
    pub(super) packs: &'a Packs,
    /// What the index says of packs whose footers are lost.
    pub(super) known: &'a (dyn Fn(&Digest) -> Vec<Located> + Sync),
    pub(super) state: &'a State,
    pub(super) progress: &'a dyn Progress,
}

impl Reading<'_> {
    /// Reads these packs. One that has gone meanwhile is passed over.
    pub(super) fn scan(&self, packs: &[Listed]) -> Scan {
        let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
        let bad = Mutex::new(BTreeMap::new());
        let work = || {
            while let Some(Listed { name, len }) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.one(name, *len) {
                    Some(damage) => {
                        bad.lock().unwrap_or_else(PoisonError::into_inner).insert(*name, damage);
                    }
                    None => self.state.note(name),
                }
                bytes.fetch_add(*len, Ordering::Relaxed);
            }
        };
        if self.state.is_kept() {
            let how = "`vds verify --resume` goes on from here".to_owned();
            interrupt::part_with(Parting::Cut(how));
        }
        let threads = rayon::current_num_threads().min(packs.len().max(1));
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        let bad = bad.into_inner().unwrap_or_else(PoisonError::into_inner);
        Scan { bad, bytes: bytes.into_inner() }
    }

    /// What is wrong with the pack, if anything is.
    fn one(&self, name: &Digest, len: u64) -> Option<DamagedPack> {
        let found = match self.packs.inspect(name, len, self.progress) {
            Ok(found) if found.is_whole() => return None,
            Ok(found) => found,
            Err(backend::Error::Missing { .. }) => return None,
            Err(error) => return Some(self.in_part(name, format!("it cannot be read: {}", chain(&error)))),
        };
        let footer = match found.footer {
            Ok(footer) => footer,
            Err(reason) => return Some(self.in_part(name, reason)),
        };
        let reason = match found.name {
            Fits::No => "its bytes do not match its name",
            Fits::Yes => "objects in it are not what their names say",
        };
        let wrong: HashSet<Digest> = found.damaged.iter().map(|(at, _)| at.digest).collect();
        let intact = footer.entries.into_iter().filter(|at| !wrong.contains(&at.digest)).collect();
        Some(DamagedPack { reason: reason.to_owned(), intact, damaged: found.damaged })
    }

    /// What is left of a pack that does not tell what it holds, by what the index says of it.
    fn in_part(&self, name: &Digest, reason: String) -> DamagedPack {
        let known = (self.known)(name);
        let intact = self.packs.intact(name, &known);
        let is_intact = |at: &Located| intact.binary_search_by_key(&at.digest, |at| at.digest).is_ok();
        let damaged = known.iter().filter(|at| !is_intact(at)).map(|at| (*at, "it cannot be read")).collect();
        DamagedPack { reason, intact, damaged }
    }
}

/// The failure and what caused it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
