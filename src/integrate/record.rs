//! How an open merge is written down: docs/format.md has every byte.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::sides::{Ends, Request};
use crate::merge::{Clash, Conflict, ConflictKind, Strategy, Versions};
use crate::object::{Entry, NodeId, ObjectRead, ObjectWrite, TreePath, codec};
use crate::tree::{self, Cursor, Raw};

/// The version of these records that this release writes.
pub(super) const VERSION: u8 = 1;

/// The version of the records of conflicts.
const CONFLICT: u8 = 2;

/// A conflict as version 1 kept it: with one place at most of a renamed file.
#[derive(Serialize, Deserialize)]
struct ConflictV1 {
    clash: ClashV1,
    strategy: Strategy,
    draft: Option<Entry>,
    details: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ClashV1 {
    path: TreePath,
    kind: ConflictKind,
    versions: Versions,
    renamed_to: Option<TreePath>,
}

/// What is kept at a path.
pub(super) trait Kept: Sized {
    /// Its bytes.
    fn encode(&self) -> Result<Vec<u8>, codec::Error>;
    /// What has these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, codec::Error>;
}

impl Kept for Conflict {
    fn encode(&self) -> Result<Vec<u8>, codec::Error> {
        codec::encode(CONFLICT, self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, codec::Error> {
        if bytes.first() != Some(&VERSION) {
            return codec::decode(CONFLICT, bytes);
        }
        let ConflictV1 { clash, strategy, draft, details } = codec::decode(VERSION, bytes)?;
        let ClashV1 { path, kind, versions, renamed_to } = clash;
        let clash = Clash { path, kind, versions, renamed_to: renamed_to.into_iter().collect() };
        Ok(Self { clash, strategy, draft, details })
    }
}

impl Kept for Made {
    fn encode(&self) -> Result<Vec<u8>, codec::Error> {
        codec::encode(VERSION, self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, codec::Error> {
        codec::decode(VERSION, bytes)
    }
}

/// What becomes of a path in conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// The branch's version.
    Ours,
    /// The merged version.
    Theirs,
    /// That of their common ancestor.
    Base,
    /// What the strategy left, with whatever it could not settle.
    Draft,
    /// Another file.
    File(Entry),
    /// Nothing; what was chosen goes to another path.
    Moved {
        /// Where it goes.
        to: TreePath,
        /// What was chosen.
        entry: Entry,
    },
}

impl Choice {
    /// The choice in one word, for people and programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Base => "base",
            Self::Draft => "draft",
            Self::File(_) => "file",
            Self::Moved { .. } => "moved",
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { to, .. } => write!(f, "moved to {to}"),
            _ => f.write_str(self.word()),
        }
    }
}

/// The fact as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) author: String,
    pub(super) time: i64,
    pub(super) offset: i16,
    pub(super) request: Request,
    /// What was to be brought together when the conflicts were found.
    pub(super) ends: Ends,
    /// The conflicts, by path.
    pub(super) conflicts: NodeId,
    /// What was chosen, by path.
    pub(super) choices: NodeId,
}

/// A choice, and the versions between which it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) versions: Versions,
    pub(super) choice: Choice,
}

/// A map from paths to records, as a tree.
pub(super) fn write_map<'a, T: Kept + 'a>(
    sink: &dyn ObjectWrite,
    items: impl Iterator<Item = (&'a TreePath, &'a T)>,
) -> Result<NodeId, Error> {
    let mut encoded = BTreeMap::new();
    for (path, item) in items {
        let fail = |source| Error::Record { what: format!("the conflict at {path}"), source };
        encoded.insert(path.as_str().as_bytes().to_vec(), Raw(item.encode().map_err(fail)?));
    }
    Ok(tree::build(sink, encoded)?)
}

pub(super) fn read_map<T: Kept>(
    objects: &dyn ObjectRead,
    root: NodeId,
) -> Result<BTreeMap<TreePath, T>, Error> {
    let decode = |item: Result<(Vec<u8>, Raw), tree::Error>| {
        let (key, raw) = item?;
        let text = String::from_utf8_lossy(&key).into_owned();
        let fail = |source| Error::Record { what: format!("the conflict at {text}"), source };
        let path = text.parse().map_err(|_| fail(codec::Error::Empty))?;
        Ok((path, T::decode(&raw.0).map_err(fail)?))
    };
    Cursor::<Raw>::new(objects, root)?.map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrate::{Action, FastForward, Unrelated};
    use crate::merge::{Labels, Manner, Renames, Rules};
    use crate::object::{BlobId, CommitId, FileKind};

    fn sample() -> (Record, Conflict, Made) {
        let entry = |text: &str, kind| {
            Some(Entry { kind, blob: BlobId::of(text.as_bytes()), size: text.len() as u64 })
        };
        let versions = Versions {
            base: entry("old", FileKind::File),
            ours: None,
            theirs: entry("new", FileKind::Executable),
        };
        let clash = Clash {
            path: "d/a.csv".parse().unwrap(),
            kind: ConflictKind::ModifyDelete,
            versions,
            renamed_to: vec!["d/b.csv".parse().unwrap()],
        };
        let strategy = "csv:key=date".parse().unwrap();
        let conflict = Conflict {
            clash,
            strategy,
            draft: entry("draft", FileKind::File),
            details: vec!["why".to_owned()],
        };
        let manner = Manner {
            rules: Rules::new(vec!["ref/**=theirs".parse().unwrap()]),
            renames: Renames::Follow,
            labels: Labels { ours: "main".to_owned(), theirs: "bbg".to_owned() },
            timeout: std::time::Duration::new(600, 1),
        };
        let theirs = CommitId::of(b"theirs");
        let action = Action::Merge { theirs, forward: FastForward::Never, unrelated: Unrelated::Allow };
        let record = Record {
            author: "Ann".to_owned(),
            time: 1_714_573_800_000,
            offset: 120,
            request: Request { action, manner, message: "merge bbg".to_owned() },
            ends: Ends {
                ours: CommitId::of(b"ours"),
                theirs: Some(theirs),
                bases: vec![CommitId::of(b"base")],
            },
            conflicts: NodeId::of(b"conflicts"),
            choices: NodeId::of(b"choices"),
        };
        (record, conflict, Made { versions, choice: Choice::File(versions.base.unwrap()) })
    }

    #[test]
    fn the_bytes_of_an_open_merge_never_change() {
        let (record, conflict, made) = sample();
        let Conflict { clash, strategy, draft, details } = conflict.clone();
        let Clash { path, kind, versions, renamed_to } = clash;
        let clash = ClashV1 { path, kind, versions, renamed_to: renamed_to.into_iter().next() };
        let old = ConflictV1 { clash, strategy, draft, details };
        let encode = |bytes: Result<Vec<u8>, codec::Error>| bytes.unwrap().escape_ascii().to_string();
        let told = [
            encode(codec::encode(VERSION, &record)),
            encode(codec::encode(VERSION, &old)),
            encode(made.encode()),
        ];
        assert_eq!(told.join("\n"), include_str!("golden/open-merge-v1.txt").trim());
        assert_eq!(encode(conflict.encode()), include_str!("golden/open-merge-v2.txt").trim());
        // A conflict of version 1 is read as well.
        for bytes in [codec::encode(VERSION, &old).unwrap(), conflict.encode().unwrap()] {
            assert_eq!(Conflict::decode(&bytes).unwrap(), conflict);
        }
    }
}
