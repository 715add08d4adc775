//! Who else names what goes, and so keeps its bytes in the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::clean::Cleaner;
use super::commits::{Commits, load};
use super::error::Error;
use super::seen::Seen;
use crate::history::{self, Subject};
use crate::object::{BlobId, Digest, NodeId, ObjectWrite};
use crate::pipeline::{self, job};
use crate::snapshot::path_of;

/// Somebody who names what goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Other {
    /// Commits of a repo have it at this path, among others.
    Commits {
        /// The repo.
        repo: String,
        /// A path.
        path: String,
        /// How many commits.
        count: u64,
    },
    /// Results of the stage that writes this repo.
    Results {
        /// The repo.
        repo: String,
    },
    /// The logs of jobs.
    Logs {
        /// The newest of them.
        job: u64,
        /// How many jobs.
        count: u64,
    },
    /// The code of a pipeline.
    Code {
        /// The pipeline.
        pipeline: String,
        /// Its version.
        version: u64,
    },
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commits { repo, path, count: 1 } => write!(f, "{repo}:{path}, in 1 commit"),
            Self::Commits { repo, path, count } => write!(f, "{repo}:{path}, in {count} commits"),
            Self::Results { repo } => write!(f, "results of {repo}"),
            Self::Logs { job, count: 1 } => write!(f, "the log of job {job}"),
            Self::Logs { job, count } => write!(f, "the logs of {count} jobs, such as job {job}"),
            Self::Code { pipeline, version } => write!(f, "the code of {pipeline}, version {version}"),
        }
    }
}

/// Who names one of these blobs, which go from some places only, when all that is to be written is written.
pub(super) fn others(
    sink: &dyn ObjectWrite,
    seen: &Seen,
    commits: &Commits,
    blobs: BTreeSet<BlobId>,
) -> Result<Vec<Other>, Error> {
    if blobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut search = Search { sink, cleaner: Cleaner::new(blobs), trees: HashMap::new() };
    let mut others = search.commits(seen, commits)?;
    let mut jobs = BTreeSet::new();
    for (key, value) in &seen.facts {
        if let Some(id) = pipeline::results_of(key)
            && let Ok(root) = <[u8; 32]>::try_from(&value[..])
        {
            let root = NodeId::new(Digest::from_bytes(root));
            if search.cleaner.results(sink, root)? != root {
                others.push(Other::Results { repo: seen.name(id) });
            }
        } else if let Some(pipeline::Subject::Job(id)) = pipeline::subject(key) {
            jobs.extend(job::read(value)?.logs.map(|logs| (id, logs)));
        } else if job::is_archive(key) {
            job::archived_logs(sink, value, &mut |id, logs| {
                jobs.insert((id, logs));
            })?;
        } else if let Some((pipeline, version, code)) = pipeline::code_in(key, value)?
            && code.iter().any(|blob| search.cleaner.blobs.contains(blob))
        {
            others.push(Other::Code { pipeline, version });
        }
    }
    let mut newest = None;
    let mut count = 0;
    for (id, logs) in jobs {
        if !search.cleaner.found(sink, logs)?.is_empty() {
            (newest, count) = (Some(id), count + 1);
        }
    }
    others.extend(newest.map(|job| Other::Logs { job, count }));
    others.sort();
    others.dedup();
    Ok(others)
}

struct Search<'a> {
    sink: &'a dyn ObjectWrite,
    cleaner: Cleaner,
    /// A path in a tree that has one of them.
    trees: HashMap<NodeId, Option<String>>,
}

impl Search<'_> {
    fn commits(&mut self, seen: &Seen, commits: &Commits) -> Result<Vec<Other>, Error> {
        let mut found: BTreeMap<u64, (String, u64)> = BTreeMap::new();
        for (subject, _, _) in seen.history() {
            let Subject::Commit(repo, id) = subject else { continue };
            if history::find_let_go(self.sink, id)?.is_some() {
                continue;
            }
            let Some(commit) = load(self.sink, commits.became(id))? else { continue };
            if let Some(path) = self.path(commit.tree)? {
                found.entry(repo).or_insert((path, 0)).1 += 1;
            }
        }
        let told = |(repo, (path, count))| Other::Commits { repo: seen.name(repo), path, count };
        Ok(found.into_iter().map(told).collect())
    }

    fn path(&mut self, tree: NodeId) -> Result<Option<String>, Error> {
        if let Some(known) = self.trees.get(&tree) {
            return Ok(known.clone());
        }
        let found = self.cleaner.found(self.sink, tree)?.into_iter().next();
        let path = found.map(|(key, _)| path_of(key)).transpose()?.map(|path| path.to_string());
        self.trees.insert(tree, path.clone());
        Ok(path)
    }
}
