//! What files were when they were last read, remembered by directory.
//!
//! A cache: losing it costs a reading. It lies in the store, one file for each directory that was committed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::object::{BlobId, Digest, TreePath, codec};
use crate::owner::Tmp;
use crate::stamp::Stamp;
use crate::store::Store;

const VERSION: u8 = 1;

/// One remembered file.
pub type Line = (String, Stamp, BlobId);

/// The file that remembers the directory `root`, when it goes below `to`.
pub(super) fn place(store: &Store, root: &Path, to: Option<&TreePath>) -> PathBuf {
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let key =
        [root.as_os_str().as_encoded_bytes(), b"\0", to.map_or("", TreePath::as_str).as_bytes()].concat();
    store.root().join("cache").join(format!("{:.32}.stat", Digest::of(&key)))
}

/// What was remembered, sorted by path; nothing if it cannot be read.
pub fn load(place: &Path) -> Vec<Line> {
    let read = || -> Option<Vec<Line>> {
        let bytes = fs::read(place).ok()?;
        let (sum, rest) = bytes.split_first_chunk::<32>()?;
        let whole = Digest::of(rest).as_bytes() == sum;
        // Read in blocks, because a record may not be larger than the codec allows.
        let mut lines = Vec::new();
        let mut rest = rest;
        while whole && !rest.is_empty() {
            let (len, after) = rest.split_first_chunk::<4>()?;
            let (block, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            lines.extend(codec::decode::<Vec<Line>>(VERSION, block).ok()?);
            rest = after;
        }
        Some(lines)
    };
    read().unwrap_or_default()
}

/// Remembers these files, sorted by path.
pub fn save(place: &Path, tmp: &Tmp, lines: &[Line]) -> io::Result<()> {
    let mut rest = Vec::new();
    for block in lines.chunks(10_000) {
        let bytes = codec::encode(VERSION, &block).map_err(io::Error::other)?;
        rest.extend(u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes());
        rest.extend(bytes);
    }
    fs::create_dir_all(place.parent().unwrap_or(place))?;
    let draft = tmp.path()?;
    let mut file = File::create(&draft)?;
    file.write_all(Digest::of(&rest).as_bytes())?;
    file.write_all(&rest)?;
    fs::rename(draft, place)
}
