//! The small facts in sled 0.34, in short sessions.
//!
//! sled lets one process in, lets its own lock go late when it is dropped, and its `flush` does not reach the disk's
//! platter. So a lock file of ours guards each session, opening is retried while sled's lock lingers, and every batch
//! ends with an fsync of sled's database file. Threads of one process wait for each other without looking at that file: who lets
//! go wakes the next.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use super::turns::{PATIENCE, Turn, Turns};
use super::{Applied, Batch, Error, MetaSession, MetaStore, Visitor};
use crate::owner;

/// sled's page cache. The facts are small; most sessions touch a few pages.
const CACHE_BYTES: u64 = 64 << 20;

/// The pause between two tries to open.
const PAUSE: Duration = Duration::from_micros(200);

/// How long is waited at least by who has had a session before: a program that is being started holds what this process held,
/// for an instant.
const LINGERING: Duration = Duration::from_millis(200);

/// The facts in a directory of sled's, with a lock file beside it.
#[derive(Debug)]
pub struct SledMeta {
    dir: PathBuf,
    lock: PathBuf,
    wait: Duration,
    turns: Arc<Turns>,
}

#[derive(Debug)]
struct SledSession {
    dir: PathBuf,
    /// There until the session is dropped.
    db: Option<sled::Db>,
    // Held to the end of the session, when sled is gone.
    _held: Held,
}

/// The right to a session: among the processes, and among the threads of this one.
#[derive(Debug)]
struct Held {
    _lock: File,
    _turn: Turn,
}

impl SledMeta {
    /// The facts in `dir`, made on the first session, guarded by the file `lock`. A session waits up to `wait` for
    /// other processes.
    pub fn new(dir: &Path, lock: &Path, wait: Duration) -> Self {
        Self { dir: dir.to_owned(), lock: lock.to_owned(), wait, turns: Arc::default() }
    }

    fn take_lock(&self) -> Result<Held, Error> {
        let begun = Instant::now();
        let busy = || {
            let place = self.lock.display().to_string();
            Error::Busy { place, waited: begun.elapsed().as_secs(), holder: owner::holder(&self.lock) }
        };
        let turn = Turn::take(&self.turns, self.wait.max(PATIENCE)).ok_or_else(busy)?;
        let wait = if turn.is_later() { self.wait.max(LINGERING) } else { self.wait };
        match owner::lock_within(&self.lock, wait) {
            Ok(Some(lock)) => Ok(Held { _lock: lock, _turn: turn }),
            Ok(None) => Err(busy()),
            Err(source) => Err(io_error("lock", &self.lock, source)),
        }
    }

    fn open(&self) -> Result<sled::Db, Error> {
        if is_empty(&self.dir) {
            self.begin()?;
        }
        self.sweep_snapshots();
        self.open_at(&self.dir)
    }

    /// Has sled make its files beside the place, and puts them there when they are whole and on disk: what a killed process has left
    /// half made could not be opened, and there is no journal yet to make it from again.
    fn begin(&self) -> Result<(), Error> {
        let draft = self.dir.with_extension("new");
        let failed = |source| io_error("begin the facts", &self.dir, source);
        match fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let db = self.open_at(&draft)?;
        guarded(|| drop(db)).map_err(|reason| stopped("begin the facts", &draft, &reason))?;
        sync_all_in(&draft)
            .and_then(|()| fs::rename(&draft, &self.dir))
            .and_then(|()| self.dir.parent().map_or(Ok(()), |above| File::open(above)?.sync_all()))
            .map_err(failed)
    }

    fn open_at(&self, dir: &Path) -> Result<sled::Db, Error> {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let begun = Instant::now();
        loop {
            let opened = guarded(|| config.open());
            let lingering =
                matches!(&opened, Ok(Err(sled::Error::Io(e))) if e.to_string().contains("acquire lock"));
            match opened {
                Ok(Ok(db)) => return Ok(db),
                // Our own lock is held, so this is a session of this process that sled has not quite let go.
                _ if lingering && begun.elapsed() < self.wait.max(Duration::from_secs(5)) => {
                    thread::sleep(PAUSE);
                }
                Ok(Err(sled::Error::Io(source))) if !is_damage(&source) => {
                    return Err(io_error("open the facts", dir, source));
                }
                Ok(Err(error)) => return Err(unopenable(dir, &error.to_string())),
                Err(reason) => return Err(stopped("open the facts", dir, &reason)),
            }
        }
    }

    /// A snapshot that was being written when its process died stops sled from opening.
    fn sweep_snapshots(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().ends_with(".generating") {
                // If it cannot be removed, opening says what is wrong.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl MetaStore for SledMeta {
    fn session(&self) -> Result<Box<dyn MetaSession>, Error> {
        let held = self.take_lock()?;
        let db = self.open()?;
        Ok(Box::new(SledSession { dir: self.dir.clone(), db: Some(db), _held: held }))
    }

    fn set_aside(&self) -> Result<Option<PathBuf>, Error> {
        let _held = self.take_lock()?;
        if !self.dir.exists() {
            return Ok(None);
        }
        let aside =
            (1..1000).map(|n| self.dir.with_extension(format!("broken-{n}"))).find(|path| !path.exists());
        let aside = aside.unwrap_or_else(|| self.dir.with_extension("broken"));
        fs::rename(&self.dir, &aside).map_err(|source| io_error("set aside the facts", &self.dir, source))?;
        Ok(Some(aside))
    }
}

impl SledSession {
    fn wrap<T>(
        &self,
        verb: &'static str,
        act: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, Error> {
        let Some(db) = &self.db else { return Err(unopenable(&self.dir, "they are closed")) };
        match guarded(|| act(db)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(sled::Error::Io(source))) => Err(io_error(verb, &self.dir, source)),
            Ok(Err(error)) => Err(unopenable(&self.dir, &error.to_string())),
            Err(reason) => Err(stopped(verb, &self.dir, &reason)),
        }
    }
}

impl MetaSession for SledSession {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.wrap("read a fact", |db| Ok(db.get(key)?.map(|value| value.to_vec())))
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visitor<'_>) -> Result<(), Error> {
        self.wrap("read facts", |db| {
            for pair in db.scan_prefix(prefix) {
                let (key, value) = pair?;
                if visit(&key, &value).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn apply(&mut self, batch: &Batch) -> Result<Applied, Error> {
        for (key, value) in &batch.expect {
            if self.get(key)? != *value {
                return Ok(Applied::Stale { key: key.clone() });
            }
        }
        let mut writes = sled::Batch::default();
        for (key, value) in &batch.writes {
            match value {
                Some(value) => writes.insert(key.as_slice(), value.as_slice()),
                None => writes.remove(key.as_slice()),
            }
        }
        self.wrap("write facts", |db| {
            db.apply_batch(writes)?;
            db.flush()?;
            File::open(self.dir.join("db"))?.sync_data()?;
            Ok(Applied::Done)
        })
    }
}

impl Drop for SledSession {
    fn drop(&mut self) {
        let db = self.db.take();
        // sled writes and syncs once more, and panics where that fails. What counts was synced before, or is in the journal.
        if let Err(reason) = guarded(|| drop(db)) {
            tracing::warn!(%reason, "the facts could not be closed as they should be; the next command looks after them");
        }
    }
}

/// Whether there is nothing in the directory, or none.
fn is_empty(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Has everything in the directory on disk, and what it says of itself.
fn sync_all_in(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(dir)?.sync_all()
}

/// Whether the file system did its part, and what lies there is wrong.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, IsADirectory, NotADirectory, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | IsADirectory | NotADirectory | UnexpectedEof)
}

thread_local! {
    /// Whether a panic of this thread is caught, and told as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Has nothing printed of panics that are caught here; of others, what was printed before.
fn listen() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                others(panic);
            }
        }));
    });
}

/// sled panics on some damage, and where a disk fails; a store must not.
fn guarded<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    listen();
    let before = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(act));
    GUARDED.set(before);
    done.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("it stopped without a word")
            .to_owned()
    })
}

/// What it means that sled stopped with these words: where the system refused something, its files are not to blame.
fn stopped(verb: &'static str, dir: &Path, reason: &str) -> Error {
    let code = reason.split_once("Os { code: ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
    match code.map(io::Error::from_raw_os_error) {
        Some(source) if !is_damage(&source) => io_error(verb, dir, source),
        _ => unopenable(dir, reason),
    }
}

fn unopenable(dir: &Path, reason: &str) -> Error {
    Error::Unopenable { place: dir.display().to_string(), reason: reason.to_owned() }
}

fn io_error(verb: &'static str, place: &Path, source: io::Error) -> Error {
    Error::Io { verb, place: place.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;
    use crate::fault::Fault;

    fn fresh() -> (tempfile::TempDir, SledMeta) {
        let dir = tempfile::tempdir().unwrap();
        let meta = SledMeta::new(&dir.path().join("meta"), &dir.path().join("lock"), Duration::from_secs(10));
        (dir, meta)
    }

    #[test]
    fn it_keeps_the_contract() {
        let (_dir, meta) = fresh();
        conformance::check(&meta);
    }

    #[test]
    fn what_the_system_refuses_is_not_taken_for_damage() {
        let refused = |text| matches!(stopped("open", Path::new("meta"), text), Error::Io { .. });
        assert!(refused("`unwrap()` on an `Err`: Os { code: 5, kind: Uncategorized, message: \"\" }"));
        assert!(!refused("`unwrap()` on an `Err`: Os { code: 22, kind: InvalidInput, message: \"\" }"));
        assert!(!refused("index out of bounds"));
    }

    #[test]
    fn what_a_killed_process_has_begun_is_begun_anew() {
        let (dir, meta) = fresh();
        fs::create_dir(dir.path().join("meta")).unwrap();
        fs::create_dir(dir.path().join("meta.new")).unwrap();
        fs::write(dir.path().join("meta.new/conf"), "half").unwrap();
        let mut batch = Batch::default();
        batch.put(b"key".to_vec(), b"value".to_vec());
        meta.session().unwrap().apply(&batch).unwrap();
        assert!(!dir.path().join("meta.new").exists());
        assert_eq!(meta.session().unwrap().get(b"key").unwrap(), Some(b"value".to_vec()));
    }

    #[test]
    fn a_session_that_waits_too_long_says_so() {
        let (dir, meta) = fresh();
        let _held = meta.session().unwrap();
        let hasty = SledMeta::new(&dir.path().join("meta"), &dir.path().join("lock"), Duration::ZERO);
        let Err(error) = hasty.session() else { panic!("it did not wait") };
        assert!(matches!(error, Error::Busy { .. }));
        if cfg!(target_os = "linux") && Path::new("/proc/locks").exists() {
            let own = format!("wait for process {}, or", std::process::id());
            assert!(error.hint().unwrap().starts_with(&own), "{:?}", error.hint());
        }
    }

    #[test]
    fn threads_of_one_process_wait_for_each_other_though_it_may_not_wait_for_others() {
        let dir = tempfile::tempdir().unwrap();
        let meta = SledMeta::new(&dir.path().join("meta"), &dir.path().join("lock"), Duration::ZERO);
        thread::scope(|scope| {
            for n in 0..4_u8 {
                let meta = &meta;
                scope.spawn(move || {
                    for _ in 0..5 {
                        let mut batch = Batch::default();
                        batch.put(vec![n], vec![n]);
                        assert_eq!(meta.session().unwrap().apply(&batch).unwrap(), Applied::Done);
                    }
                });
            }
        });
    }

    #[test]
    fn what_was_set_aside_makes_room_for_a_fresh_start() {
        let (_dir, meta) = fresh();
        assert_eq!(meta.set_aside().unwrap(), None);
        let mut batch = Batch::default();
        batch.put(b"key".to_vec(), b"value".to_vec());
        meta.session().unwrap().apply(&batch).unwrap();
        assert!(meta.set_aside().unwrap().unwrap().ends_with("meta.broken-1"));
        assert_eq!(meta.session().unwrap().get(b"key").unwrap(), None);
    }
}
