//! Temporary files that know whose they are.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::process::Process;

/// A new path in `dir` that is marked as this process's.
pub fn tmp_path(dir: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let Process { pid, started } = Process::me();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    dir.join(format!("{pid}-{started}-{n}"))
}

/// Removes what dead processes left in `dir`, and returns how many entries that were.
pub fn sweep_tmp(dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let dead = entries.flatten().map(|entry| entry.path()).filter(|path| is_orphan(path));
    dead.filter(|path| fs::remove_file(path).or_else(|_| remove_tmp(path)).is_ok()).count()
}

/// Removes a temporary directory with all that is in it, directories that are write-protected too.
pub fn remove_tmp(dir: &Path) -> io::Result<()> {
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

fn is_orphan(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let mut parts = name.split('-');
    let owner =
        parts.next().and_then(|pid| pid.parse().ok()).zip(parts.next().and_then(|at| at.parse::<u64>().ok()));
    owner.is_some_and(|(pid, started)| !Process { pid, started }.is_alive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_dead_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let own = tmp_path(dir.path());
        let reused = dir.path().join(format!("{}-1-0", std::process::id()));
        let strange = dir.path().join("notes.txt");
        for path in [&own, &reused, &strange] {
            fs::write(path, b"").unwrap();
        }
        fs::create_dir_all(dir.path().join("4294967295-5-0/deep/deeper")).unwrap();
        let protected = dir.path().join("4294967295-5-0/deep");
        fs::set_permissions(protected, Permissions::from_mode(0o555)).unwrap();
        assert_eq!(sweep_tmp(dir.path()), 2);
        assert!(own.exists() && strange.exists() && !reused.exists());
    }
}
