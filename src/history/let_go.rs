//! Commits whose files were let go: what rules of retention took from history.
//!
//! Their records stay, so that history can be read and followed. Of each it is written down when its files went and under which rules, in a
//! table in the packs whose root is a fact. It is changed in the batch in which a collection makes known what goes (`gc`), before anything
//! goes: so who finds no files where a record names some knows whether they are lost or were let go. Who is to name such a commit anew, as where a
//! branch stands, asks in the session in which he does so.

use std::collections::BTreeMap;

use chrono::{Local, SecondsFormat, TimeZone};
use serde::{Deserialize, Serialize};

use super::{Error, commit};
use crate::ledger::Session;
use crate::let_go;
use crate::object::{Commit, CommitId, NodeId, ObjectRead, ObjectWrite, codec};
use crate::tree::{self, Cursor, Raw};

/// Under this key the table says that commits' tables of results may have been let go. No commit has it.
const RESULTS: &[u8] = b"results";

const VERSION: u8 = 1;

/// How many bytes the rules may have that somebody else names.
const MAX_RULES: usize = 16 << 10;

/// When the files of a commit were let go, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// In milliseconds since 1970.
    pub time: i64,
    /// The rules, as they are written.
    pub rules: String,
}

impl LetGo {
    /// When, as clocks are set here.
    pub fn shown_time(&self) -> String {
        let at = Local.timestamp_millis_opt(self.time).single();
        at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, false))
    }

    /// Whether it can be told to a person: for who has it from somebody else. The rules may be some that this release does not know.
    pub fn is_legal(&self) -> bool {
        let is_text = !self.rules.trim().is_empty() && !self.rules.contains(char::is_control);
        is_text && self.rules.len() <= MAX_RULES && Local.timestamp_millis_opt(self.time).single().is_some()
    }
}

/// Whether the files of the commit were let go, as the last session told who reads from `objects`.
pub fn find(objects: &dyn ObjectRead, id: CommitId) -> Result<Option<LetGo>, Error> {
    objects.let_go().map_or(Ok(None), |table| find_in(objects, table, id))
}

/// Whether the tables of results that commits name may have been let go, and since when and under which rules. Then they lead nowhere: what
/// results there are is told by the facts, and nothing else needs to be there.
pub fn find_results(objects: &dyn ObjectRead) -> Result<Option<LetGo>, Error> {
    let Some(table) = objects.let_go() else { return Ok(None) };
    at(objects, table, RESULTS, || "results that were let go".to_owned())
}

fn find_in(objects: &dyn ObjectRead, table: NodeId, id: CommitId) -> Result<Option<LetGo>, Error> {
    at(objects, table, id.digest().as_bytes(), || format!("the files of commit {id:.12}"))
}

fn at(
    objects: &dyn ObjectRead,
    table: NodeId,
    key: &[u8],
    what: impl FnOnce() -> String,
) -> Result<Option<LetGo>, Error> {
    let found = Cursor::<Raw>::new(objects, table)?.get(key)?;
    let fail = |source| Error::Fact { what: what(), source };
    found.map(|Raw(bytes)| codec::decode(VERSION, &bytes).map_err(fail)).transpose()
}

/// The commit `id`, for who needs its files: an error if they were let go.
pub fn load_whole(objects: &dyn ObjectRead, id: CommitId) -> Result<Commit, Error> {
    match find(objects, id)? {
        None => commit::load(objects, id),
        Some(gone) => Err(error(id, gone)),
    }
}

/// An error if the files of the commit were let go, for who is about to name it in this session.
pub fn check_whole(facts: &Session, objects: &dyn ObjectRead, id: CommitId) -> Result<(), Error> {
    let Some(table) = let_go::root(facts)? else { return Ok(()) };
    find_in(objects, table, id)?.map_or(Ok(()), |gone| Err(error(id, gone)))
}

fn error(commit: CommitId, gone: LetGo) -> Error {
    Error::LetGo { commit, time: gone.shown_time(), rules: gone.rules }
}

/// Writes the table anew: with these commits, and without those of which `is_known` knows nothing; and, if it is so from now on, with how
/// commits' tables of results were let go. The root, or `None` if there is nothing to change.
pub fn write(
    sink: &dyn ObjectWrite,
    table: Option<NodeId>,
    more: &BTreeMap<CommitId, LetGo>,
    is_known: &dyn Fn(&CommitId) -> bool,
    results: Option<&LetGo>,
) -> Result<Option<NodeId>, Error> {
    let mut edits = Edits::new();
    if let Some(table) = table {
        tree::walk::<Raw, Error>(
            sink,
            table,
            |_| true,
            |key, _| {
                if key != RESULTS && super::commit_id(&key).is_none_or(|id| !is_known(&id)) {
                    edits.insert(key, None);
                }
                Ok(())
            },
        )?;
    }
    edits.extend(additions(more)?);
    if let Some(gone) = results {
        edits.insert(RESULTS.to_vec(), Some(record(gone)?));
    }
    if edits.is_empty() {
        return Ok(None);
    }
    edit(sink, table, edits).map(Some)
}

/// Writes the table with these commits, and all that are in it. Its root.
pub fn add(
    sink: &dyn ObjectWrite,
    table: Option<NodeId>,
    more: &BTreeMap<CommitId, LetGo>,
) -> Result<NodeId, Error> {
    edit(sink, table, additions(more)?)
}

/// What is to become of keys of the table.
type Edits = BTreeMap<Vec<u8>, Option<Raw>>;

fn additions(more: &BTreeMap<CommitId, LetGo>) -> Result<Edits, Error> {
    let mut edits = Edits::new();
    for (id, gone) in more {
        edits.insert(id.digest().as_bytes().to_vec(), Some(record(gone)?));
    }
    Ok(edits)
}

fn record(gone: &LetGo) -> Result<Raw, Error> {
    let fail = |source| Error::Fact { what: "what was let go".to_owned(), source };
    Ok(Raw(codec::encode(VERSION, gone).map_err(fail)?))
}

fn edit(sink: &dyn ObjectWrite, table: Option<NodeId>, edits: Edits) -> Result<NodeId, Error> {
    let table = table.map_or_else(|| tree::empty(sink), Ok)?;
    Ok(tree::edit(sink, table, edits)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::access::memory::Objects;

    #[test]
    fn the_record_is_written_as_ever() {
        let record = LetGo { time: 0x0102, rules: "r@*:keep-last=1".to_owned() };
        let bytes = codec::encode(VERSION, &record).unwrap();
        assert_eq!(bytes, b"\x01\x02\x01\0\0\0\0\0\0\x0f\0\0\0\0\0\0\0r@*:keep-last=1");
    }

    #[test]
    fn the_table_has_what_was_let_go_and_is_known() {
        let objects = Objects::default();
        let gone = |time| LetGo { time, rules: "r@*:keep-last=1".to_owned() };
        let [a, b] = [b"a", b"b"].map(|name| CommitId::of(name));
        let first = write(&objects, None, &BTreeMap::from([(a, gone(1))]), &|_| true, None).unwrap().unwrap();
        let second = write(&objects, Some(first), &BTreeMap::from([(b, gone(2))]), &|id| *id == a, None);
        let second = second.unwrap().unwrap();
        assert_eq!(find_in(&objects, second, a).unwrap(), Some(gone(1)));
        assert_eq!(find_in(&objects, second, b).unwrap(), Some(gone(2)));
        let third =
            write(&objects, Some(second), &BTreeMap::new(), &|id| *id == b, Some(&gone(9))).unwrap().unwrap();
        assert_eq!(find_in(&objects, third, a).unwrap(), None);
        assert_eq!(at(&objects, third, RESULTS, String::new).unwrap(), Some(gone(9)));
        assert_eq!(write(&objects, Some(third), &BTreeMap::new(), &|_| true, None).unwrap(), None);
        let again = add(&objects, Some(third), &BTreeMap::from([(a, gone(1))])).unwrap();
        let [a, b] = [a, b].map(|id| find_in(&objects, again, id).unwrap());
        assert_eq!((a, b), (Some(gone(1)), Some(gone(2))));
        assert_eq!(at(&objects, again, RESULTS, String::new).unwrap(), Some(gone(9)));
    }

    #[test]
    fn what_cannot_be_told_to_a_person_is_not_legal() {
        let is_legal = |time, rules: &str| LetGo { time, rules: rules.to_owned() }.is_legal();
        assert!(is_legal(0, "r@*:keep-last=1 r@main:keep-within=1d") && is_legal(-1, "what comes later"));
        for rules in ["", " ", "\x1b[2J", "two\nlines", &"x".repeat(MAX_RULES + 1)] {
            assert!(!is_legal(0, rules), "{rules:?}");
        }
        assert!(!is_legal(i64::MAX, "r@*:keep-last=1") && !is_legal(i64::MIN, "r@*:keep-last=1"));
    }
}
