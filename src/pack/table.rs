//! One sorted table from digests to places in packs, mapped into memory.
//!
//! Layout: `vdsindx` and version 1 (8 bytes), the number of packs (u32), the number of objects (u32), the packs' names (32
//! bytes each), then for each object, sorted by digest, the number of its pack (u32) and [`Located`] in 50 bytes. A table is
//! derived from the footers of its packs and can be made again at any time.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::footer::Located;
use super::search::search;
use crate::object::Digest;
use crate::owner::Tmp;

const HEAD: &[u8; 8] = b"vdsindx\x01";
const FIXED: usize = 16;
const NAME: usize = 32;
const ROW: usize = 54;

/// A table: mapped, or held in memory where none can be written.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) path: PathBuf,
    bytes: Bytes,
    packs: usize,
    rows: usize,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    Held(Vec<u8>),
}

impl Bytes {
    fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        match self {
            Self::Mapped(map) => map.get(range),
            Self::Held(bytes) => bytes.get(range),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Mapped(map) => map.len(),
            Self::Held(bytes) => bytes.len(),
        }
    }
}

impl Table {
    /// Maps the table at `path`; `None` if it is not a whole table.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        if file.metadata()?.len() < FIXED as u64 {
            return Ok(None);
        }
        #[expect(
            unsafe_code,
            reason = "tables are written once, under another name, and only ever removed whole"
        )]
        // SAFETY: no process changes or truncates a file that bears a table's name.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self::new(path, Bytes::Mapped(map)))
    }

    /// The table of these rows, sorted by digest, in memory alone. Its path leads nowhere.
    pub(super) fn hold(packs: &[Digest], rows: &[(u32, Located)]) -> io::Result<Option<Self>> {
        Ok(Self::new(Path::new(""), Bytes::Held(to_bytes(packs, rows)?)))
    }

    fn new(path: &Path, bytes: Bytes) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
        let (packs, rows) = (number(8)?, number(12)?);
        let whole =
            bytes.get(0..HEAD.len()) == Some(HEAD) && packs * NAME + rows * ROW + FIXED == bytes.len();
        whole.then(|| Self { path: path.to_owned(), bytes, packs, rows })
    }

    /// Whether the table is what its name says; one that is held in memory has none.
    pub(super) fn is_whole(&self) -> bool {
        let name = Digest::of(self.bytes.get(0..self.bytes.len()).unwrap_or_default());
        match &self.bytes {
            Bytes::Mapped(_) => self.path.file_stem().is_some_and(|stem| *stem == *format!("{name:.32}")),
            Bytes::Held(_) => true,
        }
    }

    /// How many objects the table lists.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The packs it covers.
    pub(super) fn packs(&self) -> impl Iterator<Item = Digest> {
        (0..self.packs).filter_map(|at| self.pack(at))
    }

    fn pack(&self, at: usize) -> Option<Digest> {
        let start = FIXED + at * NAME;
        Some(Digest::from_bytes(self.bytes.get(start..start + NAME)?.try_into().ok()?))
    }

    fn row_bytes(&self, at: usize) -> Option<&[u8]> {
        let start = FIXED + self.packs * NAME + at * ROW;
        self.bytes.get(start..start + ROW)
    }

    /// The object in this row, and its pack.
    pub(super) fn row(&self, at: usize) -> Option<(Digest, Located)> {
        let (pack, located) = self.row_bytes(at)?.split_first_chunk::<4>()?;
        Some((self.pack(u32::from_le_bytes(*pack) as usize)?, Located::take(located)?))
    }

    /// Where `digest` lies.
    pub(super) fn find(&self, digest: &Digest) -> Option<(Digest, Located)> {
        self.find_row(digest).and_then(|at| self.row(at))
    }

    /// The row of `digest`.
    pub(super) fn find_row(&self, digest: &Digest) -> Option<usize> {
        let key = |at: usize| self.row_bytes(at).and_then(|row| row.get(4..36));
        search(self.rows, digest, key)
    }
}

fn to_bytes(packs: &[Digest], rows: &[(u32, Located)]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(FIXED + packs.len() * NAME + rows.len() * ROW);
    bytes.extend(HEAD);
    for count in [packs.len(), rows.len()] {
        bytes.extend(u32::try_from(count).map_err(io::Error::other)?.to_le_bytes());
    }
    packs.iter().for_each(|pack| bytes.extend(pack.as_bytes()));
    for (pack, located) in rows {
        bytes.extend(pack.to_le_bytes());
        located.put(&mut bytes);
    }
    Ok(bytes)
}

/// Writes a table of these rows, sorted by digest, into `dir`, and returns its path, which ends as `extension` says.
pub(super) fn write(
    dir: &Path,
    extension: &str,
    tmp: &Tmp,
    packs: &[Digest],
    rows: &[(u32, Located)],
) -> io::Result<PathBuf> {
    let bytes = to_bytes(packs, rows)?;
    let path = dir.join(format!("{:.32}.{extension}", Digest::of(&bytes)));
    let source = tmp.path()?;
    let mut file = File::create(&source)?;
    file.write_all(&bytes)?;
    // A table that a power cut left half written would hide objects or, worse, invent them.
    file.sync_data()?;
    fs::rename(&source, &path)?;
    Ok(path)
}
