//! What is left of a merge of trees, settled file by file with the strategies that were named.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::csv;
use super::driver::{Call, Driven};
use super::json;
use super::renames::{Followed, Parted, Renames};
use super::strategy::{Rules, Strategy};
use super::text::{self, Both, Labels};
use super::three::{Joined, Three, Unreadable};
use super::trees::{Clash, Plan, Side, Trees, plan};
use super::versions::{ConflictKind, Versions};
use crate::content;
use crate::fault::{Cause, Fault, Kind};
use crate::lines;
use crate::object::{Entry, FileKind, NodeId, ObjectRead, ObjectWrite, TreePath};
use crate::owner::{self, Tmp};
use crate::program::Watch;
use crate::snapshot::{self, Snapshot};

/// The largest file that a strategy looks into, in bytes: three versions of it are held in memory. Lines are compared in smaller
/// ones only.
pub const LARGEST: u64 = 256 << 20;

/// So many conflicts inside one file are told.
const TOLD: usize = 100;

/// The longest of them, in characters.
const LONGEST: usize = 500;

/// A failed merge. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// A tree failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// A file's content failed.
    #[error("cannot merge {path}")]
    Content { path: TreePath, source: content::Error },
    /// No room could be made for a merge driver.
    #[error("cannot make a directory for the versions of {path}")]
    Room { path: TreePath, source: io::Error },
    /// Which side is newer could not be found out.
    #[error("cannot find out which version of {path} is newer")]
    Newer { path: TreePath, source: Cause },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Snapshot(below) => below.kind(),
            Self::Content { source, .. } => source.kind(),
            Self::Room { .. } => Kind::Io,
            Self::Newer { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Snapshot(below) => below.hint(),
            Self::Content { source, .. } => source.hint(),
            Self::Room { .. } => Some("free some space in the store's tmp/ and try again".to_owned()),
            Self::Newer { source, .. } => source.hint(),
        }
    }
}

/// How a merge is made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manner {
    /// The strategies, by path.
    pub rules: Rules,
    /// What is done about renamed files.
    pub renames: Renames,
    /// How the two sides are called.
    pub labels: Labels,
    /// How long a merge driver may take for one file.
    pub timeout: Duration,
}

/// A path that is left to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Where and in what way the sides do not go together.
    pub clash: Clash,
    /// The strategy that was tried.
    pub strategy: Strategy,
    /// What the strategy left: the file with our version, or marks, where the sides do not go together.
    pub draft: Option<Entry>,
    /// Why the strategy did not settle it, or what inside the file is at odds, in the order of the file.
    pub details: Vec<String>,
}

/// What must be done to a tree: `None` removes a file.
pub type Edits = BTreeMap<TreePath, Option<Entry>>;

/// A merge of two sides.
#[derive(Debug, Default)]
pub struct Merged {
    /// What must be done to our tree.
    pub edits: Edits,
    /// What is left to a person, by path. Our tree keeps its version meanwhile.
    pub conflicts: Vec<Conflict>,
    /// What strategies settled, by path.
    pub settled: Vec<(TreePath, Strategy)>,
    /// The renamed files whose changes went to their new names, by their old ones.
    pub followed: Vec<Followed>,
    /// The files to which the sides gave different names, by their old ones.
    pub parted: Vec<Parted>,
}

/// Who can tell on which side a path was changed last.
pub type Newer<'a> = dyn Fn(&TreePath) -> Result<Side, Cause> + 'a;

/// Merges with all that is needed for it.
pub struct Merger<'a> {
    /// Where objects are read and written.
    pub sink: &'a dyn ObjectWrite,
    /// Where merge drivers find their files.
    pub tmp: &'a Tmp,
    /// How it is done.
    pub manner: &'a Manner,
    /// Asked where the strategy is `newer`.
    pub newer: &'a Newer<'a>,
    watch: OnceLock<Watch>,
}

/// What a strategy made of a file.
enum Tried {
    Settled(Edits),
    Left { draft: Option<Entry>, details: Vec<String> },
}

fn left(reason: impl Into<String>) -> Tried {
    Tried::Left { draft: None, details: vec![reason.into()] }
}

impl<'a> Merger<'a> {
    /// A merger of these parts.
    pub fn new(sink: &'a dyn ObjectWrite, tmp: &'a Tmp, manner: &'a Manner, newer: &'a Newer<'a>) -> Self {
        Self { sink, tmp, manner, newer, watch: OnceLock::new() }
    }

    /// Merges `theirs` into `ours`.
    pub fn merge(&self, trees: Trees) -> Result<Merged, Error> {
        let Plan { edits, clashes, followed, parted } = plan(self.sink, trees, self.manner.renames)?;
        let mut merged = Merged { edits, followed, parted, ..Merged::default() };
        for clash in clashes {
            let strategy = self.manner.rules.find(&clash.path).clone();
            match self.attempt(trees, &clash, &strategy)? {
                Tried::Settled(edits) => {
                    merged.edits.extend(edits);
                    merged.settled.push((clash.path, strategy));
                }
                Tried::Left { draft, details } => {
                    merged.conflicts.push(Conflict { clash, strategy, draft, details });
                }
            }
        }
        Ok(merged)
    }

    /// Merges two versions from which later ones come, to be their common ancestor: what is at odds stays as it was before
    /// both. Where there was nothing, an empty file stands, as in git: what both have later changed or deleted must not
    /// pass for untouched.
    pub fn merge_bases(&self, trees: Trees) -> Result<Edits, Error> {
        let Merged { mut edits, conflicts, .. } = self.merge(trees)?;
        for Conflict { clash, .. } in conflicts {
            if clash.versions.base.is_none() && clash.kind != ConflictKind::FileDirectory {
                let fail = |source| Error::Content { path: clash.path.clone(), source };
                let content::Kept { blob, size, .. } = content::keep_bytes(self.sink, b"").map_err(fail)?;
                edits.insert(clash.path, Some(Entry { kind: FileKind::File, blob, size }));
            } else {
                edits.extend(subtree(self.sink, trees.ours, trees.base, &clash.path)?);
            }
        }
        Ok(edits)
    }

    fn attempt(&self, trees: Trees, clash: &Clash, strategy: &Strategy) -> Result<Tried, Error> {
        let take = |side: Side| -> Result<Tried, Error> {
            Ok(Tried::Settled(match side {
                Side::Ours => BTreeMap::new(),
                Side::Theirs => subtree(self.sink, trees.ours, trees.theirs, &clash.path)?,
            }))
        };
        match strategy {
            Strategy::Ask => Ok(Tried::Left { draft: None, details: Vec::new() }),
            Strategy::Ours => take(Side::Ours),
            Strategy::Theirs => take(Side::Theirs),
            Strategy::Newer => {
                let path = &clash.path;
                take((self.newer)(path).map_err(|source| Error::Newer { path: path.clone(), source })?)
            }
            _ if !matches!(clash.kind, ConflictKind::ModifyModify | ConflictKind::AddAdd) => {
                Ok(left(format!("{strategy} settles only what both sides have as files")))
            }
            _ => self.blend(clash, strategy),
        }
    }

    /// Makes one file of three versions.
    fn blend(&self, clash: &Clash, strategy: &Strategy) -> Result<Tried, Error> {
        let Versions { base, ours, theirs } = clash.versions;
        let base = base.filter(|base| base.kind != FileKind::Symlink);
        let largest = [base, ours, theirs].into_iter().flatten().map(|entry| entry.size).max();
        let limit =
            if matches!(strategy, Strategy::Text | Strategy::Union) { lines::MAX_BYTES } else { LARGEST };
        if let Some(size) = largest.filter(|size| *size > limit) {
            return Ok(left(format!(
                "it has {size} bytes, and {strategy} takes files of up to {} MiB",
                limit >> 20
            )));
        }
        let fail = |source| Error::Content { path: clash.path.clone(), source };
        let load = |entry: Option<Entry>| match entry {
            None => Ok(Vec::new()),
            Some(entry) => content::load(self.sink, entry.blob).map_err(fail),
        };
        let (base, ours, theirs) = (load(base)?, load(ours)?, load(theirs)?);
        let three = Three { base: &base, ours: &ours, theirs: &theirs };
        let (bytes, details) = match strategy {
            Strategy::Csv(key) => by_parts("CSV", csv::merge(three, key)),
            Strategy::Json => by_parts("JSON", json::merge(three)),
            Strategy::Command(command) => self.by_program(three, &clash.path, command)?,
            Strategy::Union => by_lines(three, Both::Keep),
            _ => by_lines(three, Both::Mark(&self.manner.labels)),
        };
        let Some(bytes) = bytes else { return Ok(Tried::Left { draft: None, details }) };
        let kept = content::keep_bytes(self.sink, &bytes).map_err(fail)?;
        let entry = Entry { kind: clash.versions.kind(), blob: kept.blob, size: kept.size };
        if details.is_empty() {
            return Ok(Tried::Settled(Edits::from([(clash.path.clone(), Some(entry))])));
        }
        Ok(Tried::Left { draft: Some(entry), details: shortened(details) })
    }

    fn by_program(&self, three: Three<'_>, path: &TreePath, command: &str) -> Result<Blended, Error> {
        let room = |source| Error::Room { path: path.clone(), source };
        let dir = self.tmp.path().map_err(room)?;
        fs::create_dir(&dir).map_err(room)?;
        let Manner { labels, timeout, .. } = self.manner;
        let call = Call { command, path, labels, dir: &dir, timeout: *timeout };
        let driven = call.run(three, self.watch.get_or_init(Watch::begin));
        // What a driver left behind there is swept later at the latest.
        let _ = owner::remove(&dir);
        Ok(match driven {
            Ok(Driven { bytes, conflicts: false }) => (Some(bytes), Vec::new()),
            Ok(Driven { bytes, .. }) => {
                (Some(bytes), vec!["the merge driver left conflicts in it".to_owned()])
            }
            Err(reason) => (None, vec![format!("the merge driver {command:?} failed: {reason}")]),
        })
    }
}

/// As many of the details as are told, none of them too long.
fn shortened(mut details: Vec<String>) -> Vec<String> {
    let more = details.len().saturating_sub(TOLD);
    details.truncate(TOLD);
    for detail in &mut details {
        if let Some((end, _)) = detail.char_indices().nth(LONGEST) {
            detail.truncate(end);
            detail.push_str("...");
        }
    }
    details.extend((more > 0).then(|| format!("and {more} more")));
    details
}

/// A file that was made, if one was, and what in it is at odds.
type Blended = (Option<Vec<u8>>, Vec<String>);

fn by_lines(three: Three<'_>, both: Both<'_>) -> Blended {
    let versions = [("base", three.base), ("ours", three.ours), ("theirs", three.theirs)];
    if let Some((version, _)) = versions.into_iter().find(|(_, bytes)| !lines::is_text(bytes)) {
        return (None, vec![format!("{version} is no text")]);
    }
    let merged = text::merge(three, both);
    let details =
        merged.conflicts.iter().map(|line| format!("both changed what is at line {line} of the draft"));
    (Some(merged.bytes), details.collect())
}

/// By the parts of a format, rows or values.
fn by_parts(format: &str, joined: Result<Joined, Unreadable>) -> Blended {
    match joined {
        Ok(Joined { bytes, conflicts }) => (Some(bytes), conflicts),
        Err(Unreadable { version, reason }) => {
            (None, vec![format!("{version} cannot be read as {format}: {reason}")])
        }
    }
}

/// The edits that make what lies at and below `path` in our tree what it is in the tree `side`.
pub fn subtree(
    objects: &dyn ObjectRead,
    ours: NodeId,
    side: NodeId,
    path: &TreePath,
) -> Result<Edits, snapshot::Error> {
    let below = snapshot::below(Some(path));
    let mut edits = BTreeMap::new();
    for change in Snapshot::new(objects, ours).diff(&Snapshot::new(objects, side), path.as_str()) {
        let snapshot::Change { path: at, after, .. } = change?;
        if at == *path || at.as_str().starts_with(&below) {
            edits.insert(at, after);
        }
    }
    Ok(edits)
}
