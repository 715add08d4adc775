//! What every verb has: the store, the person, and the way answers are given.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{self, FREE, Form, Listing, document, print};
use super::complaint::{complaint, failure};
use super::ink::Ink;
use super::pager::{self, Pager};
use super::progress::Bar;
use super::ran::{outcome, triggered, verdict};
use super::trigger;
use crate::fault::Cause;
use crate::history::{self, Author, Location, Resolved, Revision, Target};
use crate::interrupt::{self, Parting};
use crate::object::{CommitId, RepoName};
use crate::pipeline::job::{Isolation, Job, State};
use crate::pipeline::trigger::Caused;
use crate::pipeline::{self, Which};
use crate::progress::{Progress, Silent};
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::view;

/// How much of a command line is recorded with an operation, in characters.
const LONGEST_COMMAND: usize = 1000;

/// How a verb that worked ends: the exit code.
pub(super) type Answer = Result<u8, Cause>;

/// What every verb has.
pub(super) struct Context {
    pub(super) store_path: Option<PathBuf>,
    pub(super) wait: Duration,
    pub(super) form: Form,
    pub(super) author: Author,
    /// How text for people may look.
    pub(super) ink: Ink,
    pager: Pager,
    bar: Bar,
    /// The store that the verb opened.
    pub(super) opened: OnceLock<Store>,
    /// Whether the one JSON document has been given.
    answered: AtomicBool,
    /// What has been done, whether or not it can be told.
    done: OnceLock<&'static str>,
}

/// An answer about a change that is made: the document, the text without what was triggered, and the id or name.
pub(super) struct Made {
    pub(super) document: Value,
    pub(super) text: String,
    pub(super) quiet: String,
    /// What is done, in a few words: `the commit is made`.
    pub(super) done: &'static str,
    /// The operation that did it; `None` when nothing had to be changed.
    pub(super) operation: Option<u64>,
}

/// So many warnings of a job are told at once; its log has all.
const TOLD: usize = 5;

impl Context {
    pub(super) fn new(
        store_path: Option<PathBuf>,
        wait: Duration,
        form: Form,
        author: Option<String>,
        pager: Pager,
    ) -> Self {
        let login = ["VDS_AUTHOR", "USER", "LOGNAME"].into_iter().filter_map(|name| env::var(name).ok());
        let name = author.into_iter().chain(login).find(|name| !name.is_empty());
        let author = Author { name: name.unwrap_or_else(|| "unknown".to_owned()), command: command_line() };
        let (bar, answered) = (Bar::default(), AtomicBool::new(false));
        Self {
            store_path,
            wait,
            form,
            author,
            ink: Ink::of_output(),
            pager,
            bar,
            opened: OnceLock::new(),
            answered,
            done: OnceLock::new(),
        }
    }

    pub(super) fn store(&self) -> Result<Store, Cause> {
        Ok(self.opened(match &self.store_path {
            Some(path) => Store::open(path, self.wait)?,
            None => Store::discover(&env::current_dir().unwrap_or_default(), self.wait)?,
        }))
    }

    /// Remembers the store, to leave it in order.
    pub(super) fn opened(&self, store: Store) -> Store {
        let _ = self.opened.set(store.clone());
        store
    }

    pub(super) fn progress(&self) -> &dyn Progress {
        if self.form != Form::Quiet && io::stderr().is_terminal() { &self.bar } else { &Silent }
    }

    /// Whether the one JSON document has been given.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Gives an answer: `value` as JSON, or what the others make of it.
    pub(super) fn say<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
        quiet: impl FnOnce() -> String,
    ) -> Answer {
        let text = match self.form {
            Form::Json => format!("{}\n", document(value)),
            Form::Text => text(),
            Form::Quiet => quiet(),
        };
        self.answered.store(true, Ordering::Relaxed);
        print(&text).map_err(|cause| match self.done.get() {
            Some(done) => complaint(cause.kind(), cause.to_string(), format!("{done}; {FREE}")),
            None => cause,
        })?;
        Ok(0)
    }

    /// Notes that something has been done, which is said even when its answer cannot be written.
    fn did(&self, what: &'static str) {
        let _ = self.done.set(what);
    }

    /// Gives the answer about what has been done. Should that fail, it is said all the same that it was done.
    pub(super) fn tell<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
        quiet: impl FnOnce() -> String,
    ) -> Answer {
        self.did("what was asked for is done");
        self.say(value, text, quiet)
    }

    /// Gives a list, item by item.
    pub(super) fn list<T>(
        &self,
        items: impl Iterator<Item = Result<T, Cause>>,
        listing: &Listing<'_, T>,
    ) -> Answer {
        self.feed(listing, |put| {
            for item in items {
                if put(&item?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Gives a list whose items `make` hands over, until nobody reads them.
    pub(super) fn feed<T>(
        &self,
        listing: &Listing<'_, T>,
        make: impl FnOnce(&mut dyn FnMut(&T) -> ControlFlow<()>) -> Result<(), Cause>,
    ) -> Answer {
        self.answered.store(true, Ordering::Relaxed);
        answer::list(self.form, listing, make, failure)?;
        Ok(0)
    }

    /// Has a program show what is printed from here on page by page, if a person reads it on a terminal.
    pub(super) fn page(&self) {
        if self.form == Form::Text && self.pager == Pager::Wanted && self.ink != Ink::Raw {
            pager::open();
        }
    }

    /// Tells something on standard error, unless only data is wanted.
    pub(super) fn note(&self, text: &str) {
        if self.form != Form::Quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Tells of jobs that an earlier change of this branch left, where one that changes nothing was asked for.
    pub(super) fn note_waiting(&self, store: &Store, target: &Target) -> Result<(), Cause> {
        let waiting = pipeline::job::waiting(store, &store.session()?, target)?.len() as u64;
        if waiting > 0 {
            self.note(&format!("waiting for `vds run`: {} of {target}", view::count(waiting, "job")));
        }
        Ok(())
    }

    /// Runs what was queued and tells of each job as it ends.
    pub(super) fn run(&self, store: &Store, which: &Which) -> Result<Vec<Job>, Cause> {
        let mut is_told = false;
        let told = |job: &Job| {
            let Job { id, pipeline, stage, branch, .. } = job;
            if let Some(reason) = job.conduct.isolation.as_ref().and_then(Isolation::obstacle)
                && !std::mem::replace(&mut is_told, true)
            {
                self.note(&format!(
                    "note: programs run without /pfs, with $VDS_IN and $VDS_OUT only: {}",
                    view::line(reason)
                ));
            }
            match (&job.error, job.state) {
                (Some(error), _) => {
                    self.note(&format!(
                        "job {id} {pipeline}/{stage}@{branch} {}: {}",
                        job.state.word(),
                        view::line(error)
                    ));
                }
                (_, State::Superseded(by)) => {
                    self.note(&format!(" {pipeline}/{stage}@{branch}: job {id} is superseded by job {by}"));
                }
                (None, _) => self.note(&format!(" {pipeline}/{stage}@{branch}: {}", outcome(job))),
            }
            self.note_warnings(store, job);
        };
        Ok(pipeline::run(store, &self.author, which, self.progress(), told)?)
    }

    /// Tells what a job's logs warn of, unless all it did was to find results again, of which that has been told. Logs that
    /// cannot be read are no reason to fail what has succeeded.
    fn note_warnings(&self, store: &Store, job: &Job) {
        if job.datums.processed == 0 {
            return;
        }
        let warnings = pipeline::job::warnings(store.objects(), job).unwrap_or_default();
        warnings.iter().take(TOLD).for_each(|warning| self.note(&format!("  {warning}")));
        if let Some(more) = warnings.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let id = job.id;
            self.note(&format!(
                "  and {}; `vds job logs {id}` has all",
                view::count(more as u64, "more warning")
            ));
        }
    }

    /// Tells of a change that is made, and runs the jobs that it queued unless they are to wait. People read of the
    /// change before its jobs run; the document tells of the jobs as they ended.
    pub(super) fn made(&self, store: &Store, made: Made, caused: impl Into<Caused>, later: bool) -> Answer {
        let Caused { jobs, moved, .. } = caused.into();
        let undo = undo(made.operation);
        let Made { mut document, text, quiet, done, .. } = self.numbered(made);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("moved".to_owned(), json!(trigger::moves(&moved)));
        }
        let text = text + &trigger::moved(&moved);
        if !jobs.is_empty() {
            interrupt::part_with(Parting::Cut(format!("{done}; `vds run` goes on with its jobs")));
        }
        let later = later || (!jobs.is_empty() && self.leaves_jobs(store)?);
        let which = Some(Which::of(&jobs)).filter(|_| !later && !jobs.is_empty());
        let run = |jobs| which.as_ref().map_or(Ok(jobs), |which| self.run(store, which));
        if self.form == Form::Json {
            return self.ended(document, run(jobs), which.as_ref());
        }
        // What was queued is run, even if nobody could be told of it.
        let said = self.say(&document, || text + &triggered(store, &jobs) + &undo, || quiet);
        let ran = run(jobs)?;
        said?;
        verdict(&ran, which.as_ref()).map(|()| 0)
    }

    /// Tells of a change that is made and triggers nothing.
    pub(super) fn changed(&self, made: Made) -> Answer {
        let undo = undo(made.operation);
        let Made { document, text, quiet, .. } = self.numbered(made);
        self.say(&document, || text + &undo, || quiet)
    }

    /// Notes that the change is made, and lets its document tell which operation made it, if it does not.
    fn numbered(&self, mut made: Made) -> Made {
        let mut is_done = made.operation.is_some();
        if let Some(fields) = made.document.as_object_mut() {
            if is_done || !fields.contains_key("operation") {
                fields.insert("operation".to_owned(), json!(made.operation));
            }
            is_done = fields.get("operation").is_some_and(|number| !number.is_null());
        }
        if is_done {
            self.did(made.done);
        }
        made
    }

    /// Gives the document of jobs that have ended, and the verdict on them.
    pub(super) fn ended(
        &self,
        mut document: Value,
        ran: Result<Vec<Job>, Cause>,
        which: Option<&Which>,
    ) -> Answer {
        let jobs: &[Job] = ran.as_deref().unwrap_or_default();
        let views: Vec<view::Job> = jobs.iter().map(view::Job::from).collect();
        let verdict = verdict(jobs, which);
        let verdict = ran.and(verdict);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("jobs".to_owned(), json!(views));
            if let Err(cause) = &verdict {
                fields.insert("error".to_owned(), failure(cause));
            }
        }
        self.say(&document, String::new, String::new)?;
        verdict.map(|()| 0)
    }
}

/// How a change is taken back.
pub(super) fn undo(operation: Option<u64>) -> String {
    operation.map(|number| format!("undo: vds undo {number}\n")).unwrap_or_default()
}

/// The command line, as the record of operations keeps it.
fn command_line() -> String {
    let is_plain =
        |arg: &str| !arg.is_empty() && !arg.contains(|c: char| c.is_whitespace() || "'\"\\$`".contains(c));
    let quoted = |arg: &str| {
        if is_plain(arg) { arg.to_owned() } else { format!("'{}'", arg.replace('\'', "'\\''")) }
    };
    let args: Vec<String> = env::args_os().map(|arg| quoted(&arg.to_string_lossy())).collect();
    let mut line = args.join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST_COMMAND) {
        line.truncate(end);
        line += "...";
    }
    line
}

/// Finds what a location means.
pub(super) fn resolve(store: &Store, location: &Location) -> Result<Resolved, Cause> {
    Ok(history::resolve(store.session()?, store.objects(), location)?)
}

/// The commit that a revision of a repo means.
pub(super) fn commit_of(store: &Store, repo: &RepoName, rev: Revision) -> Result<CommitId, Cause> {
    Ok(resolve(store, &Location { repo: repo.clone(), rev, path: None })?.commit)
}

/// The tree of a resolved location.
pub(super) fn snapshot<'a>(store: &'a Store, resolved: &Resolved) -> Result<Snapshot<'a>, Cause> {
    let commit = history::load_whole(store.objects(), resolved.commit)?;
    Ok(Snapshot::new(store.objects(), commit.tree))
}
