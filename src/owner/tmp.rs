//! Directories of owners for their temporary files.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::lock::lock_still_there;
use crate::interrupt::{Undoing, undo_with};

/// How often a place is tried again when a sweep takes it away before it is locked.
const TRIES: usize = 10;

/// What the name of an owner's directory begins with.
pub(super) const OWN: &str = "own-";

/// A directory for temporary files that many share. Clones are the same owner; an owner begins to be one when he first
/// needs a place.
#[derive(Debug, Clone)]
pub struct Tmp {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    own: Mutex<Option<Own>>,
    next: AtomicU64,
}

/// An owner's own directory, with the lock that says he lives.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    _lock: File,
    _undoing: Undoing,
}

impl Own {
    fn make(dir: &Path) -> io::Result<Self> {
        for _ in 0..TRIES {
            let path = dir.join(new_name()?);
            fs::create_dir(&path)?;
            if let Some(lock) = lock_still_there(&path)? {
                let place = path.clone();
                let undoing = undo_with(move || {
                    let _ = remove(&place);
                });
                return Ok(Self { path, _lock: lock, _undoing: undoing });
            }
        }
        Err(io::Error::other(format!("{} is swept again and again", dir.display())))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // A leftover is swept later.
        let _ = remove(&self.path);
    }
}

/// Removes a temporary directory with all that is in it, directories that are write-protected too.
pub fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        other => return other,
    }
    let mut directories = vec![dir.to_owned()];
    while let Some(directory) = directories.pop() {
        fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    fs::remove_dir_all(dir)
}

/// A name that nobody ever had.
fn new_name() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{OWN}{:032x}", u128::from_be_bytes(bytes)))
}

impl Tmp {
    /// The shared directory `dir`, which must exist when a place in it is needed.
    pub fn new(dir: &Path) -> Self {
        let shared = Shared { dir: dir.to_owned(), own: Mutex::default(), next: AtomicU64::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// The shared directory.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// This owner's own directory. It goes, with all that is in it, when the last clone is dropped.
    pub fn own_dir(&self) -> io::Result<PathBuf> {
        let mut own = self.shared.own.lock().unwrap_or_else(PoisonError::into_inner);
        match &*own {
            Some(own) => Ok(own.path.clone()),
            None => Ok(own.insert(Own::make(&self.shared.dir)?).path.clone()),
        }
    }

    /// A new path in this owner's own directory.
    pub fn path(&self) -> io::Result<PathBuf> {
        let n = self.shared.next.fetch_add(1, Ordering::Relaxed);
        Ok(self.own_dir()?.join(n.to_string()))
    }

    /// Removes what dead owners left, and returns how many they were.
    pub fn sweep(&self) -> usize {
        let Ok(entries) = fs::read_dir(&self.shared.dir) else { return 0 };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| self.sweep_one(name).is_ok_and(|swept| swept)).count()
    }

    fn sweep_one(&self, name: &str) -> io::Result<bool> {
        let path = self.shared.dir.join(name);
        if !name.starts_with(OWN) {
            return Ok(false);
        }
        let Some(_lock) = lock_still_there(&path)? else { return Ok(false) };
        remove(&path).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_dead_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (ann, bob) = (Tmp::new(dir.path()), Tmp::new(dir.path()));
        fs::write(ann.path().unwrap(), b"hers").unwrap();
        fs::write(bob.path().unwrap(), b"his").unwrap();
        let strange = dir.path().join("lease-7");
        fs::write(&strange, b"").unwrap();
        // What a killed process leaves: its directory, and no lock.
        fs::create_dir_all(dir.path().join("own-00000000000000000000000000000001/deep")).unwrap();
        assert_eq!(ann.sweep(), 1);
        let copy = bob.clone();
        drop(bob);
        assert_eq!((ann.sweep(), fs::read_dir(dir.path()).unwrap().count()), (0, 3));
        drop(copy);
        assert!(strange.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn who_needs_no_place_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = Tmp::new(dir.path());
        assert_eq!(tmp.sweep(), 0);
        drop(tmp.clone());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn owners_that_begin_while_others_sweep_keep_their_places() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        Tmp::new(dir.path()).sweep();
                    }
                });
                scope.spawn(|| {
                    for _ in 0..200 {
                        let tmp = Tmp::new(dir.path());
                        let path = tmp.path().unwrap();
                        fs::write(&path, b"x").unwrap();
                        assert_eq!(fs::read(&path).unwrap(), b"x");
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
