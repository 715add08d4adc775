//! What jobs come to when commits, and files in their logs, are written anew.

use std::collections::BTreeMap;

use super::archive::{ARCHIVE, Root, VERSION, broken, is_archived};
use super::record::{self, Job, JobSource};
use crate::object::{NodeId, ObjectRead, ObjectWrite, codec};
use crate::pipeline::{Error, Rewrite};
use crate::tree::{self, Cursor, Raw};

/// Says what the record of a job comes to.
type Edit<'a, E> = dyn FnMut(&[u8]) -> Result<Vec<u8>, E> + 'a;

/// What the record of a job comes to.
pub(in crate::pipeline) fn rewrite<R: Rewrite>(bytes: &[u8], by: &mut R) -> Result<Vec<u8>, R::Error> {
    let before = record::read(bytes)?;
    let mut job = before.clone();
    for input in &mut job.inputs {
        if let JobSource::Commit(id) = input.source {
            input.source = JobSource::Commit(by.commit(id));
        }
    }
    job.output = job.output.map(|id| by.commit(id));
    job.logs = job.logs.map(|logs| by.logs(logs)).transpose()?;
    Ok(if job == before { bytes.to_vec() } else { record::write(&job)? })
}

/// What the record of a job comes to without its logs, if it has ended before this time (milliseconds since 1970) and has any. `empty`
/// is the empty tree, which says that there were some.
pub(in crate::pipeline) fn without_logs(
    bytes: &[u8],
    before: i64,
    empty: NodeId,
) -> Result<Option<Vec<u8>>, Error> {
    let job = record::read(bytes)?;
    let is_old = !job.state.is_living() && job.ended.is_some_and(|ended| ended < before);
    if !is_old || job.logs.is_none_or(|logs| logs == empty) {
        return Ok(None);
    }
    Ok(Some(record::write(&Job { logs: Some(empty), ..job })?))
}

/// What the archive comes to. All of its jobs are gone through.
pub(in crate::pipeline) fn rewrite_archive<R: Rewrite>(
    sink: &dyn ObjectWrite,
    value: &[u8],
    by: &mut R,
) -> Result<Vec<u8>, R::Error> {
    edit_archive(sink, value, &mut |bytes| rewrite(bytes, by))
}

/// The archive with what `edit` makes of the record of each job.
pub(in crate::pipeline) fn edit_archive<E: From<Error>>(
    sink: &dyn ObjectWrite,
    value: &[u8],
    edit: &mut Edit<'_, E>,
) -> Result<Vec<u8>, E> {
    let root: Root = codec::decode(VERSION, value).map_err(broken)?;
    let mut edits = BTreeMap::new();
    for item in Cursor::<Raw>::new(sink, root.map).map_err(Error::from)? {
        let (key, Raw(bytes)) = item.map_err(Error::from)?;
        if is_archived(&key) {
            let after = edit(&bytes)?;
            if after != bytes {
                edits.insert(key, Some(Raw(after)));
            }
        }
    }
    if edits.is_empty() {
        return Ok(value.to_vec());
    }
    let map = tree::edit(sink, root.map, edits).map_err(Error::from)?;
    Ok(codec::encode(VERSION, &Root { map, ..root }).map_err(broken)?)
}

/// Whether the fact names the archive of jobs.
pub fn is_archive(key: &[u8]) -> bool {
    key == ARCHIVE
}

/// Visits the jobs in the archive that this fact names, oldest last, with the maps of their logs.
pub fn archived_logs(
    objects: &dyn ObjectRead,
    value: &[u8],
    visit: &mut dyn FnMut(u64, NodeId),
) -> Result<(), Error> {
    each_archived(objects, value, &mut |Job { id, logs, .. }| {
        logs.into_iter().for_each(|logs| visit(id, logs));
        Ok(())
    })
}

/// Visits the jobs in the archive that this fact names, oldest last.
pub(in crate::pipeline) fn each_archived(
    objects: &dyn ObjectRead,
    value: &[u8],
    visit: &mut dyn FnMut(Job) -> Result<(), Error>,
) -> Result<(), Error> {
    let root: Root = codec::decode(VERSION, value).map_err(broken)?;
    for item in Cursor::<Raw>::new(objects, root.map)? {
        let (key, Raw(bytes)) = item?;
        if is_archived(&key) {
            visit(record::read(&bytes)?)?;
        }
    }
    Ok(())
}
