//! Our nouns as outsiders see them: the JSON shapes, version 1, and small pieces of text for people.

use std::fmt;

use chrono::{DateTime, FixedOffset, Local};
use serde::Serialize;

use crate::compare::Difference;
use crate::draft::Tally;
use crate::history;
use crate::object::{self, CommitId, Entry, FileKind};
use crate::pipeline::job;

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

/// A job.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// Its run.
    pub run: u64,
    /// `PIPELINE/STAGE`.
    pub stage: String,
    /// The branch of the output.
    pub branch: String,
    /// What caused it.
    pub cause: String,
    /// `queued`, `running`, `succeeded`, `failed` or `skipped`.
    pub state: &'static str,
    /// Datums whose result this job made.
    pub processed: u64,
    /// Datums whose result was found again.
    pub reused: u64,
    /// Datums that failed.
    pub failed: u64,
    /// When it was queued, RFC 3339.
    pub created: String,
    /// How long it ran, in milliseconds.
    pub milliseconds: Option<i64>,
    /// What it published.
    pub output: Option<String>,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
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

/// A time as RFC 3339 in the zone of this machine.
pub fn time(millis: i64) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.with_timezone(&Local).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

fn time_at(millis: i64, offset: i16) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    match FixedOffset::east_opt(i32::from(offset) * 60) {
        Some(zone) => time.with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
        None => time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    }
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
        Self { added, modified, deleted }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} added, {} modified, {} deleted", self.added, self.modified, self.deleted)
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

impl File {
    /// The view of a file.
    pub fn new(path: impl ToString, entry: &Entry) -> Self {
        let kind = match entry.kind {
            FileKind::File => "file",
            FileKind::Executable => "executable",
            FileKind::Symlink => "symlink",
        };
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

impl From<&job::Job> for Job {
    fn from(job: &job::Job) -> Self {
        Self {
            id: job.id,
            run: job.run,
            stage: format!("{}/{}", job.pipeline, job.stage),
            branch: job.branch.clone(),
            cause: job.cause.clone(),
            state: job.state.word(),
            processed: job.datums.processed,
            reused: job.datums.reused,
            failed: job.datums.failed,
            created: time(job.created),
            milliseconds: job.started.zip(job.ended).map(|(from, to)| to - from),
            output: job.output.map(|id| id.to_string()),
            reason: job.error.clone(),
        }
    }
}

/// A number of bytes for people.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

/// A count with its noun: `1 datum`, `2 datums`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Bytes as a text that JSON can hold: as they are if they are UTF-8, else in base 64 (RFC 4648); and which of the two.
pub fn encoded(bytes: Vec<u8>) -> (&'static str, String) {
    match String::from_utf8(bytes) {
        Ok(text) => ("utf-8", text),
        Err(error) => ("base64", base64(error.as_bytes())),
    }
}

fn base64(bytes: &[u8]) -> String {
    let letter = |six: u32| match u8::try_from(six & 63).unwrap_or(0) {
        n @ 0..=25 => char::from(b'A' + n),
        n @ 26..=51 => char::from(b'a' + n - 26),
        n @ 52..=61 => char::from(b'0' + n - 52),
        62 => '+',
        _ => '/',
    };
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            text.push(if at <= group.len() { letter(bits >> (18 - 6 * at)) } else { '=' });
        }
    }
    text
}

/// A text of several lines for a terminal: control characters other than line ends and tabs are escaped.
pub fn text(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() && !matches!(c, '\n' | '\t') { c.escape_debug().to_string() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

/// A path for a terminal: control characters are escaped.
pub fn path(path: &str) -> String {
    if path.chars().any(char::is_control) { path.escape_debug().to_string() } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text_that_json_can_hold() {
        // The test vectors of RFC 4648, section 10.
        for (bytes, want) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), want, "{bytes}");
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
        assert_eq!(encoded(b"price\n".to_vec()), ("utf-8", "price\n".to_owned()));
        assert_eq!(encoded(vec![0xff]), ("base64", "/w==".to_owned()));
    }

    #[test]
    fn nothing_shown_commands_a_terminal() {
        assert_eq!(path("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(text("a\tb\nc\u{7}"), "a\tb\nc\\u{7}");
    }
}
