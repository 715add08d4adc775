//! What facts of pipelines come to when commits, and files in what they name, are written anew.

use super::error::Error;
use super::follow::REACHED;
use super::job::{self, ARCHIVE, JOBS};
use super::registry::{PIPELINES, Record, VERSIONS};
use super::results::RESULTS;
use super::taken::{self, TAKEN};
use crate::history;
use crate::object::{BlobId, CommitId, Digest, NodeId, ObjectWrite};

/// One who writes commits, tables and maps anew.
pub trait Rewrite {
    /// What can go wrong.
    type Error: From<Error>;

    /// What becomes of a commit: itself, or another one.
    fn commit(&self, id: CommitId) -> CommitId;

    /// What becomes of a table of results.
    fn results(&mut self, table: NodeId) -> Result<NodeId, Self::Error>;

    /// What becomes of a map of logs.
    fn logs(&mut self, map: NodeId) -> Result<NodeId, Self::Error>;

    /// Whether a file of the code that an older version of a pipeline had is taken out.
    fn drops(&self, code: BlobId) -> bool;
}

/// What the fact `key` comes to that has this value: the same, if nothing of it is written anew. The causes of jobs, which are texts, stay as
/// they are, and so does a pipeline as it is now.
pub fn rewrite<R: Rewrite>(
    sink: &dyn ObjectWrite,
    key: &[u8],
    value: &[u8],
    by: &mut R,
) -> Result<Vec<u8>, R::Error> {
    if key == ARCHIVE {
        job::rewrite_archive(sink, value, by)
    } else if key.starts_with(JOBS) {
        job::rewrite(value, by)
    } else if key.starts_with(RESULTS) {
        let Ok(digest) = <[u8; 32]>::try_from(value) else { return Ok(value.to_vec()) };
        Ok(by.results(NodeId::new(Digest::from_bytes(digest)))?.digest().as_bytes().to_vec())
    } else if key.starts_with(VERSIONS) {
        let mut record = Record::read(value)?;
        let declared = record.code.len();
        record.code.retain(|(_, entry)| !by.drops(entry.blob));
        Ok(if record.code.len() == declared { value.to_vec() } else { record.write()? })
    } else if key.starts_with(REACHED) {
        let renamed = history::commit_id(value).map(|id| by.commit(id));
        Ok(renamed.map_or(value.to_vec(), |id| id.digest().as_bytes().to_vec()))
    } else if key.starts_with(TAKEN) {
        Ok(taken::rewrite(value, |id| by.commit(id))?)
    } else {
        Ok(value.to_vec())
    }
}

/// The pipeline of which this fact tells, at the version that counts now or at an older one, with the files of its code.
pub fn code_in(key: &[u8], value: &[u8]) -> Result<Option<(String, u64, Vec<BlobId>)>, Error> {
    let name = match key.strip_prefix(PIPELINES) {
        Some(name) => name,
        None => match key.strip_prefix(VERSIONS) {
            Some(rest) => rest.split(|byte| *byte == 0).next().unwrap_or_default(),
            None => return Ok(None),
        },
    };
    let record = Record::read(value)?;
    let code = record.code.iter().map(|(_, entry)| entry.blob).collect();
    Ok(Some((String::from_utf8_lossy(name).into_owned(), record.version, code)))
}
