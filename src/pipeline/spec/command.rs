//! A program that is run for each datum, as a pipeline file describes it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::model::OnConflict;
use crate::object::TreePath;

/// A program to run for each datum.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Files that belong to it.
    pub code: Vec<Declared>,
    /// Additional environment.
    pub env: BTreeMap<String, String>,
    /// How its datums come to it.
    pub batch: Batch,
    /// What it reads on its standard input.
    pub stdin: String,
    /// The exit codes by which it says that it has done its work; 0 is one of them.
    pub success: Vec<i32>,
    /// A program that is run when it has failed for the last time. Where that succeeds, the datum is recovered: it has no output,
    /// does not fail the job, and is tried again by the next one.
    pub err_cmd: Option<Vec<String>>,
    /// How often it is tried.
    pub tries: u32,
    /// How long one datum may take, each time that it is tried.
    pub timeout: Option<Duration>,
    /// How long all datums of a job may take together.
    pub job_timeout: Option<Duration>,
    /// What one process may use.
    pub limits: Limits,
    /// How many datums run at a time; one for each processor if nothing is said.
    pub parallelism: Option<usize>,
    /// Which datums run again though nothing has changed.
    pub reprocess: Reprocess,
    /// What it finds of its previous run.
    pub memory: Memory,
    /// Whether it has a view of the file system of its own.
    pub isolation: Isolation,
    /// Whose environment it finds besides ours.
    pub compat: Option<Compat>,
    /// What happens when two datums write one path.
    pub on_conflict: OnConflict,
}

impl Command {
    /// The program.
    pub fn program(&self) -> &str {
        self.argv.first().map(String::as_str).unwrap_or_default()
    }
}

/// A file or a directory that belongs to a program.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Its path, from the directory of the pipeline file.
    pub path: TreePath,
    /// The byte of the pipeline file at which it is named.
    pub at: usize,
}

/// How the datums of a stage come to its program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Batch {
    /// It is started for each.
    #[default]
    No,
    /// It is started once and told of each, by a line of JSON.
    Json,
    /// The same, by a line that a shell reads.
    Shell,
}

/// What one process may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Its address space, in bytes.
    pub memory: Option<u64>,
    /// Its time on a processor.
    pub cpu: Option<Duration>,
    /// The size of any file that it writes, in bytes.
    pub file_size: Option<u64>,
}

/// Which datums run again though nothing has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reprocess {
    /// Those that have not succeeded.
    #[default]
    UntilSuccess,
    /// All, in every job.
    EveryJob,
}

/// Whether a program has a view of the file system of its own, with its directories under fixed names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Where the system lets it.
    #[default]
    Auto,
    /// It must; elsewhere the job fails.
    Required,
    /// No.
    None,
}

/// Whose environment a program finds besides ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compat {
    /// That of Pachyderm.
    Pachyderm,
}

/// What a program finds of its previous run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Memory {
    /// Nothing.
    #[default]
    Nothing,
    /// The output of the same datum in the last job, and what has changed since in what the datum reads.
    Output,
}
