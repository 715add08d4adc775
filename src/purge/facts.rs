//! What facts come to when commits are written anew.

use std::collections::BTreeMap;

use super::clean::Cleaner;
use super::commits::Commits;
use super::error::Error;
use super::seen::Seen;
use crate::content;
use crate::history::{self, PurgeMap, Subject, Target};
use crate::integrate;
use crate::let_go;
use crate::object::{BlobId, CommitId, Digest, Entry, NodeId, ObjectKind, ObjectRead, ObjectWrite};
use crate::pipeline::job::{self, State};
use crate::pipeline::trigger::Moved;
use crate::pipeline::{self, Rewrite};
use crate::tree::{Cursor, Raw};

/// A branch or a tag that comes to point at another commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedRef {
    /// `REPO@NAME`.
    pub name: String,
    /// Whether it is a branch.
    pub is_branch: bool,
    /// Where it pointed.
    pub before: CommitId,
    /// Where it points now.
    pub after: CommitId,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub(super) facts: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) refs: Vec<MovedRef>,
    /// Branches of other stores that are forgotten, as `REPO@REMOTE/BRANCH`.
    pub(super) forgotten: Vec<String>,
    /// The branches whose newest files are others now.
    pub(super) moved: Vec<Moved>,
    /// How many commits of each repo are written anew.
    pub(super) commits: BTreeMap<String, u64>,
}

/// What these facts come to. An error if that cannot be while a merge is open, or a job at work.
pub(super) fn writes(sink: &dyn ObjectWrite, seen: &Seen, commits: &mut Commits) -> Result<Writes, Error> {
    let mut writes = Writes::default();
    for (key, value) in &seen.facts {
        if let Some(subject) = history::subject(key) {
            writes.history(sink, seen, commits, (key, value), subject)?;
            continue;
        }
        check_code(commits, key, value)?;
        let after = pipeline::rewrite(sink, key, value, &mut By { sink, commits })?;
        if let Some(pipeline::Subject::Job(_)) = pipeline::subject(key) {
            check_job(seen, commits, value, &after)?;
        }
        if after != *value {
            writes.facts.insert(key.clone(), Some(after));
        }
    }
    Ok(writes)
}

impl Writes {
    fn history(
        &mut self,
        sink: &dyn ObjectWrite,
        seen: &Seen,
        commits: &Commits,
        (key, value): (&[u8], &[u8]),
        subject: Subject,
    ) -> Result<(), Error> {
        let renamed = |id: CommitId| commits.renamed.get(&id).copied();
        let bytes = |id: CommitId| id.digest().as_bytes().to_vec();
        let named = history::commit_id(value).and_then(|id| Some((id, renamed(id)?)));
        match subject {
            Subject::Branch(repo, name) => {
                let Some((before, after)) = named else { return Ok(()) };
                self.facts.insert(key.to_vec(), Some(bytes(after)));
                let told = format!("{}@{name}", seen.name(repo));
                self.refs.push(MovedRef { name: told, is_branch: true, before, after });
                if commits.edited.contains(&before)
                    && let Some(repo) = seen.repos.get(&repo)
                {
                    self.moved.push(Moved { repo: repo.clone(), branch: name, commit: after });
                }
            }
            Subject::Tag(repo, name) => {
                let Some((before, after)) = named else { return Ok(()) };
                self.facts.insert(key.to_vec(), Some(bytes(after)));
                let name = format!("{}@{name}", seen.name(repo));
                self.refs.push(MovedRef { name, is_branch: false, before, after });
            }
            // It was never seen at the new one.
            Subject::RemoteBranch(repo, name) if named.is_some() => {
                self.facts.insert(key.to_vec(), None);
                self.forgotten.push(format!("{}@{name}", seen.name(repo)));
            }
            Subject::Pin(_, id) => {
                if let Some(new) = renamed(id) {
                    self.rename(key, id, new, bytes(new));
                }
            }
            // What is told of the old ones stays for as long as their records do.
            Subject::LetGo if !commits.let_go.is_empty() => {
                let table = history::add_let_go(sink, let_go::read(value), &commits.let_go)?;
                self.facts.insert(key.to_vec(), Some(table.digest().as_bytes().to_vec()));
            }
            Subject::Commit(repo, id) => {
                if let Some(new) = renamed(id) {
                    self.rename(key, id, new, Vec::new());
                    *self.commits.entry(seen.name(repo)).or_default() += 1;
                }
            }
            Subject::Derived(_, input) => {
                let output = named.map_or(value.to_vec(), |(_, after)| bytes(after));
                if let Some(new) = renamed(input) {
                    self.rename(key, input, new, output);
                } else if output != value {
                    self.facts.insert(key.to_vec(), Some(output));
                }
            }
            Subject::Merge(repo, branch) => {
                let merge = integrate::kept_by_merge(value)?;
                if merge.commits.iter().any(|id| renamed(*id).is_some())
                    || names(sink, &commits.cleaner, merge.conflicts, integrate::conflict_names)?
                    || names(sink, &commits.cleaner, merge.choices, integrate::choice_names)?
                {
                    let repo = seen.name(repo).parse().map_err(history::Error::from)?;
                    return Err(Error::OpenMerge { target: Target { repo, branch } });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The fact whose key ends with `old` has that of `new` from now on.
    fn rename(&mut self, key: &[u8], old: CommitId, new: CommitId, value: Vec<u8>) {
        let start = key.len().saturating_sub(old.digest().as_bytes().len());
        let renamed = [key.get(..start).unwrap_or_default(), new.digest().as_bytes()].concat();
        self.facts.insert(key.to_vec(), None);
        self.facts.insert(renamed, Some(value));
    }
}

/// Whether a map of an open merge names something that goes.
fn names(
    objects: &dyn ObjectRead,
    cleaner: &Cleaner,
    map: NodeId,
    entries: fn(&Raw) -> Result<Vec<Entry>, integrate::Error>,
) -> Result<bool, Error> {
    if cleaner.blobs.is_empty() {
        return Ok(false);
    }
    for item in Cursor::<Raw>::new(objects, map)? {
        let (_, value) = item?;
        if entries(&value)?.iter().any(|entry| cleaner.blobs.contains(&entry.blob)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An error if the job is at work on what goes, or starts from an output that had it: what it makes would have it again.
fn check_job(seen: &Seen, commits: &Commits, before: &[u8], after: &[u8]) -> Result<(), Error> {
    let job = job::read(before)?;
    if !matches!(job.state, State::Running(_)) {
        return Ok(());
    }
    let output = job.stage_name();
    let is_output = |subject: Subject| {
        let Subject::Branch(repo, branch) = subject else { return false };
        branch.as_str() == job.branch && seen.name(repo) == output
    };
    let head = seen.history().find(|(subject, _, _)| is_output(subject.clone()));
    let head = head.and_then(|(_, _, value)| history::commit_id(value));
    if before != after || head.is_some_and(|id| commits.stale.contains(&commits.became(id))) {
        return Err(Error::AtWork { id: job.id, stage: output, state: job.state.phase().told() });
    }
    Ok(())
}

/// An error if the fact is a pipeline that has what goes as its code.
fn check_code(commits: &Commits, key: &[u8], value: &[u8]) -> Result<(), Error> {
    if let Some(pipeline::Subject::Pipeline(_)) = pipeline::subject(key)
        && let Some((pipeline, version, code)) = pipeline::code_in(key, value)?
        && code.iter().any(|blob| commits.cleaner.blobs.contains(blob))
    {
        return Err(Error::Code { pipeline, version });
    }
    Ok(())
}

/// Writes anew what facts of pipelines name.
struct By<'a> {
    sink: &'a dyn ObjectWrite,
    commits: &'a mut Commits,
}

impl Rewrite for By<'_> {
    type Error = Error;

    fn commit(&self, id: CommitId) -> CommitId {
        self.commits.became(id)
    }

    fn results(&mut self, table: NodeId) -> Result<NodeId, Error> {
        self.commits.cleaner.results(self.sink, table)
    }

    fn logs(&mut self, map: NodeId) -> Result<NodeId, Error> {
        self.commits.cleaner.files(self.sink, map)
    }

    fn drops(&self, code: BlobId) -> bool {
        self.commits.cleaner.blobs.contains(&code)
    }
}

/// The objects that a blob consists of.
fn contents(objects: &dyn ObjectRead, blob: BlobId) -> Result<Vec<Digest>, Error> {
    let mut contents = vec![*blob.digest()];
    if objects.read_object(blob.digest())?.kind == ObjectKind::Manifest {
        contents.extend(content::manifest(objects, blob)?.pieces.iter().map(|piece| piece.chunk));
    }
    Ok(contents)
}

/// What the record of a purge keeps beside it.
pub(super) fn map(objects: &dyn ObjectRead, commits: &Commits) -> Result<PurgeMap, Error> {
    let asked = commits.cleaner.blobs.iter().map(|blob| (*blob, None));
    let found = commits.found.iter().map(|(blob, path)| (*blob, Some(path.clone())));
    let mut map = PurgeMap {
        blobs: asked.chain(found).collect(),
        contents: Vec::new(),
        renamed: commits.renamed.clone(),
        stale: commits.stale.iter().copied().collect(),
    };
    for blob in map.blobs.keys() {
        map.contents.extend(contents(objects, *blob)?);
    }
    Ok(map)
}
