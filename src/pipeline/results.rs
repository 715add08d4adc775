//! Results that can be found again by content.
//!
//! Each stage's output repo has one table that only grows: from the key of a datum, the hash of what the stage does and
//! of all it reads, to what came out. So a revert, another branch or a merge finds what was made before.

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::history::Repo;
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{Digest, NodeId, ObjectRead, ObjectWrite, codec};
use crate::tree::{self, Cursor, Raw};

/// The version of a record that does not tell when the result was made.
const WITHOUT_TIME: u8 = 1;
const VERSION: u8 = 2;

/// What came out of a datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// The tree of its output.
    pub output: NodeId,
    /// The tree of its private state.
    pub state: NodeId,
    /// Its log: a map from datum to a file.
    pub logs: NodeId,
}

/// What the table has of a datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// What came out of it.
    pub(super) outcome: Outcome,
    /// When that was made, in milliseconds since 1970; 0 where it is not known.
    pub(super) made: i64,
}

impl Record {
    pub(super) fn read(Raw(bytes): &Raw) -> Result<Self, Error> {
        let read = match bytes.first() {
            Some(&WITHOUT_TIME) => {
                codec::decode(WITHOUT_TIME, bytes).map(|outcome| Self { outcome, made: 0 })
            }
            _ => codec::decode(VERSION, bytes),
        };
        read.map_err(malformed)
    }

    pub(super) fn write(&self) -> Result<Raw, Error> {
        Ok(Raw(codec::encode(VERSION, self).map_err(malformed)?))
    }
}

fn malformed(source: codec::Error) -> Error {
    Error::Record { what: "a datum's result", source }
}

/// Where the tables of results lie.
pub const RESULTS: &[u8] = b"results/";

fn key(repo: &Repo) -> Vec<u8> {
    [RESULTS, &repo.id.to_be_bytes()[..]].concat()
}

/// The table of a stage's output repo, if it has one yet.
pub(super) fn root(facts: &Session, repo: &Repo) -> Result<Option<NodeId>, Error> {
    let bytes = facts.get(&key(repo))?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(|bytes| NodeId::new(Digest::from_bytes(bytes))))
}

/// Adds to `batch` that the table moves from `before`, which must still be it, to `after`.
pub(super) fn move_root(batch: &mut Batch, repo: &Repo, before: Option<NodeId>, after: NodeId) {
    let value = |id: NodeId| id.digest().as_bytes().to_vec();
    batch.expect(key(repo), before.map(value)).put(key(repo), value(after));
}

/// The outcome of the datum `datum`, if the table has it.
pub(super) fn find(
    objects: &dyn ObjectRead,
    table: Option<NodeId>,
    datum: &Digest,
) -> Result<Option<Outcome>, Error> {
    Ok(find_each(objects, table, std::slice::from_ref(datum))?.pop().flatten())
}

/// The outcomes of these datums, of each in its place, as far as the table has them. It is gone through once.
pub(super) fn find_each(
    objects: &dyn ObjectRead,
    table: Option<NodeId>,
    datums: &[Digest],
) -> Result<Vec<Option<Outcome>>, Error> {
    let mut outcomes = vec![None; datums.len()];
    let Some(table) = table else { return Ok(outcomes) };
    let mut sorted: Vec<(&Digest, &mut Option<Outcome>)> = datums.iter().zip(&mut outcomes).collect();
    sorted.sort_by_key(|(datum, _)| datum.as_bytes());
    let mut cursor = Cursor::<Raw>::new(objects, table)?;
    for (datum, outcome) in sorted {
        if let Some(value) = cursor.get(datum.as_bytes())? {
            *outcome = Some(Record::read(&value)?.outcome);
        }
    }
    Ok(outcomes)
}

/// The trees that a value of a table of results names: those of the output, of the private state, and of the logs.
pub fn result_names(value: &Raw) -> Result<[NodeId; 3], Error> {
    let Record { outcome, .. } = Record::read(value)?;
    Ok([outcome.output, outcome.state, outcome.logs])
}

/// The table with these outcomes added, which were made at `time` (milliseconds since 1970).
pub(super) fn add(
    sink: &dyn ObjectWrite,
    table: Option<NodeId>,
    new: &[(Digest, Outcome)],
    time: i64,
) -> Result<NodeId, Error> {
    let table = match table {
        Some(table) => table,
        None => tree::empty(sink)?,
    };
    let mut edits = std::collections::BTreeMap::new();
    for (datum, outcome) in new {
        let record = Record { outcome: *outcome, made: time };
        edits.insert(datum.as_bytes().to_vec(), Some(record.write()?));
    }
    Ok(tree::edit(sink, table, edits)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_found_in_one_pass_wherever_they_stand() {
        let objects = crate::object::access::memory::Objects::default();
        let digest = |n: u64| Digest::of(&n.to_le_bytes());
        let outcome = |n| Outcome { output: NodeId::new(digest(n)), ..some() };
        let some: Vec<(Digest, Outcome)> = (0..5000).map(|n| (digest(n), outcome(n))).collect();
        let table = add(&objects, None, &some, 7).unwrap();
        objects.take_counts();
        let asked: Vec<Digest> = (0..5000).rev().chain([7, 9999]).map(digest).collect();
        let found = find_each(&objects, Some(table), &asked).unwrap();
        let (read, _) = objects.take_counts();
        let want = |n: u64| (n < 5000).then(|| outcome(n));
        assert_eq!(found, (0..5000).rev().chain([7, 9999]).map(want).collect::<Vec<_>>());
        assert!(read < 200, "{read} nodes read");
        assert_eq!(find_each(&objects, None, &asked[..2]).unwrap(), [None, None]);
    }

    fn some() -> Outcome {
        let node = NodeId::of(b"x");
        Outcome { output: node, state: node, logs: node }
    }

    #[test]
    fn the_bytes_of_a_result_never_change() {
        let digest = |n: u8| NodeId::new(Digest::from_bytes([n; 32]));
        let outcome = Outcome { output: digest(1), state: digest(2), logs: digest(3) };
        let record = Record { outcome, made: 0x0102 };
        let names = [&[1; 32][..], &[2; 32], &[3; 32]].concat();
        let bytes = [&[2][..], &names, &[2, 1, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(record.write().unwrap().0, bytes);
        assert_eq!(Record::read(&Raw(bytes)).unwrap(), record);
        // As an earlier release wrote it.
        let without = Raw([&[1][..], &names].concat());
        assert_eq!(Record::read(&without).unwrap(), Record { outcome, made: 0 });
    }
}
