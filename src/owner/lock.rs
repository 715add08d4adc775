//! Locks that the kernel lets go of when their holder ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, major, minor, openat};

/// How long is waited before a lock is tried again: the first time, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));

/// How long is waited in silence.
const PATIENCE: Duration = Duration::from_secs(2);

/// The lock on the directory `path`; `None` if a sweep that took it for a dead one's came first.
pub(super) fn lock_still_there(path: &Path) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    let held = file.metadata()?.ino();
    Ok(fs::metadata(path).is_ok_and(|there| there.ino() == held).then_some(file))
}

/// The lock on the file `path`, which is made if it is not there; `None` if another process holds it for longer than
/// `wait`. The kernel lets go of it when the process ends.
pub fn lock_within(path: &Path, wait: Duration) -> io::Result<Option<File>> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    await_lock(File::from(openat(CWD, path, flags, Mode::from_raw_mode(0o666))?), path, wait)
}

/// The lock on the directory `path`; `None` if another process holds it for longer than `wait`.
pub fn lock_dir_within(path: &Path, wait: Duration) -> io::Result<Option<File>> {
    await_lock(File::open(path)?, path, wait)
}

/// The process that holds the lock on the file `path`, where the kernel tells: Linux does in `/proc/locks`, proc(5).
pub fn holder(path: &Path) -> Option<u32> {
    let there = fs::metadata(path).ok()?;
    let name = format!("{:02x}:{:02x}:{}", major(there.dev()), minor(there.dev()), there.ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF`; who waits has a `->` before the kind.
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, file, ..] = words.as_slice() else { return None };
        // One outside of this container has no number here.
        let pid = pid.parse().ok().filter(|pid| *pid > 0);
        pid.filter(|_| *file == name)
    })
}

fn await_lock(file: File, path: &Path, wait: Duration) -> io::Result<Option<File>> {
    let begun = Instant::now();
    let mut pause = PAUSE.0;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= wait => return Ok(None),
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
        }
        if !is_told && begun.elapsed() >= PATIENCE {
            is_told = true;
            let who = holder(path).map_or("another process".to_owned(), |pid| format!("process {pid}"));
            tracing::warn!("waiting for {who}, which holds {}", path.display());
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}
