//! Which files somebody is still writing, where the system tells.
//!
//! Linux shows the open files of each process in `/proc`, to root those of everybody, to others their own. Elsewhere, and for what
//! is not shown, the quiet time decides alone.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The bits of an open file's flags that say whether it is read or written.
const ACCESS: u32 = 0o3;

/// The files below `dir`, which is a real path, that are open for writing.
pub(super) fn open_below(dir: &Path) -> HashSet<PathBuf> {
    let mut open = HashSet::new();
    let Ok(processes) = fs::read_dir("/proc") else { return open };
    for process in processes.flatten() {
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        for file in files.flatten() {
            let place = fs::read_link(file.path()).ok().filter(|place| place.starts_with(dir));
            let info = process.path().join("fdinfo").join(file.file_name());
            if let Some(place) = place
                && fs::read_to_string(info).is_ok_and(|info| is_written(&info))
            {
                open.insert(place);
            }
        }
    }
    open
}

/// Whether this is what the system says of a file that is open for writing.
fn is_written(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & ACCESS != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_written_are_told_from_those_that_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        let (a, b) = (real.join("a"), real.join("b"));
        fs::write(&b, "b").unwrap();
        let written = fs::File::create(&a).unwrap();
        let _read = fs::File::open(&b).unwrap();
        if Path::new("/proc/self/fdinfo").exists() {
            assert_eq!(open_below(&real), HashSet::from([a]));
        }
        drop(written);
        assert!(open_below(&real).is_empty());
    }
}
