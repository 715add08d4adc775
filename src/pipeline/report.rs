//! What became of the datums of a job: of each that it had to do with, by its name. What it carried over from an earlier job is not
//! named here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::object::{Digest, NodeId, ObjectRead, ObjectWrite, codec};
use crate::tree::{self, Cursor, Raw};

const VERSION: u8 = 1;

/// What became of a datum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// The job made its result.
    Processed,
    /// Its result was there.
    Reused,
    /// It came to nothing, for this reason.
    Failed(String),
    /// It came to nothing, and the stage's `err_cmd` says that this is no failure.
    Recovered,
}

/// What is noted of a datum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    /// Its place among all datums of the stage.
    pub(super) order: Vec<u8>,
    /// Its key in the table of results.
    pub(super) key: Digest,
    pub(super) fate: Fate,
}

/// A report by the names of the datums, each of which is followed by what is noted of it.
pub(super) type New = BTreeMap<String, Noted>;

fn malformed(source: codec::Error) -> Error {
    Error::Record { what: "a datum of a job", source }
}

/// The report with these datums added.
pub(super) fn add(sink: &dyn ObjectWrite, report: NodeId, new: &New) -> Result<NodeId, Error> {
    let mut edits = BTreeMap::new();
    for (name, noted) in new {
        let bytes = codec::encode(VERSION, noted).map_err(malformed)?;
        edits.insert(name.clone().into_bytes(), Some(Raw(bytes)));
    }
    Ok(tree::edit(sink, report, edits)?)
}

/// What the report says of the datum of this name, if it names it.
pub(super) fn find(objects: &dyn ObjectRead, report: NodeId, name: &str) -> Result<Option<Noted>, Error> {
    let found = Cursor::<Raw>::new(objects, report)?.get(name.as_bytes())?;
    found.map(|Raw(bytes)| codec::decode(VERSION, &bytes).map_err(malformed)).transpose()
}

/// All that the report names.
pub(super) fn all(objects: &dyn ObjectRead, report: NodeId) -> Result<New, Error> {
    let mut all = New::new();
    for item in Cursor::<Raw>::new(objects, report)? {
        let (name, Raw(bytes)) = item?;
        let noted = codec::decode(VERSION, &bytes).map_err(malformed)?;
        all.insert(String::from_utf8_lossy(&name).into_owned(), noted);
    }
    Ok(all)
}

/// Visits what the results of the datums that the report names are found by.
pub(super) fn keys(
    objects: &dyn ObjectRead,
    report: NodeId,
    visit: &mut dyn FnMut(Digest),
) -> Result<(), Error> {
    for item in Cursor::<Raw>::new(objects, report)? {
        let (_, Raw(bytes)) = item?;
        let Noted { key, .. } = codec::decode(VERSION, &bytes).map_err(malformed)?;
        visit(key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_report_never_change() {
        let check = |fate: Fate, want: &[u8]| {
            let noted = Noted { order: b"a\0".to_vec(), key: Digest::from_bytes([7; 32]), fate };
            let head: &[u8] = &[1, 2, 0, 0, 0, 0, 0, 0, 0, b'a', 0];
            assert_eq!(codec::encode(VERSION, &noted).unwrap(), [head, &[7; 32], want].concat());
        };
        check(Fate::Processed, &[0, 0, 0, 0]);
        check(Fate::Reused, &[1, 0, 0, 0]);
        check(Fate::Recovered, &[3, 0, 0, 0]);
        check(Fate::Failed("x".to_owned()), &[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'x']);
    }
}
