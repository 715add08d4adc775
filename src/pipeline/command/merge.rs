//! Putting the outputs of datums together, and remembering which datum wrote what.
//!
//! The stage's private state is one map. Below `d` it has each datum, by its place in the order: what it came to and how to
//! speak of it. Below `c` it has each claim to a path: the path, a NUL, the place of the datum. So what a changed datum
//! wrote is found and taken back, and who else wrote a path is seen, without a look at any other datum. Below `r` it has each datum that
//! was recovered. A stage that did
//! all datums anew would leave the same output and the same state, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::datum::{Datum, Plan};
use crate::content::{self, Stream};
use crate::object::{Entry, FileKind, NodeId, ObjectRead, ObjectWrite, codec};
use crate::pipeline::error::Error;
use crate::pipeline::spec::OnConflict;
use crate::tree::{self, Cursor, Raw, Value};

const VERSION: u8 = 1;

/// With this the key of each datum begins.
pub(super) const DATUMS: &[u8] = b"d";

/// What the state tells of a datum.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its name.
    pub(super) name: String,
    /// What it reads, for people.
    pub(super) reads: String,
    /// The tree of its output.
    pub(super) output: NodeId,
}

/// An output and the state that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) output: NodeId,
    pub(super) state: NodeId,
}

/// With this the key of each datum begins that was recovered and is to be tried again.
const RECOVERED: &[u8] = b"r";

/// What a datum came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// The tree of its output.
    Output(NodeId),
    /// Nothing, and that is no failure.
    Recovered,
}

/// A datum and what it came to.
pub(super) type Finished<'a> = (&'a Datum, Run);

fn datum_key(order: &[u8]) -> Vec<u8> {
    [DATUMS, order].concat()
}

fn recovered_key(order: &[u8]) -> Vec<u8> {
    [RECOVERED, order].concat()
}

fn claims_of(path: &[u8]) -> Vec<u8> {
    [b"c", path, b"\0"].concat()
}

fn claim_key(path: &[u8], order: &[u8]) -> Vec<u8> {
    [claims_of(path).as_slice(), order].concat()
}

/// What an entry of the state names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The output of a datum: a tree of files.
    Output(NodeId),
    /// A file that a datum wrote.
    File(Entry),
}

/// What an entry of a command's private state names.
pub fn state_names(key: &[u8], value: &Raw) -> Result<Option<Named>, Error> {
    let malformed = |source| Error::Record { what: "a datum", source };
    if key.starts_with(DATUMS) {
        let record: Record = codec::decode(VERSION, &value.0).map_err(malformed)?;
        return Ok(Some(Named::Output(record.output)));
    }
    if key.starts_with(RECOVERED) {
        return Ok(None);
    }
    Entry::decode(&value.0).map(Named::File).map(Some).ok_or(malformed(codec::Error::Empty))
}

/// The places of the datums that were recovered.
pub(super) fn recovered(objects: &dyn ObjectRead, state: NodeId) -> Result<Vec<Vec<u8>>, Error> {
    let mut cursor = Cursor::<Raw>::new(objects, state)?;
    cursor.seek(RECOVERED)?;
    let mut places = Vec::new();
    while cursor.peek()?.is_some_and(|key| key.starts_with(RECOVERED)) {
        let Some((key, _)) = cursor.next().transpose()? else { break };
        places.push(key.get(RECOVERED.len()..).unwrap_or_default().to_vec());
    }
    Ok(places)
}

/// Whether any datum was recovered.
pub(in crate::pipeline) fn has_recovered(objects: &dyn ObjectRead, state: NodeId) -> Result<bool, Error> {
    let mut cursor = Cursor::<Raw>::new(objects, state)?;
    cursor.seek(RECOVERED)?;
    Ok(cursor.peek()?.is_some_and(|key| key.starts_with(RECOVERED)))
}

/// What the state tells of the datum at this place.
pub(super) fn record(objects: &dyn ObjectRead, state: NodeId, order: &[u8]) -> Result<Option<Record>, Error> {
    record_at(&mut Cursor::new(objects, state)?, order)
}

/// The same with a cursor over the state; places are asked for in their order.
fn record_at(cursor: &mut Cursor<'_, Raw>, order: &[u8]) -> Result<Option<Record>, Error> {
    let decode =
        |raw: Raw| codec::decode(VERSION, &raw.0).map_err(|source| Error::Record { what: "a datum", source });
    cursor.get(&datum_key(order))?.map(decode).transpose()
}

/// Who claims `path`, in the order of the datums, with what they wrote. The cursor goes over the state; paths are asked for in
/// their order.
fn claims(cursor: &mut Cursor<'_, Raw>, path: &[u8]) -> Result<Vec<(Vec<u8>, Entry)>, Error> {
    let prefix = claims_of(path);
    cursor.seek(&prefix)?;
    let mut claims = Vec::new();
    while cursor.peek()?.is_some_and(|key| key.starts_with(&prefix)) {
        let Some((key, Raw(bytes))) = cursor.next().transpose()? else { break };
        let order = key.get(prefix.len()..).unwrap_or_default().to_vec();
        claims.extend(Entry::decode(&bytes).map(|entry| (order, entry)));
    }
    Ok(claims)
}

/// All datums of an output, by its state: the place and the name of each, in their order.
pub(in crate::pipeline) fn datums(
    objects: &dyn ObjectRead,
    state: NodeId,
) -> Result<impl Iterator<Item = Result<(Vec<u8>, String), Error>> + '_, Error> {
    let mut cursor = Cursor::<Raw>::new(objects, state)?;
    cursor.seek(DATUMS)?;
    let own = cursor.take_while(|item| item.as_ref().map_or(true, |(key, _)| key.starts_with(DATUMS)));
    Ok(own.map(|item| {
        let (key, Raw(bytes)) = item?;
        let record: Record =
            codec::decode(VERSION, &bytes).map_err(|source| Error::Record { what: "a datum", source })?;
        Ok((key.get(DATUMS.len()..).unwrap_or_default().to_vec(), record.name))
    }))
}

/// What the datum at this place came to, by an output's state: the tree of its output.
pub(in crate::pipeline) fn output(
    objects: &dyn ObjectRead,
    state: NodeId,
    order: &[u8],
) -> Result<Option<NodeId>, Error> {
    Ok(record(objects, state, order)?.map(|record| record.output))
}

/// The datums that wrote `path`, by an output's state: the name and the place of each, in their order.
pub(in crate::pipeline) fn writers(
    objects: &dyn ObjectRead,
    state: NodeId,
    path: &str,
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut writers = Vec::new();
    for (order, _) in claims(&mut Cursor::<Raw>::new(objects, state)?, path.as_bytes())? {
        writers.extend(record(objects, state, &order)?.map(|record| (record.name, order)));
    }
    Ok(writers)
}

/// For each of the paths, which are in order: the places of the datums that claim it in `state`.
pub(super) fn claimants<'a>(
    objects: &dyn ObjectRead,
    state: NodeId,
    paths: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    let mut paths = paths.peekable();
    if paths.peek().is_none() {
        return Ok(Vec::new());
    }
    let mut cursor = Cursor::<Raw>::new(objects, state)?;
    let places = |path| Ok(claims(&mut cursor, path)?.into_iter().map(|(order, _)| order).collect());
    paths.map(places).collect()
}

/// Carries the plan out on `before`, with what its datums came to.
pub(super) fn merge(
    sink: &dyn ObjectWrite,
    rule: OnConflict,
    before: Merged,
    gone: &BTreeSet<Vec<u8>>,
    finished: &[Finished<'_>],
) -> Result<Merged, Error> {
    let mut edits: BTreeMap<Vec<u8>, Option<Raw>> = BTreeMap::new();
    let mut touched: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut records = Cursor::<Raw>::new(sink, before.state)?;
    let mut recovered = Cursor::<Raw>::new(sink, before.state)?;
    for order in gone {
        if recovered.get(&recovered_key(order))?.is_some() {
            edits.insert(recovered_key(order), None);
        }
        let Some(record) = record_at(&mut records, order)? else { continue };
        for file in Cursor::<Entry>::new(sink, record.output)? {
            let (path, _) = file?;
            edits.insert(claim_key(&path, order), None);
            touched.insert(path);
        }
        edits.insert(datum_key(order), None);
    }
    for (datum, run) in finished {
        let Run::Output(output) = run else {
            edits.insert(recovered_key(&datum.order), Some(Raw(Vec::new())));
            continue;
        };
        for file in Cursor::<Entry>::new(sink, *output)? {
            let (path, entry) = file?;
            let mut bytes = Vec::new();
            entry.encode(&mut bytes);
            edits.insert(claim_key(&path, &datum.order), Some(Raw(bytes)));
            touched.insert(path);
        }
        let record = Record { name: datum.name.clone(), reads: datum.reads(), output: *output };
        let bytes =
            codec::encode(VERSION, &record).map_err(|source| Error::Record { what: "a datum", source })?;
        edits.insert(datum_key(&datum.order), Some(Raw(bytes)));
    }
    let state = tree::edit(sink, before.state, edits)?;
    let mut edits = BTreeMap::new();
    let mut cursor = Cursor::<Raw>::new(sink, state)?;
    for path in touched {
        let claims = claims(&mut cursor, &path)?;
        let entry = if claims.is_empty() { None } else { Some(settle(sink, rule, state, &path, &claims)?) };
        edits.insert(path, entry);
    }
    check_directories(sink, state, edits.iter().filter(|(_, entry)| entry.is_some()).map(|(path, _)| path))?;
    Ok(Merged { output: tree::edit(sink, before.output, edits)?, state })
}

/// The datums of a plan with what each came to, as far as that is known.
pub(super) fn finished<'a>(plan: &'a Plan, runs: &[Option<Run>]) -> Vec<Finished<'a>> {
    plan.datums.iter().zip(runs).filter_map(|(datum, run)| Some((datum, (*run)?))).collect()
}

fn clash(
    objects: &dyn ObjectRead,
    state: NodeId,
    wrote: &str,
    orders: [&[u8]; 2],
    hint: &str,
) -> Result<Error, Error> {
    let mut names = Vec::new();
    for order in orders {
        let told =
            record(objects, state, order)?.map(|record| format!("{} (from {})", record.name, record.reads));
        names.push(told.unwrap_or_default());
    }
    let reason = format!("two datums wrote {wrote}: {}", names.join(" and "));
    Ok(Error::Failed { reason, hint: Some(hint.to_owned()) })
}

/// The file at the path, by the rule for paths that several datums wrote.
fn settle(
    sink: &dyn ObjectWrite,
    rule: OnConflict,
    state: NodeId,
    path: &[u8],
    claims: &[(Vec<u8>, Entry)],
) -> Result<Entry, Error> {
    match (claims, rule) {
        ([(_, only)], _) | ([.., (_, only)], OnConflict::Last) => Ok(*only),
        ([(first, _), (second, _), ..], OnConflict::Error) => {
            let hint = "let each datum write its own path, or set on_conflict to \"concat\" or \"last\"";
            Err(clash(sink, state, &String::from_utf8_lossy(path), [first, second], hint)?)
        }
        (several, _) => {
            let entries: Vec<Entry> = several.iter().map(|(_, entry)| *entry).rev().collect();
            let kept = content::keep(sink, Sequence { objects: sink, entries, current: None })?;
            let kind = several.first().map_or(FileKind::File, |(_, entry)| entry.kind);
            Ok(Entry { kind, blob: kept.blob, size: kept.size })
        }
    }
}

/// No tree has a file and a directory of one name, whatever the rule. `files` are those that are new or changed.
fn check_directories<'a>(
    objects: &dyn ObjectRead,
    state: NodeId,
    files: impl Iterator<Item = &'a Vec<u8>> + Clone,
) -> Result<(), Error> {
    // A file lies below another that is there, or another that is there lies below it.
    let ends = |path: &'a Vec<u8>| {
        path.iter().enumerate().filter(|(_, byte)| **byte == b'/').filter_map(|(end, _)| path.get(..end))
    };
    let above: BTreeSet<&[u8]> = files.clone().flat_map(ends).collect();
    let mut cursor = Cursor::<Raw>::new(objects, state)?;
    let mut suspects: BTreeSet<Vec<u8>> = BTreeSet::new();
    for directory in above {
        if !claims(&mut cursor, directory)?.is_empty() {
            suspects.insert([directory, b"/"].concat());
        }
    }
    suspects.extend(files.map(|path| [path.as_slice(), b"/"].concat()));
    let mut cursor = Cursor::<Raw>::new(objects, state)?;
    for inside in suspects {
        let below = [b"c", inside.as_slice()].concat();
        cursor.seek(&below)?;
        let Some(key) = cursor.peek()?.filter(|key| key.starts_with(&below)) else { continue };
        let mut halves = key.get(1..).unwrap_or_default().splitn(2, |byte| *byte == 0);
        let (inner, other) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        let outer = inside.strip_suffix(b"/").unwrap_or_default();
        let own = claims(&mut Cursor::new(objects, state)?, outer)?;
        let first = own.first().map(|(order, _)| order.as_slice()).unwrap_or_default();
        let shown = |path| String::from_utf8_lossy(path).into_owned();
        let wrote = format!("the file {} and the file {} below it", shown(outer), shown(inner));
        let hint = "let each datum write its own paths; no rule can make a file and a directory of one name";
        return Err(clash(objects, state, &wrote, [first, other], hint)?);
    }
    Ok(())
}

/// The contents of several files, one after another; the last one is read first.
struct Sequence<'a> {
    objects: &'a dyn ObjectRead,
    entries: Vec<Entry>,
    current: Option<Stream<'a>>,
}

impl Read for Sequence<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(reader) = &mut self.current {
                let count = reader.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
            }
            let Some(entry) = self.entries.pop() else { return Ok(0) };
            self.current = Some(content::open(self.objects, entry.blob).map_err(io::Error::other)?.into());
        }
    }
}
