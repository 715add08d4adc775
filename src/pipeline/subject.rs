//! What a fact about pipelines is about, read from its key: for those who look at changes that others made.

use super::clock::CLOCK;
use super::follow::{FOLLOWS, REACHED};
use super::job::{ARCHIVE, JOBS, NEXT_JOB, NEXT_RUN, QUEUE, QUEUED, QUEUED_FROM};
use super::registry::{PIPELINES, VERSIONS};
use super::results::RESULTS;
use super::taken;
use crate::object::{BranchName, PipelineName};

/// What a fact about pipelines is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The pipeline of this name.
    Pipeline(PipelineName),
    /// A version that a pipeline had.
    Version,
    /// The job of this number.
    Job(u64),
    /// What a branch of the repo of this number follows.
    Follow(u64, BranchName),
    /// What an input with a trigger was let have: the numbers of the stage's output and of the repo that is read, and the branch of that.
    Taken(u64, u64, BranchName),
    /// What the machinery keeps for itself: numbers, the queue, the archive, the tables of results, how far branches followed, clocks.
    Machinery,
}

/// What the fact at `key` is about, if it is one about pipelines.
pub fn subject(key: &[u8]) -> Option<Subject> {
    if let Some(name) = key.strip_prefix(PIPELINES) {
        return Some(Subject::Pipeline(std::str::from_utf8(name).ok()?.parse().ok()?));
    }
    if let Some(id) = key.strip_prefix(JOBS) {
        return Some(Subject::Job(u64::from_be_bytes(id.try_into().ok()?)));
    }
    if key.starts_with(VERSIONS) {
        return Some(Subject::Version);
    }
    if let Some((repo, branch)) = key.strip_prefix(FOLLOWS).and_then(|rest| rest.split_first_chunk::<8>()) {
        let branch = std::str::from_utf8(branch).ok()?.parse().ok()?;
        return Some(Subject::Follow(u64::from_be_bytes(*repo), branch));
    }
    if let Some((output, source, branch)) = taken::about(key) {
        return Some(Subject::Taken(output, source, branch));
    }
    let machinery = [QUEUE, QUEUED, RESULTS, CLOCK, REACHED].iter().any(|kind| key.starts_with(kind))
        || [NEXT_JOB, NEXT_RUN, QUEUED_FROM, ARCHIVE].contains(&key);
    machinery.then_some(Subject::Machinery)
}
