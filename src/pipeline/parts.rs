//! What parts of a built-in stage's work came to, in the stage's table of results.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::pattern::PathPattern;
use super::results::{self, Outcome};
use super::stage::{self, Memo};
use super::view::storage;
use crate::content;
use crate::object::{Digest, Entry, FileKind, NodeId, ObjectRead, ObjectWrite};
use crate::snapshot::{Change, Snapshot};
use crate::tree::{self, Cursor};

/// The parts that were made before, and those that this job makes.
pub(super) struct Parts<'a> {
    objects: &'a dyn ObjectWrite,
    table: Option<NodeId>,
    /// The digest of what the stage does.
    code: Digest,
    empty: NodeId,
    /// New entries for the table.
    pub(super) made: Vec<(Digest, Outcome)>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        objects: &'a dyn ObjectWrite,
        table: Option<NodeId>,
        code: Digest,
    ) -> Result<Self, Error> {
        Ok(Self { objects, table, code, empty: tree::empty(objects)?, made: Vec::new() })
    }

    fn key(&self, of: &Digest) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vds part 1\0").update(self.code.as_bytes()).update(of.as_bytes());
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    fn outcome(&self, output: NodeId) -> Outcome {
        Outcome { output, state: self.empty, logs: self.empty }
    }

    /// How many of the units that these changes touch have contents that this stage has not worked on yet, on any branch. They are
    /// noted as known from now on. A unit that is the whole tree is new; the whole is looked for before.
    pub(super) fn count_new(
        &mut self,
        root: NodeId,
        glob: &PathPattern,
        changes: &[Change],
    ) -> Result<u64, Error> {
        let units: BTreeSet<&str> =
            changes.iter().filter_map(|change| glob.unit(change.path.as_str())).collect();
        if units.is_empty() || units.contains("") {
            return Ok(1);
        }
        let mut new = 0;
        for unit in units {
            let key = self.key(&unit_digest(self.objects, root, glob, unit)?);
            if results::find(self.objects, self.table, &key)?.is_none() {
                self.made.push((key, self.outcome(self.empty)));
                new += 1;
            }
        }
        Ok(new)
    }

    fn load(&self, of: &Digest) -> Result<Option<BTreeMap<String, Vec<u8>>>, Error> {
        let Some(outcome) = results::find(self.objects, self.table, &self.key(of))? else { return Ok(None) };
        let mut files = BTreeMap::new();
        for item in Cursor::<Entry>::new(self.objects, outcome.output)? {
            let (name, entry) = item?;
            let name = String::from_utf8_lossy(&name).into_owned();
            files.insert(name, content::load(self.objects, entry.blob)?);
        }
        Ok(Some(files))
    }

    fn save(&mut self, of: Digest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        let mut entries = Vec::new();
        for (name, bytes) in files {
            let kept = content::keep_bytes(self.objects, bytes)?;
            let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
            entries.push((name.clone().into_bytes(), entry));
        }
        let output = tree::build(self.objects, entries)?;
        self.made.push((self.key(&of), self.outcome(output)));
        Ok(())
    }
}

/// The digest of a unit's files.
fn unit_digest(
    objects: &dyn ObjectRead,
    root: NodeId,
    glob: &PathPattern,
    unit: &str,
) -> Result<Digest, Error> {
    let snapshot = Snapshot::new(objects, root);
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"unit\0").update(unit.as_bytes());
    let mut add = |path: &str, entry: &Entry| {
        hasher.update(b"\0").update(path.as_bytes()).update(b"\0").update(entry.blob.digest().as_bytes());
    };
    if let Some(file) = snapshot.find(unit)? {
        add(unit, &file);
    } else {
        for file in snapshot.scan(&format!("{unit}/"))? {
            let (path, entry) = file?;
            if glob.unit(path.as_str()) == Some(unit) {
                add(path.as_str(), &entry);
            }
        }
    }
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

impl Memo for Parts<'_> {
    fn find(&self, of: &Digest) -> Result<Option<BTreeMap<String, Vec<u8>>>, stage::Error> {
        self.load(of).map_err(|error| storage("find", "an earlier result", error))
    }

    fn keep(&mut self, of: Digest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), stage::Error> {
        self.save(of, files).map_err(|error| storage("keep", "a result", error))
    }
}
