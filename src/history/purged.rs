//! What purges have taken out of history, and what became of the commits that had it.
//!
//! A purge writes commits anew without some files, so they get new ids. That is a fact, with a map (a tree) that holds what a fact is too small for.
//! Its keys are a letter and 32 bytes:
//!
//! - `b`, a blob: it was taken out. The value is a path that it had; empty, if it was in no tree of files.
//! - `c`, an object: it is all of such a blob, or a piece of it. A collection that finds nothing needs it leaves no byte of it.
//! - `n`, a commit: it was written anew as the commit that the value names.
//! - `s`, a commit that was written anew: it is an output, and not what its stage makes of the inputs that it names now.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::{Error, Repo, branch, index, keys};
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{BlobId, CommitId, Digest, NodeId, ObjectRead, ObjectWrite, TreePath, codec};
use crate::tree::{self, Cursor, Raw};

const VERSION: u8 = 1;

const BLOB: u8 = b'b';
const CONTENT: u8 = b'c';
const RENAMED: u8 = b'n';
const STALE: u8 = b's';

/// One purge, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// The number of the operation that made it.
    pub operation: u64,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// What was asked for.
    pub asked: Vec<String>,
    /// How many blobs it took out.
    pub blobs: u64,
    /// The repos whose commits it wrote anew, and how many of each.
    pub commits: Vec<(String, u64)>,
    /// The map.
    pub map: NodeId,
}

/// What goes in the map of a purge.
#[derive(Debug, Clone, Default)]
pub struct PurgeMap {
    /// What was taken out, each with a path that it had in a commit.
    pub blobs: BTreeMap<BlobId, Option<TreePath>>,
    /// The objects that these consist of.
    pub contents: Vec<Digest>,
    /// What commits became.
    pub renamed: BTreeMap<CommitId, CommitId>,
    /// Those of the new ones that are not what their stages make of their inputs.
    pub stale: Vec<CommitId>,
}

fn key(kind: u8, digest: &Digest) -> Vec<u8> {
    [&[kind][..], digest.as_bytes()].concat()
}

impl PurgeMap {
    /// Keeps the map.
    pub fn write(&self, sink: &dyn ObjectWrite) -> Result<NodeId, Error> {
        let mut entries = BTreeMap::new();
        for (blob, path) in &self.blobs {
            let path = path.as_ref().map_or("", TreePath::as_str);
            entries.insert(key(BLOB, blob.digest()), Raw(path.as_bytes().to_vec()));
        }
        for object in &self.contents {
            entries.insert(key(CONTENT, object), Raw(Vec::new()));
        }
        for (old, new) in &self.renamed {
            entries.insert(key(RENAMED, old.digest()), Raw(new.digest().as_bytes().to_vec()));
        }
        for commit in &self.stale {
            entries.insert(key(STALE, commit.digest()), Raw(Vec::new()));
        }
        Ok(tree::build(sink, entries)?)
    }
}

/// A commit that is not there any more, and what it became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The commit.
    pub old: CommitId,
    /// What it was written anew as, at last.
    pub new: CommitId,
    /// When, in milliseconds since 1970.
    pub time: i64,
}

/// The purges that were made, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Purges(Vec<Purge>);

/// The purges that were made.
pub fn purges(facts: &Session) -> Result<Purges, Error> {
    let mut raw = Vec::new();
    facts.scan(keys::PURGE, &mut |_, value| {
        raw.push(value.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(Purges(raw.iter().map(|value| read_purge(value)).collect::<Result<_, _>>()?))
}

/// The purge in the fact's value.
pub fn read_purge(value: &[u8]) -> Result<Purge, Error> {
    codec::decode(VERSION, value).map_err(|source| Error::Fact { what: "a purge".to_owned(), source })
}

/// Adds the record of a purge to `batch`.
pub fn record_purge(batch: &mut Batch, purge: &Purge) -> Result<(), Error> {
    let value =
        codec::encode(VERSION, purge).map_err(|source| Error::Fact { what: "a purge".to_owned(), source })?;
    batch.put(keys::purge(purge.operation), value);
    Ok(())
}

impl Purges {
    /// All of them, oldest first.
    pub fn all(&self) -> &[Purge] {
        &self.0
    }

    /// What became of the commits of which the ids start with these hexadecimal digits, at most `limit`.
    pub fn find(
        &self,
        objects: &dyn ObjectRead,
        digits: &str,
        limit: usize,
    ) -> Result<Vec<Rewritten>, Error> {
        let digits = digits.to_ascii_lowercase();
        let whole: Vec<u8> = (0..digits.len() / 2)
            .filter_map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        let start = [&[RENAMED][..], &whole].concat();
        let mut found: BTreeMap<CommitId, Rewritten> = BTreeMap::new();
        for purge in &self.0 {
            // What an earlier one wrote, a later one may have written anew.
            for rewritten in found.values_mut() {
                if let Some(new) = renamed(objects, purge, rewritten.new)? {
                    (rewritten.new, rewritten.time) = (new, purge.time);
                }
            }
            let mut cursor = Cursor::<Raw>::new(objects, purge.map)?;
            cursor.seek(&start)?;
            for item in cursor {
                let (key, Raw(value)) = item?;
                if found.len() >= limit || !key.starts_with(&start) {
                    break;
                }
                let old = key.get(1..).and_then(branch::commit_id);
                if let Some((old, new)) = old.zip(branch::commit_id(&value))
                    && old.to_string().starts_with(&digits)
                {
                    found.insert(old, Rewritten { old, new, time: purge.time });
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// What became of a commit at last; itself, if no purge has written it anew.
    pub fn current(&self, objects: &dyn ObjectRead, mut id: CommitId) -> Result<CommitId, Error> {
        for purge in &self.0 {
            id = renamed(objects, purge, id)?.unwrap_or(id);
        }
        Ok(id)
    }

    /// Whether the output `id` was written anew by a purge, and is not what its stage makes of the inputs that it names.
    pub fn is_stale(&self, objects: &dyn ObjectRead, id: CommitId) -> Result<bool, Error> {
        for purge in &self.0 {
            if Cursor::<Raw>::new(objects, purge.map)?.get(&key(STALE, id.digest()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Visits the objects of what was taken out.
    pub fn contents(&self, objects: &dyn ObjectRead, visit: &mut dyn FnMut(Digest)) -> Result<(), Error> {
        for purge in &self.0 {
            let mut cursor = Cursor::<Raw>::new(objects, purge.map)?;
            cursor.seek(&[CONTENT])?;
            for item in cursor {
                let (key, _) = item?;
                let Some(digest) = key.strip_prefix(&[CONTENT]).and_then(|rest| rest.try_into().ok()) else {
                    break;
                };
                visit(Digest::from_bytes(digest));
            }
        }
        Ok(())
    }
}

/// An error if a purge has written the commit anew since it was looked up: it is not to be named again.
pub fn check_current(
    facts: &Session,
    objects: &dyn ObjectRead,
    repo: &Repo,
    id: CommitId,
) -> Result<(), Error> {
    let purges = purges(facts)?;
    for purge in purges.all().iter().rev() {
        if renamed(objects, purge, id)?.is_some() {
            // It may have come back from another store.
            if index::has_commit(facts, repo, &id)? {
                return Ok(());
            }
            let new = purges.current(objects, id)?;
            return Err(Error::Rewritten { repo: repo.name.clone(), old: id, new, time: purge.time });
        }
    }
    Ok(())
}

fn renamed(objects: &dyn ObjectRead, purge: &Purge, id: CommitId) -> Result<Option<CommitId>, Error> {
    let found = Cursor::<Raw>::new(objects, purge.map)?.get(&key(RENAMED, id.digest()))?;
    Ok(found.and_then(|Raw(value)| branch::commit_id(&value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::access::memory::Objects;

    fn id(n: u64) -> CommitId {
        CommitId::of(&n.to_le_bytes())
    }

    fn purge(objects: &Objects, operation: u64, map: &PurgeMap) -> Purge {
        let (author, reason) = ("Ann".to_owned(), "law".to_owned());
        let map = map.write(objects).unwrap();
        let time = i64::try_from(operation).unwrap();
        Purge { operation, time, author, reason, asked: Vec::new(), blobs: 0, commits: Vec::new(), map }
    }

    #[test]
    fn a_commit_leads_to_what_it_became_however_often() {
        let objects = Objects::default();
        let of = |pairs: &[(u64, u64)]| PurgeMap {
            renamed: pairs.iter().map(|(old, new)| (id(*old), id(*new))).collect(),
            stale: vec![id(11)],
            contents: vec![Digest::of(b"x")],
            ..PurgeMap::default()
        };
        let first = purge(&objects, 5, &of(&[(1, 11), (2, 12)]));
        let second = purge(&objects, 9, &of(&[(11, 21), (3, 13)]));
        let purges = Purges(vec![first, second]);
        let find = |n: u64, digits: usize| {
            let found = purges.find(&objects, &id(n).to_string()[..digits], 5).unwrap();
            found.into_iter().find(|found| found.old == id(n)).map(|found| (found.new, found.time))
        };
        for digits in [64, 13, 12] {
            assert_eq!(find(1, digits), Some((id(21), 9)));
            assert_eq!(find(2, digits), Some((id(12), 5)));
            assert_eq!(find(3, digits), Some((id(13), 9)));
            assert_eq!(find(4, digits), None);
        }
        assert_eq!(purges.current(&objects, id(1)).unwrap(), id(21));
        assert_eq!(purges.current(&objects, id(4)).unwrap(), id(4));
        assert!(purges.is_stale(&objects, id(11)).unwrap());
        assert!(!purges.is_stale(&objects, id(12)).unwrap());
        let mut seen = Vec::new();
        purges.contents(&objects, &mut |digest| seen.push(digest)).unwrap();
        assert_eq!(seen, [Digest::of(b"x"); 2]);
    }
}
