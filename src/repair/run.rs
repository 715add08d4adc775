//! The repair of packs and of the index.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::other::{Taking, has_pack, packs_of, take_pack};
use crate::ledger::Fault;
use crate::object::{Digest, ObjectRead};
use crate::pack::Location;
use crate::progress::Progress;
use crate::store::Store;
use crate::verify::{self, Depth, Diagnosis, Finding};

/// Where damaged packs are moved to, in the store.
const QUARANTINE: &str = "quarantine";

/// So many times what was taken shows what else is needed.
const ROUNDS: usize = 64;

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is done.
    Real,
    /// It is only told.
    Dry,
}

/// What a repair did, or would do.
#[derive(Debug, Default)]
pub struct Repaired {
    /// The packs that were taken from the other store.
    pub packs: Vec<Digest>,
    /// How many objects were taken from the other store besides.
    pub taken: u64,
    /// How many intact objects of damaged packs were saved.
    pub saved: u64,
    /// The damaged packs that were moved, with where they are.
    pub quarantined: Vec<(Digest, PathBuf)>,
    /// How many operations the facts were made again from, if they were.
    pub facts: Option<u64>,
    /// What is damaged before; and, after a real repair, what still is.
    pub left: Vec<Finding>,
    /// How many objects are lost that are nowhere.
    pub lost: u64,
}

/// Mends the packs and the index of the store, with intact copies of the store `from` where it has them.
pub fn repair(
    store: &Store,
    from: Option<&Store>,
    mode: Mode,
    progress: &dyn Progress,
) -> Result<Repaired, Error> {
    let found = verify::diagnose(store, Depth::Whole, progress)?;
    match mode {
        Mode::Dry => Ok(foresee(from, found)),
        Mode::Real => mend(store, from, found, progress),
    }
}

/// The packs that are damaged, or gone.
fn wanted(found: &Diagnosis) -> BTreeSet<Digest> {
    found.packs.keys().copied().chain(found.gone.iter().copied()).collect()
}

fn foresee(from: Option<&Store>, found: Diagnosis) -> Repaired {
    let mut told = Repaired::default();
    if let Some(other) = from {
        told.packs = wanted(&found).into_iter().filter(|pack| has_pack(other, pack)).collect();
    }
    let rest = found.packs.iter().filter(|(name, _)| !told.packs.contains(name));
    for (name, pack) in rest {
        told.saved += pack.intact.len() as u64;
        told.quarantined.push((*name, PathBuf::from(QUARANTINE).join(file_name(name))));
    }
    for lost in &found.lost {
        let there = from.filter(|other| other.objects().read_object(lost).is_ok());
        let place = there.and_then(|other| other.objects().locate(lost).ok().flatten());
        match place {
            None => told.lost += 1,
            // It comes with its pack.
            Some(found) if told.packs.contains(&found.pack) => {}
            Some(_) => told.taken += 1,
        }
    }
    told.left = found.report.findings;
    told
}

fn mend(
    store: &Store,
    from: Option<&Store>,
    found: Diagnosis,
    progress: &dyn Progress,
) -> Result<Repaired, Error> {
    let mut done = Repaired::default();
    if found.report.findings.is_empty() {
        return Ok(done);
    }
    if let Some(other) = from {
        for pack in wanted(&found) {
            if take_pack(store, other, &pack)? {
                done.packs.push(pack);
            }
        }
    }
    done.saved = save(store, &found, &done.packs)?;
    for name in found.packs.keys().filter(|name| !done.packs.contains(name)) {
        done.quarantined.extend(quarantine(store, name)?.map(|place| (*name, place)));
    }
    store.objects().reindex()?;
    done.facts = facts(store)?;
    let left = match from {
        Some(other) => fetch(store, other, &mut done, progress)?,
        None => verify::diagnose(store, Depth::Quick, progress)?,
    };
    done.lost = left.lost.len() as u64;
    done.left = left.report.findings;
    Ok(done)
}

/// Makes the facts again that are not as the journal says, if that is whole.
fn facts(store: &Store) -> Result<Option<u64>, Error> {
    let found = store.ledger().inspect()?;
    let is_usable = found.faults.iter().all(|fault| fault.mends_itself() || matches!(fault, Fault::Fact(_)));
    let is_wrong = found.faults.iter().any(|fault| matches!(fault, Fault::Fact(_)));
    if is_usable && is_wrong { Ok(Some(store.ledger().rebuild()?)) } else { Ok(None) }
}

/// Puts the intact objects of damaged packs into new ones.
fn save(store: &Store, found: &Diagnosis, replaced: &[Digest]) -> Result<u64, Error> {
    let writer = store.writer();
    let mut saved = 0;
    for (name, pack) in found.packs.iter().filter(|(name, _)| !replaced.contains(name)) {
        for at in &pack.intact {
            writer.copy(&Location { pack: *name, at: *at })?;
            saved += 1;
        }
    }
    writer.finish()?;
    Ok(saved)
}

/// Takes from the other store what is lost, and what turns out to be lost with that. Returns what is left.
fn fetch(
    store: &Store,
    other: &Store,
    done: &mut Repaired,
    progress: &dyn Progress,
) -> Result<Diagnosis, Error> {
    let mut left = verify::diagnose(store, Depth::Quick, progress)?;
    for _ in 0..ROUNDS {
        if left.lost.is_empty() {
            break;
        }
        let writer = store.writer();
        let is_here =
            |digest: &Digest| !left.lost.contains(digest) && matches!(writer.find(digest), Ok(Some(_)));
        let mut taking = Taking { other, writer: &writer, is_here: &is_here, taken: BTreeSet::new() };
        for lost in &left.lost {
            taking.take(*lost)?;
        }
        let taken = taking.taken.len() as u64;
        writer.finish()?;
        if taken == 0 {
            break;
        }
        done.taken += taken;
        left = verify::diagnose(store, Depth::Quick, progress)?;
    }
    Ok(left)
}

fn file_name(pack: &Digest) -> String {
    format!("{pack}.pack")
}

/// Moves a damaged pack out of the way; `None` if it has gone by itself.
/// How many packs were put aside.
pub fn quarantined(store: &Store) -> Result<usize, Error> {
    match fs::read_dir(store.root().join(QUARANTINE)) {
        Ok(packs) => Ok(packs.count()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(Error::Io { verb: "list", path: store.root().join(QUARANTINE), source }),
    }
}

fn quarantine(store: &Store, pack: &Digest) -> Result<Option<PathBuf>, Error> {
    let dir = store.root().join(QUARANTINE);
    let fail = |source| Error::Io { verb: "move a damaged pack to", path: dir.clone(), source };
    if packs_of(store).find(pack)?.is_none() {
        return Ok(None);
    }
    fs::create_dir_all(&dir).map_err(fail)?;
    let from = store.root().join("packs").join(format!("{pack:.2}")).join(file_name(pack));
    let free = |path: &PathBuf| !path.exists();
    let places = (0..1000).map(|n| match n {
        0 => dir.join(file_name(pack)),
        n => dir.join(format!("{pack}.pack-{n}")),
    });
    let place = places.into_iter().find(free).unwrap_or_else(|| dir.join(format!("{pack}.pack-last")));
    fs::rename(&from, &place).map_err(fail)?;
    [dir.as_path(), from.parent().unwrap_or(&dir)].into_iter().try_for_each(sync).map_err(fail)?;
    Ok(Some(place))
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
