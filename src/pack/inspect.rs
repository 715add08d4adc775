//! Looking at packs and tables for their own sake: whether each is what its name and its last bytes say.
//!
//! A pack is read once, from its first byte to its last. Nothing here goes through what was read before, and nothing is mended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::codec::{self, Codec};
use super::footer::{Footer, Located};
use super::graph;
use super::reader::{Packs, is_right};
use super::table::Table;
use crate::backend;
use crate::object::Digest;
use crate::progress::Progress;

/// How much of a pack is read at a time, in bytes.
pub(super) const PIECE: u64 = 4 << 20;

/// A pack that was read whole.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Whether the bytes hash to the pack's name.
    pub name: Fits,
    /// What it holds, or why that cannot be told.
    pub footer: Result<Footer, String>,
    /// The objects whose bytes are not what their names say, and why.
    pub damaged: Vec<(Located, &'static str)>,
}

/// Whether bytes are what a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fits {
    /// They are.
    Yes,
    /// They are others.
    No,
}

impl Inspected {
    /// Whether nothing is wrong with it.
    pub fn is_whole(&self) -> bool {
        self.name == Fits::Yes && self.footer.is_ok() && self.damaged.is_empty()
    }
}

/// The bytes of a pack as they are read, in order; the last ones are held.
struct Window<'a> {
    backend: &'a dyn backend::Backend,
    progress: &'a dyn Progress,
    pack: Digest,
    len: u64,
    hasher: blake3::Hasher,
    /// Where what is held begins.
    start: u64,
    held: Vec<u8>,
}

impl Window<'_> {
    fn end(&self) -> u64 {
        self.start + self.held.len() as u64
    }

    /// Reads one piece more.
    fn grow(&mut self) -> Result<(), backend::Error> {
        let (from, to) = (self.end(), self.len.min(self.end() + PIECE));
        let piece = self.backend.read(&self.pack, from..to)?;
        self.hasher.update(&piece);
        self.progress.advance(piece.len() as u64);
        self.held.extend(piece);
        Ok(())
    }

    /// Lets go of what lies before `offset`.
    fn forget(&mut self, offset: u64) {
        let gone = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(0).min(self.held.len());
        if gone as u64 >= PIECE || gone == self.held.len() {
            self.held.drain(..gone);
            self.start += gone as u64;
        }
    }

    /// The stored bytes of an object that begins at or after all that were asked for before.
    fn stored(&mut self, at: &Located) -> Result<&[u8], backend::Error> {
        self.forget(at.offset);
        let end = at.offset + u64::from(at.stored);
        while self.end() < end.min(self.len) {
            self.grow()?;
            self.forget(at.offset);
        }
        let from = usize::try_from(at.offset - self.start).unwrap_or(usize::MAX);
        Ok(self.held.get(from..).and_then(|held| held.get(..at.stored as usize)).unwrap_or_default())
    }

    /// Reads the rest, and tells whether all of it is what the name says.
    fn finish(mut self) -> Result<Fits, backend::Error> {
        while self.end() < self.len {
            self.grow()?;
            self.forget(self.end());
        }
        let right = self.hasher.finalize() == *self.pack.as_bytes();
        Ok(if right { Fits::Yes } else { Fits::No })
    }
}

/// What is wrong with the stored bytes of an object, if anything is.
fn fault(at: &Located, stored: &[u8]) -> Option<&'static str> {
    let right = match at.codec {
        Codec::Raw if stored.len() == at.len as usize => is_right(at.kind, &at.digest, stored),
        codec => match codec::decompress(codec, stored.to_vec(), at.len as usize) {
            Some(bytes) => is_right(at.kind, &at.digest, &bytes),
            None => return Some("it does not decompress"),
        },
    };
    (!right).then_some("its bytes do not match its name")
}

impl Packs {
    /// Reads the whole pack of `len` bytes, in order, and checks each byte of it. An error says that the reading failed.
    pub fn inspect(
        &self,
        pack: &Digest,
        len: u64,
        progress: &dyn Progress,
    ) -> Result<Inspected, backend::Error> {
        let footer = self.footer(pack, len);
        let (hasher, held) = (blake3::Hasher::new(), Vec::new());
        let mut window =
            Window { backend: self.backend(), progress, pack: *pack, len, hasher, start: 0, held };
        let mut damaged = Vec::new();
        let mut entries = footer.as_ref().map_or(Vec::new(), |footer| footer.entries.clone());
        entries.sort_by_key(|entry| (entry.offset, entry.digest));
        for at in entries {
            if let Some(reason) = fault(&at, window.stored(&at)?) {
                damaged.push((at, reason));
            }
        }
        Ok(Inspected { name: window.finish()?, footer, damaged })
    }

    /// Those of these objects that lie in the pack and are what their names say, whatever its footer says.
    pub fn intact(&self, pack: &Digest, known: &[Located]) -> Vec<Located> {
        let is_intact = |at: &&Located| {
            let range = at.offset..at.offset.saturating_add(u64::from(at.stored));
            self.backend().read(pack, range).is_ok_and(|stored| fault(at, &stored).is_none())
        };
        known.iter().filter(is_intact).copied().collect()
    }
}

impl Footer {
    /// A number that other contents would hardly give, whatever the order.
    pub fn fingerprint(&self) -> u64 {
        self.entries.iter().fold(0, |sum: u64, entry| sum.wrapping_add(entry.fingerprint()))
    }
}

impl Located {
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let Self { digest, kind, codec, offset, stored, len } = self;
        (digest.as_bytes(), *kind as u8, *codec as u8, offset, stored, len).hash(&mut hasher);
        hasher.finish()
    }
}

/// A file of the index that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFault {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// The files of the index, compared with the packs.
#[derive(Debug, Default)]
pub struct Tables {
    /// How many tables there are.
    pub count: u64,
    /// How many packs no table lists.
    pub unlisted: u64,
    /// What is not as it should be.
    pub faults: Vec<TableFault>,
}

/// Looks at the files of the index in the directory `dir`, given a fingerprint of what each pack holds.
pub fn inspect_tables(dir: &Path, packs: &BTreeMap<Digest, u64>) -> io::Result<Tables> {
    let (mut count, mut faults) = (0, Vec::new());
    let mut unlisted: HashSet<Digest> = packs.keys().copied().collect();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Tables { unlisted: unlisted.len() as u64, ..Tables::default() });
        }
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        let reason = match path.extension().and_then(|extension| extension.to_str()) {
            Some("idx") => match Table::open(&path) {
                // Merged away meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => Some(error.to_string()),
                Ok(None) => Some("it is not a whole table".to_owned()),
                Ok(Some(table)) => {
                    count += 1;
                    let listed: HashSet<Digest> = table.packs().collect();
                    unlisted.retain(|pack| !listed.contains(pack));
                    disagreement(&table, packs)
                }
            },
            Some("graph") => fs::read(&path)
                .is_ok_and(|bytes| !graph::is_whole(bytes))
                .then(|| "it is not whole".to_owned()),
            _ => None,
        };
        faults.extend(reason.map(|reason| TableFault { path, reason }));
    }
    faults.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Tables { count, unlisted: unlisted.len() as u64, faults })
}

/// What is wrong with a table.
fn disagreement(table: &Table, packs: &BTreeMap<Digest, u64>) -> Option<String> {
    if !table.is_whole() {
        return Some("its bytes do not match its name".to_owned());
    }
    let mut sums: HashMap<Digest, u64> = table.packs().map(|pack| (pack, 0)).collect();
    for (pack, at) in (0..table.len()).filter_map(|row| table.row(row)) {
        let sum = sums.entry(pack).or_default();
        *sum = sum.wrapping_add(at.fingerprint());
    }
    // What it says of packs that are gone or damaged is told of them.
    let wrong = sums.iter().find(|(pack, sum)| packs.get(pack).is_some_and(|held| held != *sum));
    wrong.map(|(pack, _)| format!("it does not say of the pack {pack:.12} what that holds"))
}

/// The packs that tables in `dir` list, with what they say of those for which `wanted` asks.
pub fn listed(dir: &Path, wanted: &dyn Fn(&Digest) -> bool) -> io::Result<HashMap<Digest, Vec<Located>>> {
    let mut found: HashMap<Digest, Vec<Located>> = HashMap::new();
    let Ok(entries) = fs::read_dir(dir) else { return Ok(found) };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_none_or(|extension| extension != "idx") {
            continue;
        }
        let Ok(Some(table)) = Table::open(&path) else { continue };
        if !table.is_whole() || !table.packs().any(|pack| wanted(&pack)) {
            continue;
        }
        for (pack, at) in (0..table.len()).filter_map(|row| table.row(row)).filter(|(pack, _)| wanted(pack)) {
            found.entry(pack).or_default().push(at);
        }
    }
    for list in found.values_mut() {
        list.sort_by_key(|at| (at.digest, at.offset));
        list.dedup();
    }
    Ok(found)
}
