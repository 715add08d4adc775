//! Removing a file from the directory once its commit is made.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::stamp::Stamp;

/// How the name begins that a file has in its last moment. It is hidden, so it is left out.
const ASIDE: &str = ".vds-committed-";

/// Removes the file at `place` if it is still what `stamp` says, and returns whether it did.
///
/// Looking first and removing then would remove what was put in its place between the two. So the file is moved aside,
/// looked at, and moved back if it is another one.
pub(super) fn discard(place: &Path, stamp: &Stamp) -> io::Result<bool> {
    if !is_there(place, |found| found == stamp)? {
        return Ok(false);
    }
    let name = place.file_name().unwrap_or_default();
    let mut hidden = std::ffi::OsString::from(ASIDE);
    hidden.push(std::process::id().to_string());
    // Not the name itself, which may be as long as names can be.
    hidden.push(format!("-{:016x}", hash(name)));
    let aside = place.with_file_name(hidden);
    match renameat_with(CWD, place, CWD, &aside, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::NOENT) => return Ok(false),
        // Where the file system cannot do that, a look must do.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            return fs::remove_file(place).map(|()| true);
        }
        other => other?,
    }
    if is_there(&aside, |found| stamp.is_same_file(found))? {
        return fs::remove_file(&aside).map(|()| true);
    }
    // Should a third have come meanwhile, both stay.
    renameat_with(CWD, &aside, CWD, place, RenameFlags::NOREPLACE)?;
    Ok(false)
}

fn is_there(place: &Path, is: impl Fn(&Stamp) -> bool) -> io::Result<bool> {
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => Ok(is(&Stamp::of(&other?))),
    }
}

fn hash(name: &std::ffi::OsStr) -> u64 {
    let digest = crate::object::Digest::of(name.as_encoded_bytes());
    digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_committed_goes() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a");
        fs::write(&place, "one").unwrap();
        let stamp = Stamp::of(&fs::symlink_metadata(&place).unwrap());
        fs::write(&place, "another").unwrap();
        assert!(!discard(&place, &stamp).unwrap());
        assert_eq!(fs::read_to_string(&place).unwrap(), "another");
        let stamp = Stamp::of(&fs::symlink_metadata(&place).unwrap());
        assert!(discard(&place, &stamp).unwrap());
        assert!(!discard(&place, &stamp).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
