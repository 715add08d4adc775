//! The JSON shapes, version 1.

use std::fmt;

use serde::Serialize;

use super::text::{time, time_at};
use crate::compare::Comparison;
use crate::compare::Difference;
use crate::draft::Tally;
use crate::history;
use crate::object::{self, CommitId, Entry, FileKind};

/// The version of the JSON shapes; it changes when a field goes or changes its meaning.
pub const VERSION: u32 = 1;

/// A repo.
#[derive(Debug, Clone, Serialize)]
pub struct Repo {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// `PIPELINE/STAGE` if a stage writes it.
    pub output_of: Option<String>,
    /// Its branches.
    pub branches: Vec<Ref>,
    /// Its tags.
    pub tags: Vec<Ref>,
}

/// How a new tree differs from the one before.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Counts {
    /// Files that were not there.
    pub added: u64,
    /// Files with another content or kind.
    pub modified: u64,
    /// Files that are no longer there.
    pub deleted: u64,
    /// Files that have another path; none where renames are not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed: Option<u64>,
}

/// A branch or tag.
#[derive(Debug, Clone, Serialize)]
pub struct Ref {
    /// Its name.
    pub name: String,
    /// The commit it points to.
    pub commit: String,
}

/// A commit.
#[derive(Debug, Clone, Serialize)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The commits it follows.
    pub parents: Vec<String>,
    /// The root of its tree.
    pub tree: String,
    /// Who made it.
    pub author: String,
    /// When, RFC 3339.
    pub time: String,
    /// What was said of it.
    pub message: String,
    /// For a stage's output: what made it.
    pub made_by: Option<MadeBy>,
}

/// What made a stage's output.
#[derive(Debug, Clone, Serialize)]
pub struct MadeBy {
    /// `PIPELINE/STAGE`.
    pub stage: String,
    /// The pipeline's version.
    pub version: u64,
    /// The job.
    pub job: u64,
    /// The run.
    pub run: u64,
    /// What was read.
    pub inputs: Vec<MadeFrom>,
}

/// One input of what a stage made.
#[derive(Debug, Clone, Serialize)]
pub struct MadeFrom {
    /// The input's name in the stage.
    pub name: String,
    /// The repo, by its name at that time.
    pub repo: String,
    /// The branch.
    pub branch: String,
    /// The commit's id.
    pub commit: String,
}

/// A file.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    /// Its path.
    pub path: String,
    /// `file`, `executable` or `symlink`.
    pub kind: &'static str,
    /// Its length in bytes.
    pub size: u64,
    /// The BLAKE3 of its content.
    pub blob: String,
}

/// A directory of a tree.
#[derive(Debug, Clone, Serialize)]
pub struct Directory {
    /// Its path.
    pub path: String,
    /// `directory`.
    pub kind: &'static str,
    /// The bytes of all files below it.
    pub size: u64,
    /// How many files there are below it.
    pub files: u64,
}

/// A path whose file differs between two versions.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The path.
    pub path: String,
    /// `A` added, `M` modified, `D` deleted, `R` renamed.
    pub status: String,
    /// The file before; for a rename, under its old path.
    pub before: Option<File>,
    /// The file after.
    pub after: Option<File>,
}

/// A failure.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// What failed, and why, in one line.
    pub message: String,
    /// What to do about it, in one line.
    pub hint: String,
    /// `refused`, `usage`, `not_found`, `busy`, `damaged`, `job_failed` or `io`.
    pub kind: &'static str,
    /// The exit code that goes with it.
    pub exit_code: u8,
}

impl Repo {
    /// The view of a repo with these branches and tags.
    pub fn new(
        repo: &history::Repo,
        branches: &[(object::BranchName, CommitId)],
        tags: &[(object::TagName, CommitId)],
    ) -> Self {
        Self {
            name: repo.name.to_string(),
            description: repo.description.clone(),
            created: time(repo.created),
            output_of: repo.output_of.as_ref().map(|(pipeline, stage)| format!("{pipeline}/{stage}")),
            branches: branches.iter().map(|(name, id)| Ref::new(name, *id)).collect(),
            tags: tags.iter().map(|(name, id)| Ref::new(name, *id)).collect(),
        }
    }
}

impl From<Tally> for Counts {
    fn from(Tally { added, modified, deleted }: Tally) -> Self {
        Self { added, modified, deleted, renamed: None }
    }
}

impl From<&Comparison> for Counts {
    fn from(comparison: &Comparison) -> Self {
        Self { renamed: Some(comparison.renamed), ..Self::from(comparison.tally) }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} added, {} modified, {} deleted", self.added, self.modified, self.deleted)?;
        self.renamed.filter(|renamed| *renamed > 0).map_or(Ok(()), |renamed| write!(f, ", {renamed} renamed"))
    }
}

impl Ref {
    /// The view of a name and its commit.
    pub fn new(name: impl ToString, commit: CommitId) -> Self {
        Self { name: name.to_string(), commit: commit.to_string() }
    }
}

impl Commit {
    /// The view of a commit.
    pub fn new(id: CommitId, commit: &object::Commit) -> Self {
        let made_by = commit.provenance.as_ref().map(|made| MadeBy {
            stage: format!("{}/{}", made.pipeline, made.stage),
            version: made.version,
            job: made.job,
            run: made.run,
            inputs: made.inputs.iter().map(MadeFrom::new).collect(),
        });
        Self {
            id: id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            tree: commit.tree.to_string(),
            author: commit.author.clone(),
            time: time_at(commit.time, commit.offset),
            message: commit.message.clone(),
            made_by,
        }
    }
}

impl MadeFrom {
    fn new(input: &object::InputCommit) -> Self {
        Self {
            name: input.name.clone(),
            repo: input.repo.clone(),
            branch: input.branch.clone(),
            commit: input.commit.to_string(),
        }
    }
}

/// A kind of file in one word.
pub fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Executable => "executable",
        FileKind::Symlink => "symlink",
    }
}

impl File {
    /// The view of a file.
    pub fn new(path: impl ToString, entry: &Entry) -> Self {
        let kind = kind(entry.kind);
        Self { path: path.to_string(), kind, size: entry.size, blob: entry.blob.to_string() }
    }
}

impl From<&Difference> for Change {
    fn from(difference: &Difference) -> Self {
        let Difference { path, before, after, renamed_from } = difference;
        let after = after.as_ref().map(|entry| File::new(path, entry));
        let before = match renamed_from {
            // What was renamed has the same content.
            Some(old) => after.clone().map(|file| File { path: old.to_string(), ..file }),
            None => before.as_ref().map(|entry| File::new(path, entry)),
        };
        Self { path: path.to_string(), status: difference.letter().to_string(), before, after }
    }
}
