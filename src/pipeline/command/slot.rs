//! The one small file of an input, which becomes that of the next datum: to rename and write it costs a fourth of removing it and
//! making another.
//!
//! Only for a program that stays, and sees its inputs through a mount that cannot be written: the file itself is not protected.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::datum::Part;
use super::lay;
use crate::object::{Entry, FileKind, ObjectRead, TreePath};
use crate::pipeline::error::Error;
use crate::pipeline::spec::Contents;

/// A larger file is laid out as any other, in bytes.
const LARGEST: u64 = 64 << 10;

/// A file that is there, open.
pub(super) struct Slot {
    path: PathBuf,
    file: File,
    size: u64,
    kind: FileKind,
}

/// The file of a part that consists of one small file.
pub(super) fn only(part: &Part) -> Option<(&TreePath, &Entry)> {
    match part.files.as_slice() {
        [(path, entry)] if part.contents == Contents::Whole => {
            let is_plain = entry.kind != FileKind::Symlink && entry.size <= LARGEST;
            (is_plain && !path.as_str().contains('/')).then_some((path, entry))
        }
        _ => None,
    }
}

impl Slot {
    /// The file in `dir`, where it is made, or where it takes the place of the one that was there.
    pub(super) fn fill(
        free: Option<Self>,
        objects: &dyn ObjectRead,
        dir: &Path,
        path: &TreePath,
        entry: &Entry,
    ) -> Result<Self, Error> {
        let bytes = lay::load(objects, path, entry)?;
        let place = dir.join(path.as_str());
        let fail = |source| Error::io("write", &place, source);
        let slot = match free.filter(|slot| slot.kind == entry.kind) {
            Some(slot) if fs::rename(&slot.path, &place).is_ok() => Self { path: place.clone(), ..slot },
            _ => {
                lay::empty(dir).map_err(fail)?;
                Self::new(&place, entry.kind).map_err(fail)?
            }
        };
        slot.file.write_all_at(&bytes, 0).map_err(fail)?;
        if slot.size > entry.size {
            slot.file.set_len(entry.size).map_err(fail)?;
        }
        Ok(Self { size: entry.size, ..slot })
    }

    fn new(place: &Path, kind: FileKind) -> io::Result<Self> {
        let mode = if kind == FileKind::Executable { 0o755 } else { 0o644 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(place)?;
        Ok(Self { path: place.to_owned(), file, size: 0, kind })
    }
}
