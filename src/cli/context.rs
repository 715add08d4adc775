//! What every verb has: the store, the person, and the way answers are given.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::progress::Bar;
use crate::fault::{Cause, Fault};
use crate::history::{self, Author, Location, Resolved};
use crate::pipeline::{self, Which, job::Job};
use crate::progress::{Progress, Silent};
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::view;

/// How an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
    Quiet,
}

/// How a verb that worked ends: the exit code.
pub(super) type Answer = Result<u8, Cause>;

/// What every verb has.
pub(super) struct Context {
    pub(super) store_path: Option<PathBuf>,
    pub(super) wait: Duration,
    pub(super) form: Form,
    pub(super) author: Author,
    bar: Bar,
}

impl Context {
    pub(super) fn new(
        store_path: Option<PathBuf>,
        wait: Duration,
        form: Form,
        author: Option<String>,
    ) -> Self {
        let command = env::args().collect::<Vec<_>>().join(" ");
        let name = author.or_else(|| env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned());
        Self { store_path, wait, form, author: Author { name, command }, bar: Bar::default() }
    }

    pub(super) fn store(&self) -> Result<Store, Cause> {
        Ok(match &self.store_path {
            Some(path) => Store::open(path, self.wait)?,
            None => Store::discover(&env::current_dir().unwrap_or_default(), self.wait)?,
        })
    }

    pub(super) fn progress(&self) -> &dyn Progress {
        if self.form == Form::Text && io::stderr().is_terminal() { &self.bar } else { &Silent }
    }

    /// Gives an answer: `value` as JSON, or what the others make of it.
    pub(super) fn say<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
        quiet: impl FnOnce() -> String,
    ) {
        match self.form {
            Form::Json => print(&json(value)),
            Form::Text => print(&text()),
            Form::Quiet => print(&quiet()),
        }
    }

    /// Tells something on standard error, unless only data is wanted.
    pub(super) fn note(&self, text: &str) {
        if self.form != Form::Quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Runs what was queued, unless that is to wait, and tells of jobs that did not succeed.
    pub(super) fn run(&self, store: &Store, which: &Which) -> Result<Vec<Job>, Cause> {
        let told = |job: &Job| {
            let Job { id, pipeline, stage, branch, .. } = job;
            match &job.error {
                Some(error) => {
                    self.note(&format!("job {id} {pipeline}/{stage}@{branch} {}: {error}", job.state.word()));
                    if job.logs.is_some() {
                        self.note(&format!("hint: `vds job logs {id}` shows what it printed"));
                    }
                }
                None => self.note(&format!(" {pipeline}/{stage}@{branch}: {}", outcome(job))),
            }
        };
        Ok(pipeline::run(store, &self.author, which, self.progress(), told)?)
    }
}

/// What a finished job did, in a few words.
pub(super) fn outcome(job: &Job) -> String {
    let took =
        job.started.zip(job.ended).map(|(from, to)| format!(" in {} ms", to - from)).unwrap_or_default();
    let datums = view::count(job.datums.processed, "datum");
    match job.datums.reused {
        0 => format!("{datums} processed{took}"),
        reused => format!("{datums} processed, {reused} reused{took}"),
    }
}

/// A document: the value's fields, led by the version of the shapes.
fn json<T: Serialize>(value: &T) -> String {
    let mut document = serde_json::to_value(value).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("vds".to_owned(), view::VERSION.into());
    }
    format!("{document}\n")
}

/// Writes data; a reader that has gone away has had enough.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        std::process::exit(0);
    }
}

/// Finds what a location means.
pub(super) fn resolve(store: &Store, location: &Location) -> Result<Resolved, Cause> {
    Ok(history::resolve(store.ledger(), store.objects(), location)?)
}

/// The tree of a resolved location.
pub(super) fn snapshot<'a>(store: &'a Store, resolved: &Resolved) -> Result<Snapshot<'a>, Cause> {
    let commit = history::load(store.objects(), resolved.commit)?;
    Ok(Snapshot::new(store.objects(), commit.tree))
}

/// A failure of the command line itself.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) hint: String,
    pub(super) kind: crate::fault::Kind,
}

impl Fault for Complaint {
    fn kind(&self) -> crate::fault::Kind {
        self.kind
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

pub(super) fn not_found(message: String, hint: &str) -> Cause {
    Complaint { message, hint: hint.to_owned(), kind: crate::fault::Kind::NotFound }.into()
}

pub(super) fn usage(message: &str, hint: &str) -> Cause {
    Complaint { message: message.to_owned(), hint: hint.to_owned(), kind: crate::fault::Kind::Usage }.into()
}
