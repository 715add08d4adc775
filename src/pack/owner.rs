//! Temporary files that know whose they are.

use std::fs;
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
    dead.filter(|path| fs::remove_file(path).or_else(|_| fs::remove_dir_all(path)).is_ok()).count()
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
        fs::create_dir_all(dir.path().join("4294967295-5-0/deep")).unwrap();
        assert_eq!(sweep_tmp(dir.path()), 2);
        assert!(own.exists() && strange.exists() && !reused.exists());
    }
}
