//! A watch: what it was asked for, and its course.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::Error;
use super::notice::{Notices, Noticing};
use super::pace::{Next, Pace};
use super::round::{Memory, Round, pending, round};
use crate::change::{self, Base, Published};
use crate::history::{Author, Target};
use crate::ingest::{self, cache};
use crate::object::{Digest, TreePath};
use crate::owner;
use crate::progress::Progress;
use crate::store::Store;

/// How long is waited before what could not be done is tried again: the first time, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// What becomes of files on the branch that are not in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletions {
    /// They stay.
    Keep,
    /// They go.
    Mirror,
}

/// What becomes of files in the directory once their commit is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// They stay.
    Keep,
    /// They go, unless they have changed.
    Remove,
}

/// How long a watch lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until the process is ended.
    Ended,
    /// Until all that has arrived is committed.
    Quiet,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory.
    pub dir: PathBuf,
    /// The branch.
    pub target: Target,
    /// Where in its tree the files go.
    pub to: Option<TreePath>,
    /// Whether files that go from the directory go from the branch.
    pub deletions: Deletions,
    /// Whether committed files go from the directory.
    pub after: After,
    /// When there is a commit.
    pub pace: Pace,
    /// How changes are noticed.
    pub noticing: Noticing,
    /// How long it lasts.
    pub until: Until,
}

/// A commit of files that arrived.
#[derive(Debug)]
pub struct Arrived {
    /// The commit.
    pub published: Published,
    /// What was said of it.
    pub message: String,
    /// How many files were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many were removed from the directory.
    pub removed: u64,
}

/// A directory that is being watched, by this process alone.
pub struct Watch {
    store: Store,
    options: Options,
    /// The directory's real path.
    dir: PathBuf,
    notices: Notices,
    memory: Memory,
    told: BTreeSet<String>,
    /// When it is looked again without anything having changed, and how long was waited for that.
    again: Option<(Instant, Duration)>,
    /// What the last look could not read.
    unread: Vec<String>,
    begun: Instant,
    _lock: File,
}

/// Where the store remembers a watch of `dir`: what is committed, or who watches.
fn place(store: &Store, dir: &Path, rest: &str, end: &str) -> PathBuf {
    let key = [dir.as_os_str().as_encoded_bytes(), b"\0watch\0", rest.as_bytes()].concat();
    store.root().join("cache").join(format!("{:.32}.{end}", Digest::of(&key)))
}

/// What is committed of a directory belongs to a repo and a branch, not to their names.
fn memory_place(store: &Store, options: &Options, dir: &Path, repo: u64) -> PathBuf {
    let to = options.to.as_ref().map_or("", TreePath::as_str);
    place(store, dir, &format!("{repo}\0{}\0{to}", options.target.branch), "seen")
}

/// Remembers what is committed. Should that fail, it is read again by the next process, and found to differ in nothing.
pub(super) fn remember(store: &Store, options: &Options, dir: &Path, repo: u64, memory: &Memory) {
    let line = |(path, (stamp, blob)): (&TreePath, &(_, _))| (path.as_str().to_owned(), *stamp, *blob);
    let lines: Vec<cache::Line> = memory.iter().map(line).collect();
    if let Err(error) = cache::save(&memory_place(store, options, dir, repo), store.tmp(), &lines) {
        tracing::debug!(%error, "could not remember the files");
    }
}

impl Watch {
    /// Begins to watch. The branch must be one that a person may write, and nobody else may watch the directory.
    pub fn begin(store: &Store, options: Options) -> Result<Self, Error> {
        let dir = options.dir.canonicalize().ok().filter(|dir| dir.is_dir());
        let dir = dir.ok_or_else(|| Error::Gone { dir: options.dir.clone() })?;
        let path = place(store, &dir, "", "watched");
        let locked = path.parent().map_or(Ok(()), fs::create_dir_all);
        let locked = locked.and_then(|()| owner::lock_within(&path, Duration::ZERO));
        let lock = locked.map_err(|source| Error::Lock { path, source })?;
        let lock = lock.ok_or_else(|| Error::Watched { dir: options.dir.clone() })?;
        let Base { repo, head, .. } = change::open(store, &options.target, &store.rehearsal())?;
        let lines = cache::load(&memory_place(store, &options, &dir, repo.id)).into_iter();
        let known = |(path, stamp, blob): cache::Line| Some((path.parse().ok()?, (stamp, blob)));
        // What was committed to a branch that is no more is to be committed again.
        let memory: Memory = lines.filter(|_| head.is_some()).filter_map(known).collect();
        let mut notices = Notices::begin(&dir, store, options.noticing, options.deletions)?;
        let files = ingest::survey(&dir, store)?.files;
        let pending = pending(&files, &memory, &options);
        notices.start(files, pending);
        let (store, begun) = (store.clone(), Instant::now());
        Ok(Self {
            store,
            options,
            dir,
            notices,
            memory,
            told: BTreeSet::new(),
            again: None,
            unread: Vec::new(),
            begun,
            _lock: lock,
        })
    }

    /// Waits for the next commit and makes it; `None` when a watch that lasts until all is quiet has no more to do. What a person
    /// should know meanwhile is told once.
    pub fn next(
        &mut self,
        author: &Author,
        message: Option<&str>,
        progress: &dyn Progress,
        tell: &dyn Fn(&str),
    ) -> Result<Option<Arrived>, Error> {
        loop {
            match self.step() {
                None => {
                    let first = self.unread.first().cloned();
                    return first.map_or(Ok(None), |first| Err(Error::Unread { first }));
                }
                Some(Next::Rest) => self.wait(None, tell)?,
                Some(Next::Wait(time)) => self.wait(Some(time), tell)?,
                Some(Next::Look) => {
                    self.notices.forget();
                    let saying = (author, message);
                    let looked =
                        round(&self.store, &self.options, &self.dir, &mut self.memory, saying, progress);
                    match looked {
                        Ok(round) => {
                            if let Some(arrived) = self.looked(round, tell) {
                                return Ok(Some(arrived));
                            }
                        }
                        Err(error) => self.fail(error, tell)?,
                    }
                }
            }
        }
    }

    /// What is to be done next; `None` at the end.
    fn step(&self) -> Option<Next> {
        let now = Instant::now();
        let next = self.options.pace.next(self.notices.changes(), now);
        let waits = self.again.map(|(at, _)| at.saturating_duration_since(now));
        match (next, waits, self.options.until) {
            (Next::Rest, None, Until::Quiet) => None,
            (Next::Rest, Some(_), Until::Quiet) if self.begun.elapsed() >= self.options.pace.at_most => None,
            (Next::Rest, Some(Duration::ZERO), _) => Some(Next::Look),
            (Next::Rest, Some(time), _) => Some(Next::Wait(time)),
            (other, ..) => Some(other),
        }
    }

    fn wait(&mut self, time: Option<Duration>, tell: &dyn Fn(&str)) -> Result<(), Error> {
        let rested = self.store.rest();
        let waited = self.notices.wait(time);
        rested
            .and_then(|()| self.store.resume())
            .map_err(Error::from)
            .and(waited)
            .or_else(|error| self.fail(error, tell))
    }

    /// Takes note of what a look left over.
    fn looked(&mut self, round: Round, tell: &dyn Fn(&str)) -> Option<Arrived> {
        let Round { published, message, files, bytes, warnings, open, unread, young, removed } = round;
        // A warning that has gone is told again when it comes back.
        let warnings: Vec<String> = warnings.into_iter().chain(unread.iter().cloned()).collect();
        self.told.retain(|told| warnings.contains(told));
        for warning in warnings {
            self.tell_once(warning, tell);
        }
        let left = match self.options.until {
            Until::Ended => open + young + unread.len() as u64,
            Until::Quiet => open,
        };
        self.unread = unread;
        self.again = (left > 0).then(|| self.later());
        published.commit.is_some().then_some(Arrived { published, message, files, bytes, removed })
    }

    /// Tells of a failure that may pass, and tries again later; other failures are the end.
    fn fail(&mut self, error: Error, tell: &dyn Fn(&str)) -> Result<(), Error> {
        if self.options.until == Until::Quiet || !error.may_pass() {
            return Err(error);
        }
        let source =
            std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        self.tell_once(format!("{error}{source}; trying again"), tell);
        self.notices.forget();
        self.again = Some(self.later());
        Ok(())
    }

    /// When to try again: each time after a longer pause.
    fn later(&self) -> (Instant, Duration) {
        let pause = self.again.map_or(PAUSE.0, |(_, pause)| (pause * 2).min(PAUSE.1));
        (Instant::now() + pause, pause)
    }

    fn tell_once(&mut self, text: String, tell: &dyn Fn(&str)) {
        if !self.told.contains(&text) {
            tell(&text);
            self.told.insert(text);
        }
    }
}
