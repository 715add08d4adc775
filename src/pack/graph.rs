//! The history as a graph: what each commit comes from, without its record.
//!
//! A walk over many commits needs nothing of them but their parents and generations, and to find, read, decompress and hash a
//! record for that costs twenty times what it takes to look them up here (git calls its like the commit-graph).
//!
//! Layout: `vdsgrph` and version 1 (8 bytes), the digest of the rest, the number of commits (u64), then for each, sorted by id, its id (32
//! bytes), its generation (u64) and where its parents end (u64), and then the parents' ids, 32 bytes each. It is derived from records,
//! which their ids tell for good, so it can be behind but never wrong; a torn one is passed over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::search::search;
use crate::object::{CommitId, Digest, Lineage};
use crate::owner::Tmp;

const HEAD: &[u8; 8] = b"vdsgrph\x01";
const FIXED: usize = 8 + 32 + 8;
const ROW: usize = 32 + 8 + 8;
const ID: usize = 32;

/// The file is written anew when so many commits are new to it,
const WORTH: usize = 1000;

/// and at least one for so many that it has: so each is written a bounded number of times.
const SHARE: usize = 16;

/// The graph, as far as it is known.
#[derive(Debug)]
pub(super) struct Graph {
    place: PathBuf,
    tmp: Tmp,
    /// What is loaded; nothing before it was asked for.
    known: RwLock<Option<Arc<Known>>>,
}

#[derive(Debug, Default)]
struct Known {
    bytes: Vec<u8>,
    rows: usize,
}

impl Known {
    /// What these bytes say, if they are whole.
    fn new(bytes: Vec<u8>) -> Option<Self> {
        let rest = bytes.strip_prefix(HEAD)?;
        let (sum, rest) = rest.split_first_chunk::<32>()?;
        let rows = usize::try_from(u64::from_le_bytes(*rest.first_chunk()?)).ok()?;
        let fits = rows
            .checked_mul(ROW)
            .and_then(|len| len.checked_add(FIXED))
            .is_some_and(|len| len <= bytes.len());
        (fits && Digest::of(rest).as_bytes() == sum).then_some(Self { bytes, rows })
    }

    fn row(&self, at: usize) -> Option<&[u8]> {
        self.bytes.get(FIXED + at * ROW..FIXED + (at + 1) * ROW)
    }

    /// Where the parents of row `at` end.
    fn end(&self, at: usize) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(*self.row(at)?.get(ID + 8..)?.first_chunk()?)).ok()
    }

    fn get(&self, at: usize) -> Option<Lineage> {
        let generation = u64::from_le_bytes(*self.row(at)?.get(ID..)?.first_chunk()?);
        let start = at.checked_sub(1).map_or(Some(0), |before| self.end(before))?;
        let parents = self.bytes.get(FIXED + self.rows * ROW..)?;
        let parents = parents.get(start.checked_mul(ID)?..self.end(at)?.checked_mul(ID)?)?;
        let id = |bytes: &[u8]| Some(CommitId::new(Digest::from_bytes(*bytes.first_chunk()?)));
        Some(Lineage { generation, parents: parents.chunks(ID).map(id).collect::<Option<_>>()? })
    }

    fn find(&self, id: CommitId) -> Option<Lineage> {
        let key = |at| self.row(at).and_then(|row| row.get(..ID));
        self.get(search(self.rows, id.digest(), key)?)
    }

    /// All that is known.
    fn all(&self) -> impl Iterator<Item = (CommitId, Lineage)> {
        (0..self.rows).filter_map(|at| {
            let id = CommitId::new(Digest::from_bytes(*self.row(at)?.first_chunk()?));
            Some((id, self.get(at)?))
        })
    }
}

/// Whether these are the bytes of a whole file.
pub(super) fn is_whole(bytes: Vec<u8>) -> bool {
    Known::new(bytes).is_some()
}

/// The bytes of the file that says this.
fn to_bytes(commits: &BTreeMap<CommitId, Lineage>) -> Vec<u8> {
    let mut rest = Vec::with_capacity(8 + commits.len() * (ROW + ID));
    rest.extend((commits.len() as u64).to_le_bytes());
    let mut end = 0;
    for (id, lineage) in commits {
        end += lineage.parents.len() as u64;
        rest.extend(id.digest().as_bytes());
        rest.extend(lineage.generation.to_le_bytes());
        rest.extend(end.to_le_bytes());
    }
    let parents = commits.values().flat_map(|lineage| &lineage.parents);
    parents.for_each(|parent| rest.extend(parent.digest().as_bytes()));
    [HEAD.as_slice(), Digest::of(&rest).as_bytes(), &rest].concat()
}

impl Graph {
    /// The graph that is kept in the file `place`.
    pub(super) fn new(place: PathBuf, tmp: &Tmp) -> Self {
        Self { place, tmp: tmp.clone(), known: RwLock::default() }
    }

    fn known(&self) -> Arc<Known> {
        if let Some(known) = &*self.known.read().unwrap_or_else(PoisonError::into_inner) {
            return Arc::clone(known);
        }
        let known = Arc::new(self.load());
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        known
    }

    fn load(&self) -> Known {
        fs::read(&self.place).ok().and_then(Known::new).unwrap_or_default()
    }

    /// What the commit comes from, if that is known.
    pub(super) fn find(&self, id: CommitId) -> Option<Lineage> {
        self.known().find(id)
    }

    /// Takes up what these commits come from, if they are so many that it is worth it.
    pub(super) fn learn(&self, commits: &[(CommitId, Lineage)]) {
        if commits.len() < WORTH || commits.len() < self.known().rows / SHARE {
            return;
        }
        // Others may have learnt something meanwhile.
        let mut all: BTreeMap<CommitId, Lineage> = self.load().all().collect();
        all.extend(commits.iter().cloned());
        let bytes = to_bytes(&all);
        if let Err(error) = self.save(&bytes) {
            tracing::debug!(%error, "could not keep the graph of commits");
        }
        let known = Known::new(bytes).map(Arc::new);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn save(&self, bytes: &[u8]) -> io::Result<()> {
        let draft = self.tmp.path()?;
        File::create_new(&draft)?.write_all(bytes)?;
        fs::rename(draft, &self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> CommitId {
        CommitId::of(&number.to_le_bytes())
    }

    /// So many commits from `first` on, each with as many parents as its number has ones.
    fn commits(first: usize, count: usize) -> Vec<(CommitId, Lineage)> {
        let lineage = |number: usize| Lineage {
            generation: number as u64,
            parents: (0..number.count_ones() as usize).map(|n| id(number - n - 1)).collect(),
        };
        (first..first + count).map(|number| (id(number), lineage(number))).collect()
    }

    #[test]
    fn what_was_learnt_is_known_to_all_and_what_is_torn_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let graph = || Graph::new(dir.path().join("graph"), &Tmp::new(dir.path()));
        let (first, second) = (commits(1, WORTH), commits(WORTH + 1, WORTH));
        let (one, other) = (graph(), graph());
        assert_eq!(other.find(id(1)), None);
        one.learn(&first[1..]);
        assert_eq!(one.find(id(2)), None, "too few to be worth it");
        one.learn(&first);
        // The other one had looked before, and takes up what is there by now.
        other.learn(&second);
        for (id, lineage) in first.iter().chain(&second) {
            assert_eq!(graph().find(*id).as_ref(), Some(lineage));
            assert_eq!(other.find(*id).as_ref(), Some(lineage));
        }
        assert_eq!(other.find(id(0)), None);
        let whole = fs::read(&one.place).unwrap();
        for at in [0, 8, 40, FIXED, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&one.place, &bytes).unwrap();
            assert_eq!(graph().find(id(1)), None, "{at}");
            fs::write(&one.place, &whole[..at]).unwrap();
            assert_eq!(graph().find(id(1)), None, "{at}");
        }
    }

    #[test]
    fn the_bytes_of_a_graph_never_change() {
        let bytes = to_bytes(&commits(1, 3).into_iter().collect());
        assert_eq!(bytes.len(), FIXED + 3 * ROW + 4 * ID);
        assert_eq!(
            Digest::of(&bytes).to_string(),
            "031fbbef62048ff9b98f829e8d9820a847a45696504185ed8d20bae8be6535d4",
            "the form of the graph has changed: give it a new number"
        );
    }
}
