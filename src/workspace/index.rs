//! What a workspace's files are in its commit, and by which stamp each is recognised as unchanged.
//!
//! One file of fixed records in order of their paths, which is loaded in one reading and searched where it lies; a change of
//! a few records copies the rest. It is a cache: one that is missing, torn or of another commit is made anew from the tree,
//! without stamps, and costs a reading of the files.

use std::cmp::Ordering;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::object::{BlobId, Digest, Entry, FileKind, TreePath};
use crate::owner::Tmp;
use crate::stamp::Stamp;

/// What the file begins with; the digit is its version.
const MAGIC: &[u8; 8] = b"vdsstat1";

/// The magic, the checksum of the rest, what it is the index of, and the number of records (u64).
const HEAD: usize = 8 + 32 + 32 + 8;

/// One record: where its path ends among the paths (u64), size (u64), kind (u8), whether there is a stamp (u8), the
/// stamp, two zeros, and the blob's digest.
const RECORD: usize = 8 + 8 + 1 + 1 + Stamp::LEN + 2 + 32;

/// Where the parts of a record begin.
const SIZE: usize = 8;
const KIND: usize = 16;
const KNOWN: usize = 17;
const STAMP: usize = 18;
const BLOB: usize = STAMP + Stamp::LEN + 2;

/// One file as it is to be remembered; nothing if it is no more.
pub(super) type Edit = (TreePath, Option<(Entry, Option<Stamp>)>);

/// What is remembered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Index {
    key: Digest,
    /// The records, one after the other.
    records: Vec<u8>,
    /// The paths, one after the other.
    paths: String,
}

/// One remembered file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) path: &'a str,
    pub(super) entry: Entry,
    stamp: Option<&'a [u8]>,
}

impl Record<'_> {
    /// Whether a file with this stamp is surely as it was. Links are not told by their stamps.
    pub(super) fn is_unchanged(&self, stamp: &Stamp) -> bool {
        self.entry.kind != FileKind::Symlink && self.stamp == Some(stamp.to_bytes().as_slice())
    }
}

impl Index {
    /// The index `key` without any files.
    pub(super) fn new(key: Digest) -> Self {
        Self { key, records: Vec::new(), paths: String::new() }
    }

    /// Whose index this is.
    pub(super) fn key(&self) -> Digest {
        self.key
    }

    /// The index `key` in the file `place`, if that is what it holds.
    pub(super) fn load(place: &Path, key: Digest) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(openat(CWD, place, flags, Mode::empty()).ok()?);
        let meta = file.metadata().ok().filter(Metadata::is_file)?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head).ok()?;
        let (magic, rest) = head.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<32>()?;
        let (own, count) = rest.split_first_chunk::<32>()?;
        let len = usize::try_from(u64::from_le_bytes(*count.first_chunk()?)).ok()?.checked_mul(RECORD)?;
        let size = usize::try_from(meta.len()).ok()?;
        if magic != MAGIC || own != key.as_bytes() || len > size {
            return None;
        }
        let mut records = vec![0; len];
        file.read_exact(&mut records).ok()?;
        let mut paths = Vec::with_capacity(size - len);
        file.read_to_end(&mut paths).ok()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(rest).update(&records).update(&paths);
        let paths = String::from_utf8(paths).ok()?;
        (hasher.finalize().as_bytes() == sum).then_some(Self { key, records, paths })
    }

    /// Writes the index to the file `place`, all at once.
    pub(super) fn save(&self, place: &Path, tmp: &Tmp) -> io::Result<()> {
        let count = (self.len() as u64).to_le_bytes();
        let mut hasher = blake3::Hasher::new();
        for part in [self.key.as_bytes().as_slice(), &count, &self.records, self.paths.as_bytes()] {
            hasher.update(part);
        }
        let sum = hasher.finalize();
        let draft = tmp.path()?;
        let mut file = File::create_new(&draft)?;
        for part in [
            MAGIC.as_slice(),
            sum.as_bytes(),
            self.key.as_bytes(),
            &count,
            &self.records,
            self.paths.as_bytes(),
        ] {
            file.write_all(part)?;
        }
        fs::rename(draft, place)
    }

    /// How many files are remembered.
    pub(super) fn len(&self) -> usize {
        self.records.len() / RECORD
    }

    fn bytes(&self, at: usize) -> Option<&[u8]> {
        let start = at.checked_mul(RECORD)?;
        self.records.get(start..start.checked_add(RECORD)?)
    }

    /// Where the path of record `at` ends.
    fn end(&self, at: usize) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(*self.bytes(at)?.first_chunk()?)).ok()
    }

    /// The path of record `at`.
    pub(super) fn path(&self, at: usize) -> Option<&str> {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.end(before))?;
        self.paths.get(start..self.end(at)?)
    }

    /// The record `at`.
    pub(super) fn get(&self, at: usize) -> Option<Record<'_>> {
        let bytes = self.bytes(at)?;
        let size = u64::from_le_bytes(*bytes.get(SIZE..)?.first_chunk()?);
        let kind = FileKind::from_number(*bytes.get(KIND)?)?;
        let blob = BlobId::new(Digest::from_bytes(*bytes.get(BLOB..)?.first_chunk()?));
        let known = *bytes.get(KNOWN)? == 1;
        let stamp = bytes.get(STAMP..STAMP + Stamp::LEN).filter(|_| known);
        Some(Record { path: self.path(at)?, entry: Entry { kind, blob, size }, stamp })
    }

    /// Where the record of `path` is, or would be.
    pub(super) fn search(&self, path: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.path(middle).unwrap_or_default().cmp(path) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The record of `path`.
    pub(super) fn find(&self, path: &str) -> Option<Record<'_>> {
        self.get(self.search(path).ok()?)
    }

    /// Remembers that the file of record `at` has this stamp while it is unchanged.
    pub(super) fn set_stamp(&mut self, at: usize, stamp: &Stamp) {
        let record = at.checked_mul(RECORD).and_then(|start| self.records.get_mut(start..start + RECORD));
        let Some(record) = record else { return };
        if let Some(known) = record.get_mut(KNOWN) {
            *known = 1;
        }
        let to = record.iter_mut().skip(STAMP);
        to.zip(stamp.to_bytes()).for_each(|(to, from)| *to = from);
    }

    /// Remembers one more file, which comes after all others.
    pub(super) fn push(&mut self, path: &str, entry: &Entry, stamp: Option<&Stamp>) {
        self.paths += path;
        self.records.extend((self.paths.len() as u64).to_le_bytes());
        self.records.extend(entry.size.to_le_bytes());
        self.records.extend([entry.kind as u8, u8::from(stamp.is_some())]);
        self.records.extend(stamp.map_or([0; Stamp::LEN], Stamp::to_bytes));
        self.records.extend([0; 2]);
        self.records.extend(entry.blob.digest().as_bytes());
    }

    /// Copies the records from `from` up to `to`, which come after all others.
    fn copy(&mut self, other: &Self, from: usize, to: usize) {
        let start = from.checked_sub(1).map_or(Some(0), |before| other.end(before));
        let stop = to.checked_sub(1).map_or(Some(0), |last| other.end(last));
        let (Some(start), Some(stop)) = (start, stop) else { return };
        let paths = other.paths.get(start..stop);
        let records = other.records.get(from * RECORD..to * RECORD);
        let (Some(paths), Some(records)) = (paths, records) else { return };
        let (first, moved) = (self.records.len(), (self.paths.len() as u64).wrapping_sub(start as u64));
        self.paths += paths;
        self.records.extend_from_slice(records);
        let copied = self.records.get_mut(first..).unwrap_or_default();
        // Each path ends as much further on as the first begins.
        for end in copied.chunks_exact_mut(RECORD).filter_map(|record| record.first_chunk_mut()) {
            *end = u64::from_le_bytes(*end).wrapping_add(moved).to_le_bytes();
        }
    }

    /// The index `key`, which differs from this one in `edits`, sorted by path.
    pub(super) fn amended(&self, key: Digest, edits: &[Edit]) -> Self {
        let mut new = Self::new(key);
        new.records.reserve(self.records.len() + edits.len() * RECORD);
        new.paths.reserve(self.paths.len());
        let mut next = 0;
        for (path, edit) in edits {
            let (at, after) = match self.search(path.as_str()) {
                Ok(at) => (at, at + 1),
                Err(at) => (at, at),
            };
            new.copy(self, next, at);
            if let Some((entry, stamp)) = edit {
                new.push(path.as_str(), entry, stamp.as_ref());
            }
            next = after;
        }
        new.copy(self, next, self.len());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use proptest::collection::btree_map;
    use proptest::prelude::*;

    fn entry(text: &str) -> Entry {
        Entry { kind: FileKind::Executable, blob: BlobId::of(text.as_bytes()), size: text.len() as u64 }
    }

    fn told(index: &Index) -> BTreeMap<String, (Entry, bool)> {
        let records = (0..index.len()).map(|at| index.get(at).unwrap());
        records.map(|record| (record.path.to_owned(), (record.entry, record.stamp.is_some()))).collect()
    }

    #[test]
    fn what_is_saved_is_loaded_and_what_is_torn_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (place, tmp, key) = (dir.path().join("index"), Tmp::new(dir.path()), Digest::of(b"tree"));
        let stamp = Stamp::of(&fs::metadata(dir.path()).unwrap());
        let mut index = Index::new(key);
        index.push("a", &entry("1"), None);
        index.push("a/ü", &entry("22"), None);
        index.set_stamp(1, &stamp);
        index.save(&place, &tmp).unwrap();
        let loaded = Index::load(&place, key).unwrap();
        assert_eq!(loaded, index);
        assert!(loaded.find("a/ü").unwrap().is_unchanged(&stamp));
        assert!(!loaded.find("a").unwrap().is_unchanged(&stamp));
        assert!(loaded.find("b").is_none());
        assert_eq!(Index::load(&place, Digest::of(b"other")), None);
        let whole = fs::read(&place).unwrap();
        for len in 0..whole.len() {
            fs::write(&place, &whole[..len]).unwrap();
            assert_eq!(Index::load(&place, key), None, "{len}");
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&place, flipped).unwrap();
            assert_eq!(Index::load(&place, key), None, "{at}");
        }
    }

    #[test]
    fn the_bytes_of_an_index_never_change() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("index");
        let mut index = Index::new(Digest::of(b"tree"));
        index.push("a", &entry("1"), None);
        index.push("a/b", &entry("22"), None);
        index.save(&place, &Tmp::new(dir.path())).unwrap();
        let bytes = fs::read(&place).unwrap();
        assert_eq!((bytes.len(), RECORD), (HEAD + 2 * RECORD + 4, 96));
        assert_eq!(
            Digest::of(&bytes).to_string(),
            "935abdf386c27fcbc269ca519fb4fac91e78169b8f5648cb437e3ad3f2740be9",
            "the form of the index has changed: give it a new magic"
        );
    }

    proptest! {
        #[test]
        fn an_amended_index_is_one_made_anew(
            before in btree_map("[abc/]{1,3}", "[xy]{1,2}", 0..20),
            edits in btree_map("[abc]{1,3}", proptest::option::of("[xy]{1,2}"), 0..20),
        ) {
            let key = Digest::of(b"");
            let mut index = Index::new(key);
            before.iter().for_each(|(path, text)| index.push(path, &entry(text), None));
            let list: Vec<Edit> = edits
                .iter()
                .map(|(path, text)| (path.parse().unwrap(), text.as_deref().map(|text| (entry(text), None))))
                .collect();
            let amended = index.amended(Digest::of(b"new"), &list);
            let mut want: BTreeMap<String, (Entry, bool)> =
                before.iter().map(|(path, text)| (path.clone(), (entry(text), false))).collect();
            for (path, text) in &edits {
                match text {
                    Some(text) => want.insert(path.clone(), (entry(text), false)),
                    None => want.remove(path),
                };
            }
            prop_assert_eq!(told(&amended), want);
        }
    }
}
