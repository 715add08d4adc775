//! Noticing that something has changed in a directory.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::choice::is_left_out;
use super::error::Error;
use super::pace::Changes;
use super::run::Deletions;
use crate::ingest::{self, Found};
use crate::object::TreePath;
use crate::stamp::Stamp;
use crate::store::Store;

/// So many paths are told apart between two looks. Of more, some count twice.
const MOST_PATHS: usize = 100_000;

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noticing {
    /// The system tells of them.
    Events,
    /// By looking so often: for file systems whose files others change, on other machines.
    Poll(Duration),
}

/// The changes of a directory, as they are noticed.
pub(super) struct Notices {
    noted: Arc<Noted>,
    ear: Ear,
}

enum Ear {
    /// Held, because with it the system falls silent.
    Events {
        _watcher: RecommendedWatcher,
    },
    Poll(Poll),
}

impl Notices {
    /// Begins to notice.
    pub(super) fn begin(
        dir: &Path,
        store: &Store,
        how: Noticing,
        deletions: Deletions,
    ) -> Result<Self, Error> {
        let noted = Arc::new(Noted::default());
        let ear = match how {
            Noticing::Poll(every) => {
                let (dir, store, seen) = (dir.to_owned(), store.clone(), BTreeMap::new());
                Ear::Poll(Poll { dir, store, every, next: Instant::now() + every, seen })
            }
            Noticing::Events => {
                let store = store.root().canonicalize().unwrap_or_else(|_| store.root().to_owned());
                let filter = Filter { dir: dir.to_owned(), store, deletions };
                let told = Arc::clone(&noted);
                let deaf =
                    |error: notify::Error| Error::Deaf { dir: dir.to_owned(), reason: error.to_string() };
                let mut watcher =
                    notify::recommended_watcher(move |event| filter.hear(event, &told)).map_err(deaf)?;
                watcher.watch(dir, RecursiveMode::Recursive).map_err(deaf)?;
                Ear::Events { _watcher: watcher }
            }
        };
        Ok(Self { noted, ear })
    }

    /// Takes note of what was there at the beginning, of which so many files are to be committed.
    pub(super) fn start(&mut self, found: Vec<Found>, pending: u64) {
        if let Ear::Poll(poll) = &mut self.ear {
            poll.seen = seen(found);
        }
        if pending > 0 {
            self.noted.add(pending);
        }
    }

    /// What has changed since the last [`Self::forget`].
    pub(super) fn changes(&self) -> Option<Changes> {
        self.noted.lock().changes
    }

    /// Forgets what has changed, because it is looked at now.
    pub(super) fn forget(&self) {
        *self.noted.lock() = State::default();
    }

    /// Waits until something changes, or for so long.
    pub(super) fn wait(&mut self, at_most: Option<Duration>) -> Result<(), Error> {
        match &mut self.ear {
            Ear::Events { .. } => self.noted.wait(at_most),
            Ear::Poll(poll) => {
                let changed = poll.wait(at_most)?;
                if changed > 0 {
                    self.noted.add(changed);
                }
            }
        }
        Ok(())
    }
}

/// What was noticed, and the bell that rings when there is more.
#[derive(Default)]
struct Noted {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    changes: Option<Changes>,
    /// The paths of which something was told, and whether they count.
    paths: HashMap<PathBuf, bool>,
}

impl State {
    fn add(&mut self, files: u64) {
        let now = Instant::now();
        let before = self.changes.unwrap_or(Changes { first: now, last: now, files: 0 });
        self.changes = Some(Changes { last: now, files: before.files.saturating_add(files), ..before });
    }
}

impl Noted {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, files: u64) {
        self.lock().add(files);
        self.bell.notify_all();
    }

    fn wait(&self, at_most: Option<Duration>) {
        let state = self.lock();
        let before = state.changes;
        let same = |state: &mut State| state.changes == before;
        match at_most {
            None => drop(self.bell.wait_while(state, same)),
            Some(time) => drop(self.bell.wait_timeout_while(state, time, same)),
        }
    }
}

/// Which of the system's words are about files that are to be committed.
struct Filter {
    dir: PathBuf,
    store: PathBuf,
    deletions: Deletions,
}

impl Filter {
    fn hear(&self, event: notify::Result<Event>, noted: &Noted) {
        let event = match event {
            // Something was lost: it is looked at all of it.
            Err(_) => return noted.add(1),
            Ok(event) if event.need_rescan() => return noted.add(1),
            Ok(event) => event,
        };
        let goes = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => return,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => true,
            _ => false,
        };
        for path in event.paths {
            if path == self.dir || !goes || self.deletions == Deletions::Mirror {
                self.note(path, noted);
            }
        }
    }

    fn note(&self, path: PathBuf, noted: &Noted) {
        let known = noted.lock().paths.get(&path).copied();
        // The files that say what is left out are read without holding anything.
        let counts = known.unwrap_or_else(|| self.counts(&path));
        let mut state = noted.lock();
        let is_new = known.is_none();
        if is_new && state.paths.len() < MOST_PATHS {
            state.paths.insert(path, counts);
        }
        if counts {
            state.add(u64::from(is_new));
            drop(state);
            noted.bell.notify_all();
        }
    }

    fn counts(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.dir) else { return false };
        let text = below.to_string_lossy();
        let path_in_tree = || text.parse::<TreePath>().ok();
        let ignored =
            || path_in_tree().is_some_and(|path| ingest::left_out(&self.dir, &path, false).is_some());
        !path.starts_with(&self.store) && !is_left_out(&text) && !ignored()
    }
}

/// A directory that is looked at every so often.
struct Poll {
    dir: PathBuf,
    store: Store,
    every: Duration,
    next: Instant,
    seen: BTreeMap<TreePath, Stamp>,
}

impl Poll {
    /// Waits for so long, or until it is time to look; then how many files differ.
    fn wait(&mut self, at_most: Option<Duration>) -> Result<u64, Error> {
        let until = self.next.saturating_duration_since(Instant::now());
        thread::sleep(at_most.map_or(until, |time| time.min(until)));
        if Instant::now() < self.next {
            return Ok(0);
        }
        self.next = Instant::now() + self.every;
        let files = seen(ingest::survey(&self.dir, &self.store)?.files);
        let changed = files.iter().filter(|(path, stamp)| self.seen.get(path) != Some(stamp)).count();
        let gone = self.seen.keys().filter(|path| !files.contains_key(path)).count();
        self.seen = files;
        Ok((changed + gone) as u64)
    }
}

/// The files that may be committed, as a later look compares them.
fn seen(found: Vec<Found>) -> BTreeMap<TreePath, Stamp> {
    let wanted = found.into_iter().filter(|found| !is_left_out(found.path.as_str()));
    wanted.map(|found| (found.path, found.stamp)).collect()
}

#[cfg(test)]
mod tests {
    use notify::event::Flag;

    use super::*;

    #[test]
    fn where_the_system_forgot_to_tell_all_is_looked_at() {
        let dir = PathBuf::from("/inbox");
        let filter = Filter { store: dir.join("store"), dir, deletions: Deletions::Keep };
        for lost in [
            Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)),
            Err(notify::Error::generic("the queue is full")),
        ] {
            let noted = Noted::default();
            filter.hear(lost, &noted);
            assert!(noted.lock().changes.is_some());
        }
        let noted = Noted::default();
        let event = Event::new(EventKind::Create(notify::event::CreateKind::File));
        filter.hear(Ok(event.clone().add_path("/inbox/store/x".into())), &noted);
        filter.hear(Ok(event.clone().add_path("/inbox/.x".into())), &noted);
        assert!(noted.lock().changes.is_none());
        filter.hear(Ok(event.add_path("/inbox/x".into())), &noted);
        assert!(noted.lock().changes.is_some());
    }
}
