//! What the facts of pipelines name, and the values of the trees that these name: what must be kept for their sake.

use super::error::Error;
use super::follow::REACHED;
use super::job::{self, ARCHIVE, JOBS, JobSource};
use super::registry::{PIPELINES, Record, VERSIONS};
use super::results::RESULTS;
use super::taken::{self, TAKEN};
use crate::history;
use crate::object::{CommitId, Entry, NodeId, ObjectRead, TreePath};
use crate::tree::{self, Cursor, Raw};

/// Something that a fact of pipelines, or a job, names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// A commit.
    Commit(CommitId),
    /// A table of results.
    Results(NodeId),
    /// A map of files whose keys are no paths.
    Logs(NodeId),
    /// A map whose values name nothing.
    Report(NodeId),
    /// The archive of jobs.
    Archive(NodeId),
    /// A file.
    File(Entry),
}

/// What the fact `key` names with this value.
pub fn kept(key: &[u8], value: &[u8]) -> Result<Vec<Kept>, Error> {
    Ok(if key == ARCHIVE {
        vec![Kept::Archive(job::archive_root(value)?)]
    } else if key.starts_with(JOBS) {
        kept_by_job(value)?
    } else if key.starts_with(RESULTS) {
        history::commit_id(value).map(|id| Kept::Results(NodeId::new(*id.digest()))).into_iter().collect()
    } else if key.starts_with(PIPELINES) || key.starts_with(VERSIONS) {
        Record::read(value)?.code.into_iter().map(|(_, entry)| Kept::File(entry)).collect()
    } else if key.starts_with(REACHED) {
        history::commit_id(value).map(Kept::Commit).into_iter().collect()
    } else if key.starts_with(TAKEN) {
        vec![Kept::Commit(taken::commit(value)?)]
    } else {
        Vec::new()
    })
}

/// The number of the repo whose table of results this fact is.
pub fn results_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(RESULTS)?.try_into().ok()?))
}

/// Whether the fact is a job, or their archive.
pub fn is_about_jobs(key: &[u8]) -> bool {
    key == ARCHIVE || key.starts_with(JOBS)
}

/// What the record of a job names. What it read is kept until it has ended.
fn kept_by_job(record: &[u8]) -> Result<Vec<Kept>, Error> {
    let job = job::read(record)?;
    let mut kept: Vec<Kept> =
        job.logs.map(Kept::Logs).into_iter().chain(job.report.map(Kept::Report)).collect();
    if job.state.phase().may_go_on() {
        let read = |input: &job::JobInput| match input.source {
            JobSource::Commit(commit) => Some(Kept::Commit(commit)),
            JobSource::Job(_) => None,
        };
        kept.extend(job.inputs.iter().filter_map(read).chain(job.output.map(Kept::Commit)));
    }
    Ok(kept)
}

/// How the private state of a stage is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateForm {
    /// As files, as the built-in stages do.
    Files,
    /// As a map of datums and what they wrote, as commands do.
    Datums,
}

/// How this state is kept: a map of datums has keys that are no paths, or values that are no files, at its beginning.
pub fn state_form(source: &dyn ObjectRead, state: NodeId) -> Result<StateForm, tree::Error> {
    let is_path = |key: &[u8]| std::str::from_utf8(key).is_ok_and(|key| key.parse::<TreePath>().is_ok());
    let first =
        Cursor::<Entry>::new(source, state).and_then(|mut cursor| Ok(cursor.peek()?.is_none_or(is_path)));
    match first {
        Ok(true) => Ok(StateForm::Files),
        Ok(false) | Err(tree::Error::Malformed { .. }) => Ok(StateForm::Datums),
        Err(error) => Err(error),
    }
}

/// What an entry of the archive of jobs names.
pub fn archive_names(key: &[u8], value: &Raw) -> Result<Vec<Kept>, Error> {
    if job::is_archived(key) { kept_by_job(&value.0) } else { Ok(Vec::new()) }
}
